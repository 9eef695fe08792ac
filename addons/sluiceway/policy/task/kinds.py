"""The kinds of work that a request may be."""

from __future__ import annotations

from typing import Literal

type Kind = Literal["coding", "reasoning", "creative", "other"]

KINDS: tuple[Kind, ...] = ("coding", "reasoning", "creative", "other")
UNKNOWN: Literal["unknown"] = "unknown"

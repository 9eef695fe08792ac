"""The parts of a conversation, as the audit takes them in: one text each, with the role it came in."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Part:
    """A system prompt, a message, a content block, a tool's arguments or its result."""

    role: str
    text: str = field(repr=False)

    @classmethod
    def of_block(cls, role: str, block: Mapping[str, Any]) -> Part:
        """A content block as canonical text. `cache_control` goes: Anthropic's clients move that mark along
        with each turn, and the same block would look new each time."""
        plain = {name: value for name, value in block.items() if name != "cache_control"}
        return cls(role, json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False))

    @property
    def size_bytes(self) -> int:
        """What it takes in memory."""
        return sys.getsizeof(self.text)


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text after redaction, and how many of each type were taken out."""

    text: str = field(repr=False)
    findings: Mapping[str, int]

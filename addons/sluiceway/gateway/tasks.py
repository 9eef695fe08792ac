"""The task of a request, told once from its document, and only where somebody wants to know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluiceway.policy.task import Task, classify, signals
from sluiceway.wire.question import question


def task_of(document: Mapping[str, Any], client: str | None = None) -> Task:
    """What sort of work a request asks for. `client` is the client's own word."""
    asked = question(document)
    return classify(signals(asked.text, asked.before, asked.system, asked.tools, client))

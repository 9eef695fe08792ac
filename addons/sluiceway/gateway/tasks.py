"""The task of a request, told once from its document, and only where somebody wants to know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.parts import GatewayParts
from sluiceway.policy.task import Task, classify, signals
from sluiceway.wire.dialect import Reading
from sluiceway.wire.question import question


def tell_task(exchange: Exchange, parts: GatewayParts, reading: Reading) -> None:
    """Puts the task where routes and the ledger find it; leaves it unknown where nobody looks."""
    if parts.tells_tasks or exchange.rules.policy.tasks_watched:
        exchange.task = task_of(reading.document, exchange.client.name).known


def task_of(document: Mapping[str, Any], client: str | None = None) -> Task:
    """What sort of work a request asks for. `client` is the client's own word."""
    asked = question(document)
    return classify(signals(asked.text, asked.before, asked.system, asked.tools, client))

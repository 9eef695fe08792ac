"""A loop of tool calls that another vendor's model began, as Claude takes it while it thinks by a budget.

"Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final
`assistant` message must start with a thinking block." A failover leaves such a turn behind: the other model's
thoughts are nobody else's. Until the loop ends, thinking is off, which the API allows; Claude keeps its own
earlier thoughts out of sight then. Only for budgets: adaptive thinking has no such rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluiceway.wire.dialect import Reading
from sluiceway.wire.fields import items, mapping

_DIALECTS = frozenset({"anthropic_messages", "anthropic_vertex"})
_THOUGHTS = frozenset({"thinking", "redacted_thinking"})


def without_lost_thoughts(reading: Reading) -> Reading:
    """The request with thinking switched off where its last turn of the model's calls tools without thoughts;
    else the same object."""
    document = reading.document
    if reading.call.dialect not in _DIALECTS or mapping(document.get("thinking")).get("type") != "enabled":
        return reading
    if not _calls_without_thoughts(document):
        return reading
    return reading.rewritten(reading.call, {**document, "thinking": {"type": "disabled"}})


def _calls_without_thoughts(document: Mapping[str, Any]) -> bool:
    said = (mapping(message) for message in reversed(items(document.get("messages"))))
    last = next((message for message in said if message.get("role") == "assistant"), {})
    kinds = [str(mapping(block).get("type")) for block in items(last.get("content"))]
    return "tool_use" in kinds and kinds[0] not in _THOUGHTS

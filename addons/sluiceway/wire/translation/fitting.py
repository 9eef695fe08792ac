"""A translated request in the words of a provider that differs from the API it speaks (`Quirks`)."""

from __future__ import annotations

from typing import Any

from sluiceway.types import Quirks
from sluiceway.wire.quirks import ASKS, CHAT, NO_THINKING, lacks_thoughts
from sluiceway.wire.translation.losses import Losses

_WHY = "the provider does not take it"
# Without them it would be another request.
_ESSENTIAL = frozenset({"tools", "response_format"})


def fit(document: dict[str, Any], dialect: str, quirks: Quirks, losses: Losses) -> None:
    """Changes the document: fields are renamed, and what the provider does not take is left out. Only Chat
    has such providers (`wire/quirks.py`)."""
    if dialect != CHAT:
        return
    for old, new in quirks.renames.items():
        if old in document:
            document[new] = document.pop(old)
    if quirks.stream_usage != "asked":
        document.pop(ASKS, None)  # told unasked, or not at all
    if quirks.thoughts == "handed_back" and lacks_thoughts(document):
        document.pop("reasoning_effort", None)
        document["thinking"] = dict(NO_THINKING)  # it is on unless it is switched off
        losses.drop("thinking", "what the model thought before it called tools is not there to go on from")
    for name in [name for name in document if _is_refused(name, quirks)]:
        del document[name]
        if name in _ESSENTIAL:
            losses.need(name, _WHY)
        else:
            losses.drop(name, _WHY)


def _is_refused(name: str, quirks: Quirks) -> bool:
    return name in quirks.refuses or bool(quirks.takes and name not in quirks.takes)

"""Arguments of a call as an object for a client that will run the tool: never mended, since half a command is
another command (`rm -rf /tmp/x` cut short)."""

from __future__ import annotations

from typing import Any

from sluiceway.wire.fields import load
from sluiceway.wire.translation.reading import INVALID, object_of


def whole_object(arguments: str) -> dict[str, Any]:
    """The object that the model wrote to its end; else one whose only field no tool has, so that the client
    refuses the call and the model reads why."""
    if not arguments.strip():
        return {}
    if load(arguments.encode(errors="replace")) is None:
        return {INVALID: arguments}
    return object_of(arguments)

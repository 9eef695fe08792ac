"""A loop of tool calls that another vendor began goes on at Claude, which would refuse it while it thinks."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from sluiceway.wire import Target, by_name
from sluiceway.wire.anthropic_loop import without_lost_thoughts

CALL = {"type": "tool_use", "id": "call_1", "name": "f", "input": {}}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1"}]}
THOUGHT = {"type": "thinking", "thinking": "x", "signature": "s"}
BUDGET = {"type": "enabled", "budget_tokens": 2048}


def read(thinking: object, *blocks: dict[str, Any]) -> Any:
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": list(blocks)}, RESULT]
    document = {"model": "claude-sonnet-4-5", "max_tokens": 9000, "thinking": thinking, "messages": messages}
    return by_name("anthropic_messages").read(Target("POST", "/v1/messages"), {}, orjson.dumps(document))


def test_thinking_is_off_until_the_loop_ends() -> None:
    mended = without_lost_thoughts(read(BUDGET, CALL))
    assert mended.document["thinking"] == {"type": "disabled"}
    assert orjson.loads(mended.body)["thinking"] == {"type": "disabled"}


@pytest.mark.parametrize(
    "reading",
    [
        pytest.param(read(BUDGET, THOUGHT, CALL), id="its own thoughts"),
        pytest.param(read(BUDGET, {"type": "redacted_thinking", "data": "x"}, CALL), id="hidden thoughts"),
        pytest.param(read(BUDGET, {"type": "text", "text": "Hi"}), id="no call"),
        pytest.param(read({"type": "adaptive"}, CALL), id="adaptive"),
        pytest.param(read(None, CALL), id="not thinking"),
    ],
)
def test_all_others_stay_as_they_are(reading: Any) -> None:
    assert without_lost_thoughts(reading) is reading

"""The formula by which the simulated providers count, worked by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluiceway.demo import answers
from sluiceway.demo.counting import message_blocks, prompt_tokens, tokens


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("hi", 5, id="role-16-and-2-bytes-are-18-so-5-tokens"),
        pytest.param("", 4, id="an-empty-message-costs-its-role"),
        pytest.param("ä" * 8, 8, id="bytes-count-not-characters"),
        pytest.param([{"type": "text", "text": "hi"}], 5, id="a-text-part-is-its-text"),
        pytest.param(
            [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}], 5, id="marks-are-free"
        ),
        pytest.param([{"type": "image", "source": {"data": "A" * 99_999}}], 4 + 1024, id="an-image-is-flat"),
        pytest.param([{"inlineData": {"data": "A" * 99_999}}], 4 + 1024, id="so-is-gemini's"),
        pytest.param([{"type": "tool_result", "content": "1234"}], 5, id="a-tool-result-is-its-content"),
        pytest.param([{"a": 1}], 4 + 2, id="the-rest-is-its-json"),
    ],
)
def test_input_tokens_are_a_quarter_of_the_billed_bytes(content: Any, expected: int) -> None:
    assert prompt_tokens(message_blocks("user", content)) == expected


@given(
    st.one_of(st.none(), st.integers(0, 500)),
    st.one_of(st.none(), st.integers(1, 300)),
    st.booleans(),
    st.binary(),
)
def test_what_is_written_is_what_is_billed_and_never_passes_the_limit(
    wanted: int | None, limit: int | None, thinks: bool, prompt: bytes
) -> None:
    written = answers.write(prompt, wanted=wanted, limit=limit, thinks=thinks)
    parts = tokens(len(written.text.encode())) + tokens(len(written.reasoning.encode()))
    assert written.output_tokens == parts
    assert limit is None or written.output_tokens <= limit
    assert wanted is None or written.output_tokens == min(wanted, wanted if limit is None else limit)
    assert (
        written.truncated == (wanted is not None and limit is not None and wanted > limit) or wanted is None
    )


@given(st.text(min_size=1, max_size=400), st.one_of(st.none(), st.integers(1, 600)))
def test_pieces_are_the_whole_text_in_at_most_so_many(text: str, events: int | None) -> None:
    pieces = answers.pieces(text, events)
    assert "".join(pieces) == text
    assert all(pieces)
    assert events is None or len(pieces) == min(events, len(text))


def test_the_same_prompt_gets_the_same_answer_and_another_may_not() -> None:
    said = {
        answers.write(f"prompt {number % 20}".encode(), wanted=None, limit=None, thinks=False).text
        for number in range(40)
    }
    assert 1 < len(said) <= len(answers.TEXTS)

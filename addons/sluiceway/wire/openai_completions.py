"""The OpenAI Completions API: a prompt that is completed; also Mistral's fill-in-the-middle (FIM).

The older API answers with `text` in each choice (OpenAI API reference, Completions), FIM with chat's messages
and chunks (Mistral API reference, FIM). Both tell usage as Chat does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluiceway.errors import WireError
from sluiceway.types import Call, ErrorAnswer, Refusal
from sluiceway.wire import deployment, notice, openai_error
from sluiceway.wire.answer_parts import AnswerParts
from sluiceway.wire.answer_parts_chat import completion_parts
from sluiceway.wire.body import read_object
from sluiceway.wire.dialect import Reading, Tap, Target
from sluiceway.wire.extent import Extent
from sluiceway.wire.fields import MAX_CHOICES, choices, flag, items, label, whole
from sluiceway.wire.openai_chat import asking_for_usage
from sluiceway.wire.openai_chat_stream import TEXT, ChatMeter, is_usage_chunk, parse_completion
from sluiceway.wire.openai_embeddings import BYTES_PER_TOKEN, token_ids
from sluiceway.wire.parts import IDENTIFIER, USER, Path, Segment
from sluiceway.wire.rewrite import asks_less, limited, replaced, with_model
from sluiceway.wire.sse import EventSplitter
from sluiceway.wire.tap import JsonTap, StreamTap, Veil, is_stream
from sluiceway.wire.walk import Parts, segments

_PARTS: Parts = {"model": IDENTIFIER, "prompt": USER, "suffix": USER}


class OpenAICompletions:
    """The dialect of /v1/completions and /v1/fim/completions."""

    name = "openai_completions"

    def read(
        self, target: Target, headers: Mapping[str, str], body: bytes, add_usage: bool = True
    ) -> Reading:
        document, sound = read_object(body)
        reading = Reading(self._call(document, target), sound, document, target)
        return asking_for_usage(reading) if add_usage else reading

    def _call(self, document: Mapping[str, Any], target: Target) -> Call:
        prompt = document.get("prompt")
        if not isinstance(prompt, str | list):
            raise WireError("prompt: a string or a list is required")
        extent = Extent()
        extent.add(prompt)
        extent.add(document.get("suffix"))
        return Call(
            dialect=self.name,
            operation="completions",
            model=deployment.model_of(document, target),
            stream=flag(document, "stream"),
            max_output_tokens=whole(document, "max_tokens"),
            choices=_answers(document, prompt),
            conversation_id=label(document.get("prompt_cache_key")),
            input_bytes=extent.input_bytes + BYTES_PER_TOKEN * token_ids(prompt),
            dense_bytes=extent.dense_bytes,
        )

    def limit_output(self, reading: Reading, max_output_tokens: int) -> Reading:
        if asks_less(reading, max_output_tokens, "max_tokens"):
            return reading
        return limited(reading, max_output_tokens, {"max_tokens": max_output_tokens})

    def segments(self, reading: Reading) -> tuple[Segment, ...]:
        return segments(reading.document, _PARTS)

    def replaced(self, reading: Reading, changes: Mapping[Path, str]) -> Reading:
        return replaced(reading, _PARTS, changes, lambda document: self._call(document, reading.target))

    def with_model(self, reading: Reading, model: str) -> tuple[Reading, str]:
        return with_model(reading, model)

    def notice(self, reading: Reading, text: str, request_id: str) -> ErrorAnswer:
        """An editor would insert a notice into somebody's code, so it is a refusal."""
        return self.refuse(notice.refusal(text), request_id)

    def tap(self, call: Call, status: int, content_type: str) -> Tap:
        if status >= 400:
            return JsonTap(openai_error.parse_error, generates=False)
        if is_stream(call, content_type):
            veil = Veil(is_usage_chunk) if call.usage_added else None
            return StreamTap(EventSplitter(), ChatMeter(call, TEXT), veil)
        return JsonTap(parse_completion)

    def answer_parts(self, document: object) -> AnswerParts:
        return completion_parts(document)

    def refuse(self, refusal: Refusal, request_id: str, codex: bool = False) -> ErrorAnswer:
        return openai_error.refuse(refusal, request_id, codex)


def _answers(document: Mapping[str, Any], prompt: object) -> int:
    """How many completions are generated and billed: `n` or `best_of` of each prompt."""
    prompts = len(items(prompt)) if any(isinstance(item, str | list) for item in items(prompt)) else 1
    wanted = max(choices(document, "n"), choices(document, "best_of")) * prompts
    if wanted > MAX_CHOICES * MAX_CHOICES:
        raise WireError(f"prompt: at most {MAX_CHOICES * MAX_CHOICES} completions can be asked for at once")
    return wanted

"""What the real providers refuse in a conversation, for simulators that are told to be as strict.

By their own errors: a call without its result and a result without its call, an id given twice, an empty
text, thoughts that somebody else signed (Anthropic); the same of calls and results (OpenAI); turns out of
order, other functions than were called, and from Gemini 3 on a call without a signature (Google).
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterable
from hashlib import sha512
from typing import Any

from sluiceway.demo.counting import parts
from sluiceway.demo.exchange import Asked, Json, Rejected, body_of

_SIGNED = "Z2VtaW5p"  # what this simulator's own signatures begin with
_SKIPS = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
_ID = re.compile(r"[a-zA-Z0-9_-]+")
_CALL_KINDS = ("function_call", "custom_tool_call")


def signature_of(text: str) -> str:
    """A signature of this simulator's Gemini."""
    return _SIGNED + b64encode(sha512(text.encode()).digest()).decode()


def check(asked: Asked) -> None:
    """Raises Rejected for a conversation that the real API would refuse."""
    if asked.method == "POST":
        for ending, rule in _RULES:
            if ending.search(asked.path):
                rule(asked, body_of(asked))
                return


def _anthropic(asked: Asked, body: Json) -> None:
    said = [message for message in body["messages"] if message["role"] != "system"]
    if said[0]["role"] != "user":
        raise Rejected(400, "messages: first message must use the user role")
    open_ids: list[str] = []
    seen: set[str] = set()
    for number, message in enumerate(said):
        blocks = [block for block in parts(message["content"]) if isinstance(block, dict)]
        _texts(number, blocks)
        given = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        if set(open_ids) - set(given):
            raise Rejected(
                400, f"messages.{number}: `tool_use` ids were found without `tool_result` blocks after"
            )
        if set(given) - set(open_ids) or len(set(given)) < len(given):
            raise Rejected(400, f"messages.{number}: unexpected `tool_use_id` found in `tool_result` blocks")
        open_ids = [block["id"] for block in blocks if block["type"] == "tool_use"]
        if seen & set(open_ids) or len(set(open_ids)) < len(open_ids):
            raise Rejected(400, f"messages.{number}: `tool_use` ids must be unique")
        seen |= set(open_ids)
        if not all(_ID.fullmatch(one) for one in open_ids):
            raise Rejected(400, f"messages.{number}: tool_use.id: String should match pattern")
    if open_ids:
        raise Rejected(400, "`tool_use` ids were found without `tool_result` blocks immediately after")


def _texts(number: int, blocks: Iterable[Json]) -> None:
    for block in blocks:
        if block["type"] == "text" and not block["text"].strip():
            raise Rejected(400, f"messages.{number}: text content blocks must be non-empty")
        if block["type"] == "thinking":
            own = b64encode(sha512(block["thinking"].encode()).digest()).decode()
            if block["signature"] != own:
                raise Rejected(400, f"messages.{number}: Invalid `signature` in `thinking` block")


def _chat(asked: Asked, body: Json) -> None:
    open_ids: list[str] = []
    for message in body["messages"]:
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_ids:
                raise Rejected(400, "Invalid parameter: 'tool_call_id' not found in 'tool_calls' before it.")
            open_ids.remove(message["tool_call_id"])
            continue
        if open_ids:
            raise Rejected(400, "An assistant message with 'tool_calls' must be followed by tool messages.")
        open_ids = [call["id"] for call in message.get("tool_calls") or ()]
        if any(len(one) > 40 for one in open_ids):
            raise Rejected(
                400, "Invalid 'tool_calls[0].id': string too long. Expected at most 40 characters."
            )
    if open_ids:
        raise Rejected(400, "An assistant message with 'tool_calls' must be followed by tool messages.")


def _responses(asked: Asked, body: Json) -> None:
    if not isinstance(body["input"], list) or body.get("previous_response_id"):
        return
    called: set[str] = set()
    answered: set[str] = set()
    for item in body["input"]:
        kind = str(item.get("type"))
        if kind in _CALL_KINDS:
            called.add(item["call_id"])
        elif kind.removesuffix("_output") in _CALL_KINDS:
            answered.add(item["call_id"])
        elif kind == "reasoning" and not item.get("encrypted_content") and not item.get("id"):
            raise Rejected(400, "Invalid 'input': a reasoning item needs its encrypted content.")
    if missing := called - answered:
        raise Rejected(400, f"No tool output found for function call {min(missing)}.")
    if odd := answered - called:
        raise Rejected(400, f"No tool call found for function call output with call_id {min(odd)}.")


def _gemini(asked: Asked, body: Json) -> None:
    contents: list[Json] = body["contents"]
    signed = re.search(r"gemini-[3-9]", asked.path) is not None
    turn = max((n for n, content in enumerate(contents) if _is_words(content)), default=0)
    calls: list[str] = []
    for number, content in enumerate(contents):
        found = [part for part in parts(content["parts"]) if isinstance(part, dict)]
        given = [part["functionResponse"]["name"] for part in found if "functionResponse" in part]
        if sorted(given) != sorted(calls):
            raise Rejected(
                400,
                "Please ensure that the number of function response parts is equal to the number of calls.",
            )
        asking = [part for part in found if "functionCall" in part]
        calls = [part["functionCall"]["name"] for part in asking]
        if asking and content.get("role") != "model":
            raise Rejected(400, "Please ensure that function call turn comes immediately after a user turn.")
        if asking and signed and number > turn and not _is_signed(asking[0]):
            raise Rejected(400, "Function call is missing a thought_signature in functionCall parts.")
    if calls or contents[-1].get("role") == "model":
        raise Rejected(
            400, "Please ensure that multiturn requests end with a user role or function response."
        )


def _is_words(content: Json) -> bool:
    """The message that began the turn: from it on calls must be signed."""
    found = [part for part in parts(content["parts"]) if isinstance(part, dict)]
    return content.get("role") == "user" and not any("functionResponse" in part for part in found)


def _is_signed(part: Any) -> bool:
    signature = part.get("thoughtSignature") or ""
    return signature in _SKIPS or signature.startswith(_SIGNED)


_RULES: tuple[tuple[re.Pattern[str], Callable[[Asked, Json], None]], ...] = (
    (re.compile(r"/messages\Z"), _anthropic),
    (re.compile(r"/chat/completions\Z"), _chat),
    (re.compile(r"/responses\Z"), _responses),
    (re.compile(r":(?:streamG|g)enerateContent\Z"), _gemini),
)

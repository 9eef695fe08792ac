"""What the simulated models say: short texts chosen by the prompt, cut or lengthened to so many tokens."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from zlib import crc32

import orjson

from sluiceway.demo import repeating
from sluiceway.demo.counting import TOKEN_BYTES, tokens
from sluiceway.demo.tools import ToolCall

TEXTS = (
    "The build fails because the lock file still names the old release. Update the lock file, run the tests "
    "once more, and commit both together so that nobody meets a half-changed tree.",
    "Three things stand out in these figures: spending follows working hours, two teams make up most of it, "
    "and long prompts cost more than long answers. Start with the prompts that repeat.",
    "Yes. A heap keeps the smallest element at its root, so taking the k smallest of n items needs "
    "O(n log k) time and only k slots of memory. Sorting everything is fine below a few thousand.",
    "Dear colleagues, the review moves to Thursday at ten. Please bring one open question each; we will "
    "decide what ships this month and what waits. – See you there",
    "The function reads the file twice: once to count and once to parse. Count while parsing, and the second "
    "pass goes away. I would also close the file with a context manager.",
    "Als Kurzfassung: Der Vertrag läuft zwölf Monate, verlängert sich stillschweigend und lässt sich mit "
    "einer Frist von drei Monaten kündigen. Für größere Mengen gilt die Staffel im Anhang.",
    "I would index the two columns you filter on, in the order in which they narrow the result, and look at "
    "the query plan again. If the scan is still there, the statistics are probably stale.",
    "Here is a way to phrase it: we measured before we changed anything, we changed one thing, and we "
    "measured again. The difference is what the change is worth. ✓",
)
THOUGHTS = (
    "The question has one short answer and one tempting detour. First settle what is asked, then check it "
    "against the numbers given, then answer without the detour.",
    "Two readings are possible. The second fits the earlier messages better, so answer that one and name the "
    "assumption in a clause.",
)
_MOST_PIECES = 2000


@dataclass(frozen=True, slots=True)
class Written:
    """What a model wrote: a text or a tool call, perhaps after some reasoning.

    `output_tokens` include `reasoning_tokens`; `truncated`: a limit cut it short.
    """

    text: str
    reasoning: str
    output_tokens: int
    reasoning_tokens: int
    truncated: bool = False
    call: ToolCall | None = None


def write(
    prompt: bytes,
    *,
    wanted: int | None,
    limit: int | None,
    thinks: bool,
    call: ToolCall | None = None,
    fixed: str | None = None,
) -> Written:
    """An answer to `prompt`: `wanted` output tokens in all if given, never more than `limit`.

    A `call` is made instead where the limit allows it; `fixed` is said word for word instead,
    such as JSON that fits a schema, and so is what the prompt asks to be repeated.
    """
    fixed = repeating.in_request(prompt) if fixed is None else fixed
    if call is not None:
        thought = THOUGHTS[crc32(prompt) % len(THOUGHTS)] if thinks else ""
        total = call.output_tokens + _tokens(thought)
        if limit is None or total <= limit:
            return Written("", thought, total, _tokens(thought), call=call)
    text, reasoning = _said(prompt, wanted, thinks, fixed)
    thought_tokens = _tokens(reasoning)
    total = _tokens(text) + thought_tokens
    if limit is None or total <= limit:
        return Written(text, reasoning, total, thought_tokens)
    thought_tokens = min(thought_tokens, limit)
    text, reasoning = _cut(text, limit - thought_tokens), _cut(reasoning, thought_tokens)
    return Written(text, reasoning, limit, thought_tokens, truncated=True)


def _said(prompt: bytes, wanted: int | None, thinks: bool, fixed: str | None) -> tuple[str, str]:
    if fixed is not None or wanted is None:
        text = TEXTS[crc32(prompt) % len(TEXTS)] if fixed is None else fixed
        return text, THOUGHTS[crc32(prompt) % len(THOUGHTS)] if thinks else ""
    thought = wanted // 4 if thinks else 0
    return of_tokens(wanted - thought), of_tokens(thought)


@lru_cache(maxsize=64)
def of_tokens(count: int) -> str:
    """A text of exactly `count` tokens, ASCII, so that bytes are characters."""
    line = TEXTS[0] + " " + TEXTS[4] + "\n"
    size = count * TOKEN_BYTES
    return (line * (size // len(line) + 1))[:size]


@lru_cache(maxsize=64)
def quoted(text: str, events: int | None) -> tuple[bytes, ...]:
    """The pieces as JSON strings: the part of a stream that is the same in every answer."""
    return tuple(orjson.dumps(piece) for piece in pieces(text, events))


def pieces(text: str, events: int | None) -> tuple[str, ...]:
    """The text in so many pieces (at most one a character), else in pieces of about four tokens."""
    if not text:
        return ()
    count = min(events, len(text)) if events else min(-(-len(text) // (4 * TOKEN_BYTES)), _MOST_PIECES)
    bounds = [len(text) * index // count for index in range(count + 1)]
    return tuple(text[start:end] for start, end in pairwise(bounds))


def _tokens(text: str) -> int:
    return tokens(len(text.encode()))


def _cut(text: str, count: int) -> str:
    # A character has at most four bytes, so dropping a broken one never lowers the count.
    return text.encode()[: count * TOKEN_BYTES].decode(errors="ignore")

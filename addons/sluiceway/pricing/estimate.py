"""How many tokens a call will use, guessed on the high side before the answer, and better with use.

A prior from bytes, then what past answers taught: per model the ratio of real to estimated input and the
tokens per byte of output, per model and client the length of answers. Held in memory, bounded, no clock.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from math import ceil

from sluiceway.types import Answer, Call, UsageSource

# English and code tokenise at 3.5 to 4.5 bytes a token; 3 leans high without blocking innocents.
BYTES_PER_TOKEN = 3
# CJK at 3 bytes a character, hex and base64 at one token for one to two characters: two tokens for three
# bytes lie between, and the learned margin takes what is left.
DENSE_TOKENS, DENSE_BYTES = 2, 3
# Roles and separators around messages; and what a provider writes into the prompt when tools are given
# (Anthropic, "Tool use": up to 530 tokens, more than other providers document).
FRAME_TOKENS = 16
TOOL_PROMPT_TOKENS = 530

OUTPUT_PRIOR_TOKENS = 1024
SAMPLES = 64
ENOUGH = 8
OUTPUT_HEADROOM = Decimal("1.2")
# Text never has more than one token a byte, three times the prior. Images by URL have, and must not
# teach a margin that blocks everyone else's text.
MAX_MARGIN = Decimal(3)
CUT_HEADROOM = Decimal("1.1")
MAX_KEYS = 10_000
ANY_CLIENT = ""


@dataclass(frozen=True, slots=True)
class PreviousInput:
    """The conversation's last call: the tokens the provider reported, the bytes that call had sent."""

    input_tokens: int
    input_bytes: int
    dense_bytes: int = 0
    output_tokens: int = 0


def input_tokens(call: Call, previous: PreviousInput | None) -> int:
    """Input tokens to expect, leaning high. Multiply by `Learned.input_margin` before reserving.

    After a previous call only what is new is guessed. With `held_input` the provider adds the
    history itself, so all bytes of the call are new, and the last answer is input too.
    """
    if previous is not None and (call.held_input or call.previous_response_id is not None):
        return (
            previous.input_tokens + previous.output_tokens + _from_bytes(call.input_bytes, call.dense_bytes)
        )
    if previous is not None and call.input_bytes >= previous.input_bytes:
        new_bytes = call.input_bytes - previous.input_bytes
        new_dense = min(max(call.dense_bytes - previous.dense_bytes, 0), new_bytes)
        return previous.input_tokens + FRAME_TOKENS + _from_bytes(new_bytes, new_dense)
    tools = TOOL_PROMPT_TOKENS if call.has_tools else 0
    return FRAME_TOKENS + tools + _from_bytes(call.input_bytes, call.dense_bytes)


def _from_bytes(all_bytes: int, dense_bytes: int) -> int:
    prose = max(all_bytes - dense_bytes, 0)
    return -(-prose // BYTES_PER_TOKEN) + -(-dense_bytes * DENSE_TOKENS // DENSE_BYTES)


def output_prior() -> int:
    """Output tokens to reserve before anything is learned: above most chat answers, and little enough
    that a small cap is not used up by reservations; streams top up as they go."""
    return OUTPUT_PRIOR_TOKENS


@dataclass(slots=True)
class _Seen:
    """The last samples of one key. `ratios` are real over estimated input."""

    outputs: deque[int] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    ratios: deque[Decimal] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    cuts: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=SAMPLES))  # (tokens, bytes)


class Learned:
    """What finished answers taught. Only answers with the provider's own final count teach."""

    def __init__(self, max_keys: int = MAX_KEYS) -> None:
        self._max_keys = max_keys
        self._seen: OrderedDict[tuple[str, str], _Seen] = OrderedDict()

    def observe(
        self, model: str, client: str, call: Call, answer: Answer, previous: PreviousInput | None = None
    ) -> None:
        """Learn from one answer; `previous` is what its estimate was made with."""
        usage = answer.usage
        if not answer.complete or usage.source is not UsageSource.REPORTED:
            return
        everyone = self._of(model, ANY_CLIENT)
        if usage.input_tokens:
            everyone.ratios.append(Decimal(usage.input_tokens) / max(input_tokens(call, previous), 1))
        if usage.output_tokens is None:
            return
        if answer.output_bytes and usage.output_tokens:
            everyone.cuts.append((usage.output_tokens, answer.output_bytes))
        for seen in (everyone, self._of(model, client)) if client else (everyone,):
            seen.outputs.append(usage.output_tokens)

    def output_expected(self, model: str, client: str) -> int | None:
        """Tokens that about 99 of 100 answers stay below, with headroom: from this client, else from any.
        None before enough answers were seen."""
        for key in ((model, client), (model, ANY_CLIENT)):
            seen = self._seen.get(key)
            if seen is not None and len(seen.outputs) >= ENOUGH:
                self._seen.move_to_end(key)
                return ceil(_p99(seen.outputs) * OUTPUT_HEADROOM)
        return None

    def input_margin(self, model: str) -> Decimal:
        """What to multiply an input estimate by: the p99 of real over estimated, between 1 and 3."""
        seen = self._seen.get((model, ANY_CLIENT))
        if seen is None or len(seen.ratios) < ENOUGH:
            return Decimal(1)
        margin = _p99(seen.ratios).quantize(Decimal("0.01"), rounding=ROUND_CEILING)
        return min(max(margin, Decimal(1)), MAX_MARGIN)

    def output_from_bytes(self, output_bytes: int, model: str) -> int:
        """Output tokens of a cut answer, from the bytes of it that were seen.

        The model's own tokens per byte, hidden reasoning included as it was on average, plus a tenth;
        before enough answers were seen one token per 3 bytes.
        """
        seen = self._seen.get((model, ANY_CLIENT))
        if seen is None or len(seen.cuts) < ENOUGH:
            return -(-output_bytes // BYTES_PER_TOKEN)
        tokens = sum(tokens for tokens, _ in seen.cuts)
        return ceil(output_bytes * CUT_HEADROOM * tokens / sum(size for _, size in seen.cuts))

    def _of(self, model: str, client: str) -> _Seen:
        seen = self._seen.setdefault((model, client), _Seen())
        self._seen.move_to_end((model, client))
        while len(self._seen) > self._max_keys:
            self._seen.popitem(last=False)
        return seen


def _p99[N: (int, Decimal)](samples: Sequence[N]) -> N:
    """The 99th percentile by nearest rank; of fewer than 100 samples, the highest."""
    if len(samples) < 100:
        return max(samples)
    return sorted(samples)[ceil(len(samples) * 99 / 100) - 1]

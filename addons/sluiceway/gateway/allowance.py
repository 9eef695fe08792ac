"""Money for one request: what to reserve before it starts, and topping up while its answer streams."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sluiceway.errors import Refused
from sluiceway.gateway.exchange import Exchange, likely_input
from sluiceway.gateway.parts import GatewayParts
from sluiceway.policy import caps as caps_for
from sluiceway.pricing.estimate import output_prior
from sluiceway.store.records import Busy, Granted, Reservation, Spent, Want
from sluiceway.types import Call, Cap, LedgerRow, Refusal, RefusalKind, to_nusd, to_usd
from sluiceway.wire.dialect import Tap

# The least output worth starting for: below it an answer would be cut before it says anything.
FLOOR_TOKENS = 16
# What an unlimited JSON answer may come to, where nothing better is known; models end far below it.
UNLIMITED_TOKENS = 32_000
# Topping up looks this far ahead, so that a stream seldom waits for the store.
AHEAD_TOKENS = 256
# A token is at least this many bytes of an SSE stream: what may pass before the next look.
STREAM_BYTES_PER_TOKEN = 2


@dataclass(frozen=True, slots=True)
class Estimate:
    """Upper-leaning guesses before the answer, in tokens and integer nano-dollars."""

    input_tokens: int
    expected_tokens: int  # what the output will most likely stay under
    most_tokens: int  # what it cannot pass, or UNLIMITED_TOKENS
    input_nusd: int
    token_nusd: float

    def cost(self, output_tokens: int) -> int:
        return self.input_nusd + int(output_tokens * self.token_nusd) + 1

    def affordable(self, nusd: int) -> int:
        """Output tokens that `nusd` pays for, after the input."""
        if self.token_nusd <= 0:
            return UNLIMITED_TOKENS * 1000
        return max(0, int((nusd - 1 - self.input_nusd) / self.token_nusd))


def estimate(exchange: Exchange, parts: GatewayParts, call: Call) -> Estimate:
    """What this call may cost, from its size, its limits and what such calls came to before."""
    input_tokens = likely_input(exchange, parts)
    limit = call.max_output_tokens
    most = (UNLIMITED_TOKENS if limit is None else limit) * call.choices
    client = (exchange.client.name if exchange.client else None) or ""
    expected = parts.learned.output_expected(call.model or "", client) or output_prior()
    expected = min(expected * call.choices, most)
    if call.operation in ("embeddings", "count_tokens"):
        expected = most = 0
    return Estimate(
        input_tokens,
        expected,
        most,
        _bound(exchange, call, input_tokens, 0),
        (_bound(exchange, call, input_tokens, 10_000) - _bound(exchange, call, input_tokens, 0)) / 10_000,
    )


def _bound(exchange: Exchange, call: Call, input_tokens: int, output_tokens: int) -> int:
    if call.operation == "count_tokens":
        return 0  # documented as free by the providers that offer it
    usd, _known = exchange.rules.prices.bound(
        provider=exchange.attachment.provider,
        model=call.model,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        at=exchange.started_at,
        cache_writes=call.cache_writes,
        service_tier=call.service_tier,
        operation=call.operation,
        dialect=call.dialect,
    )
    return to_nusd(usd)


async def reserve(exchange: Exchange, parts: GatewayParts, row: LedgerRow) -> tuple[Granted, Estimate]:
    """Opens the row and reserves on all caps that apply, all or nothing; Refused when they do not carry it.

    A stream starts with what it will likely need and tops up. A JSON answer cannot be stopped half way, so
    it starts with its worst case where the caps carry that, else with what is likely, and its output limit
    is then lowered to what was reserved.
    """
    call = exchange.call
    assert call
    guess = estimate(exchange, parts, call)
    caps: tuple[Cap, ...] = ()
    if row.budgeted:
        caps = caps_for(exchange.rules.policy, exchange.principal, exchange.started_at, parts.time_zone)
    floor = guess.cost(min(FLOOR_TOKENS, guess.most_tokens))
    likely = Want(guess.cost(guess.expected_tokens), floor)
    admit = parts.store.ledger.admit
    if not call.stream and caps and guess.most_tokens > guess.expected_tokens:
        worst = Want(guess.cost(guess.most_tokens), floor)
        answer = await admit(row, worst, caps, 0)
        if isinstance(answer, Busy):
            answer = await admit(row, likely, caps, parts.wait_s)
    else:
        answer = await admit(row, likely, caps, parts.wait_s)
    if isinstance(answer, Granted):
        return answer, guess
    raise Refused(refusal(exchange, parts, answer))


def refusal(exchange: Exchange, parts: GatewayParts, answer: Spent | Busy) -> Refusal:
    """The words for an employee whose request no cap carries."""
    cap = answer.cap
    limit = f"{to_usd(cap.limit_nusd):,.2f} USD"
    name = f"budget '{cap.rule}' ({limit} per {cap.window})" if cap.ends_at else f"budget '{cap.rule}' ({limit})"
    if isinstance(answer, Busy):
        return Refusal(
            RefusalKind.BUSY,
            "budget_busy",
            f"Sluiceway: the {name} is held by requests still running. Try again in a few seconds.",
            rule=cap.rule,
            retry_after_s=answer.retry_after_s,
        )
    until = ""
    if cap.ends_at:
        until = f" It resets at {cap.ends_at.astimezone(parts.time_zone):%Y-%m-%d %H:%M %Z}."
    spent = f"{to_usd(answer.spent_nusd):,.2f} USD"
    return Refusal(
        RefusalKind.BUDGET,
        "budget_spent",
        f"Sluiceway: the {name} is used up: {spent} spent.{until} Ask {parts.contact} if you need more.",
        rule=cap.rule,
        resets_at=cap.ends_at,
    )


class Allowance:
    """Watches a stream's output against its reservation and tops it up in time."""

    def __init__(
        self, parts: GatewayParts, reservation: Reservation, guess: Estimate, call: Call, caps_apply: bool
    ) -> None:
        self._parts = parts
        self._reservation = reservation
        self._guess = guess
        self._call = call
        self._nusd = reservation.nusd
        self._unlimited = not caps_apply
        self._passed = 0
        self._look_at = 0

    async def covers(self, tap: Tap, length: int) -> bool:
        """Whether `length` more bytes of the stream are paid for. False: cut it here."""
        self._passed += length
        if self._unlimited or self._passed < self._look_at:
            return True
        seen = self._seen(tap)
        left = self._guess.affordable(self._nusd) - seen
        if left < AHEAD_TOKENS and not self._whole_answer_reserved():
            more = int(max(AHEAD_TOKENS * 2, seen // 4) * self._guess.token_nusd) + 1
            self._nusd += await self._parts.store.ledger.top_up(self._reservation, more)
            left = self._guess.affordable(self._nusd) - seen
        self._look_at = self._passed + max(0, left - AHEAD_TOKENS) * STREAM_BYTES_PER_TOKEN
        return left >= 0

    def _seen(self, tap: Tap) -> int:
        answer = tap.answer()
        told = answer.usage.input_tokens
        if told is not None and told > self._guess.input_tokens:
            each = self._guess.input_nusd / max(1, self._guess.input_tokens)
            self._guess = replace(self._guess, input_tokens=told, input_nusd=int(told * each) + 1)
        seen = self._parts.learned.output_from_bytes(answer.output_bytes, self._call.model or "")
        if self._call.max_output_tokens is not None:
            seen = min(seen, self._call.max_output_tokens * self._call.choices)
        return seen

    def _whole_answer_reserved(self) -> bool:
        return (
            self._call.max_output_tokens is not None
            and self._guess.affordable(self._nusd) >= self._guess.most_tokens
        )

"""Money for one request before it starts: what it may cost, what is reserved, or the no if none is left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from sluiceway.errors import Refused, StoreError
from sluiceway.gateway.billing import FREE, likely_input
from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.parts import GatewayParts
from sluiceway.gateway.refusals import NO_LEDGER, SIGNED_LIMIT
from sluiceway.policy import words
from sluiceway.policy.scope import in_words
from sluiceway.pricing import regions
from sluiceway.pricing.estimate import output_prior
from sluiceway.store.records import Answer, Busy, Granted, Spent, Want
from sluiceway.types import Call, Cap, LedgerRow, Refusal, RefusalKind, Unit, to_nusd

# The least output of each choice worth starting for: below it an answer would be cut before it says anything.
FLOOR_TOKENS = 16
# What a stream starts with at least: with less, its first chunks would have to ask for more.
STREAM_TOKENS = 512
# What a JSON answer without a limit is taken to come to at most, where the caps carry it.
UNLIMITED_TOKENS = 32_000
# What no model passes in one answer: where the caps would not carry it, a limit is set.
LONGEST_TOKENS = 128_000
_SAMPLE_TOKENS = 10_000
# What everybody is held to, whoever pays.
FOR_ALL: frozenset[Unit] = frozenset(("requests", "concurrent"))
NOTHING_SPENT = Want(0, 0)

type Admission = Callable[[LedgerRow, Want, Sequence[Cap], float], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Estimate:
    """Upper-leaning guesses before the answer, in tokens and integer nano-dollars.

    `expected_tokens`: what the output will most likely stay under; `most_tokens`: what it cannot pass, or
    is taken not to pass where the call sets no limit. Both for all choices together.
    """

    input_tokens: int
    expected_tokens: int
    most_tokens: int
    input_nusd: int
    token_nusd: float

    def cost(self, output_tokens: int) -> int:
        return self.input_nusd + int(output_tokens * self.token_nusd) + 1

    def want(self, output_tokens: int, least_tokens: int) -> Want:
        """What to ask the store for: so much output, or at least so much."""
        return Want(
            self.cost(output_tokens),
            self.cost(least_tokens),
            tokens=self.input_tokens + output_tokens,
            floor_tokens=self.input_tokens + least_tokens,
        )

    def affordable(self, nusd: int) -> int:
        """Output tokens that `nusd` pays for, after the input."""
        if self.token_nusd <= 0:
            return LONGEST_TOKENS * 1000
        return max(0, int((nusd - 1 - self.input_nusd) / self.token_nusd))


def estimate(exchange: Exchange, parts: GatewayParts, call: Call) -> Estimate:
    """What this call may cost, from its size, its limits and what such calls came to before."""
    input_tokens = likely_input(exchange, parts)
    if call.operation in FREE:
        return Estimate(input_tokens, 0, 0, 0, 0.0)
    limit = UNLIMITED_TOKENS if call.max_output_tokens is None else call.max_output_tokens
    most = limit * call.choices
    each = parts.learned.output_expected(call.model or "", exchange.client.name or "") or output_prior()
    if tops_up(call):
        each = max(each, STREAM_TOKENS)
    without_output = _bound_nusd(exchange, call, input_tokens, 0)
    with_output = _bound_nusd(exchange, call, input_tokens, _SAMPLE_TOKENS)
    return Estimate(
        input_tokens=input_tokens,
        expected_tokens=most if call.fixed_output else min(each * call.choices, most),
        most_tokens=most,
        input_nusd=without_output,
        token_nusd=(with_output - without_output) / _SAMPLE_TOKENS,
    )


def _bound_nusd(exchange: Exchange, call: Call, input_tokens: int, output_tokens: int) -> int:
    usd, _known = exchange.rules.prices.bound(
        provider=exchange.provider,
        model=call.model,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        at=exchange.started_at,
        cache_writes=call.cache_writes,
        service_tier=call.service_tier,
        region=regions.of_host(exchange.host) or call.region,
        operation=call.operation,
        dialect=call.dialect,
        units=call.units,
    )
    return to_nusd(usd)


async def reserve(
    exchange: Exchange, parts: GatewayParts, row: LedgerRow, admit: Admission | None = None
) -> tuple[Granted, Estimate]:
    """Opens the row and reserves on all caps that apply, all or nothing; Refused if they do not carry it.
    `admit`: how the ledger is asked, where the attempt takes another's place."""
    call = exchange.call
    assert call
    guess = estimate(exchange, parts, call)
    caps: tuple[Cap, ...] = ()
    if row.budgeted and call.operation not in FREE:
        caps = caps_of(exchange, parts, row.spends)
    try:
        answer = await _admit(parts, row, call, guess, caps, exchange.sealed, admit)
    except StoreError:
        raise Refused(NO_LEDGER) from None
    if isinstance(answer, Granted):
        exchange.warn_of(answer.passed)
        return answer, guess
    if exchange.sealed and isinstance(answer, Spent) and answer.spent < answer.cap.limit:
        raise Refused(replace(SIGNED_LIMIT, rule=answer.cap.rule, resets_at=answer.cap.ends_at))
    if call.operation == "batch" and not answer.cap.is_rate:
        raise Refused(_does_not_fit(call, guess, answer.cap, exchange, parts))
    if isinstance(answer, Spent):
        parts.exhausted(answer.cap)
    raise UsedUp(no_money(answer, exchange, parts), answer.cap)


async def _admit(
    parts: GatewayParts,
    row: LedgerRow,
    call: Call,
    guess: Estimate,
    caps: tuple[Cap, ...],
    whole: bool,
    admit: Admission | None,
) -> Answer:
    """A stream starts with what it will likely need and tops up. A JSON answer cannot be stopped half way, so
    it starts with its worst case where the caps carry that now, else with what is likely, and is limited. So
    does an answer made in the background, streamed or not: the provider would go on without us.
    `whole`: it cannot be limited either, so it waits for its worst case, or for the longest answer at all."""
    admit = admit or parts.store.ledger.admit
    if not row.spends:
        return await admit(row, NOTHING_SPENT, caps, parts.wait_s)
    if call.operation == "batch":  # whole or not at all: it cannot be limited, nor ended half way
        return await admit(row, guess.want(guess.most_tokens, guess.most_tokens), caps, 0)
    least = _least_tokens(call, guess)
    likely = guess.want(max(least, guess.expected_tokens), least)
    if whole and not call.stream:
        unlimited = call.max_output_tokens is None
        most = LONGEST_TOKENS * call.choices if unlimited else guess.most_tokens
        return await admit(row, guess.want(most, most), caps, parts.wait_s)
    if not tops_up(call) and (caps or call.background) and guess.most_tokens > guess.expected_tokens:
        # Its worst case whole or not at all: else the first of many would take all that is left.
        answer = await admit(row, guess.want(guess.most_tokens, guess.most_tokens), caps, 0)
        if isinstance(answer, Granted):
            return answer
    return await admit(row, likely, caps, parts.wait_s)


def tops_up(call: Call) -> bool:
    """Whether more money can be asked for on the way, because the answer can be ended at any time."""
    return call.stream and not call.background and not call.fixed_output


def _least_tokens(call: Call, guess: Estimate) -> int:
    """Output worth starting for."""
    return guess.most_tokens if call.fixed_output else min(FLOOR_TOKENS * call.choices, guess.most_tokens)


def output_limit(call: Call, guess: Estimate, granted: Granted) -> int | None:
    """The output limit, for each choice, that keeps an answer we cannot end within its caps; None: none."""
    if tops_up(call) or call.fixed_output or call.operation == "batch":
        return None
    limits = (_limit_by_money(call, guess, granted), _limit_by_tokens(guess, granted))
    known = [limit for limit in limits if limit is not None]
    return max(1, min(known) // call.choices) if known else None


def _limit_by_money(call: Call, guess: Estimate, granted: Granted) -> int | None:
    if granted.remaining_nusd is None:
        return None
    affordable = guess.affordable(granted.nusd)
    longest = guess.cost(LONGEST_TOKENS * call.choices)
    unlimited = call.max_output_tokens is None and granted.nusd + granted.remaining_nusd < longest
    return affordable if affordable < guess.most_tokens or unlimited else None


def _limit_by_tokens(guess: Estimate, granted: Granted) -> int | None:
    if granted.remaining_tokens is None:
        return None
    left = granted.tokens - guess.input_tokens
    return left if left < guess.most_tokens else None


class UsedUp(Refused):
    """No cap carries it. `degrade_to`: the model that may be asked for instead, by the budget `rule`."""

    def __init__(self, refusal: Refusal, cap: Cap) -> None:
        super().__init__(refusal)
        self.rule = cap.rule
        self.degrade_to = None if refusal.kind is RefusalKind.BUSY else cap.degrade_to


def caps_of(
    exchange: Exchange, parts: GatewayParts, spends: bool, model: str | None = None
) -> tuple[Cap, ...]:
    """The caps on what is asked, as it stands or of another `model`; not `spends`: those that hold for
    everybody alone."""
    spender = exchange.spender if model is None else replace(exchange.spender, model=model)
    found = parts.caps.of(exchange.rules, spender, exchange.started_at)
    return found if spends else tuple(cap for cap in found if cap.unit in FOR_ALL)


def floor_of(exchange: Exchange, parts: GatewayParts, call: Call) -> Want:
    """The least that a call would start with."""
    guess = estimate(exchange, parts, call)
    return guess.want(_least_tokens(call, guess), _least_tokens(call, guess))


def no_money(answer: Spent | Busy, exchange: Exchange, parts: GatewayParts) -> Refusal:
    """The words for an employee whose request no cap carries."""
    cap = answer.cap
    contact = exchange.rules.policy.contact(cap.rule) or parts.contact
    name = f"budget '{cap.rule}' ({_whose(cap, exchange)}{_limit(cap)})"
    if isinstance(answer, Busy):
        rate = answer.resets_at is not None
        why = "is used up for now" if rate else "is held by requests still running"
        return Refusal(
            RefusalKind.RATE if rate else RefusalKind.BUSY,
            "rate_limited" if rate else "budget_busy",
            f"Sluiceway: the {name} {why}. Try again in {answer.retry_after_s} seconds; ask {contact} if it "
            "happens often.",
            rule=cap.rule,
            retry_after_s=answer.retry_after_s,
            resets_at=answer.resets_at,
            contact=contact,
        )
    spent = words.amount(answer.spent, cap.unit)
    return Refusal(
        RefusalKind.BUDGET,
        "budget_spent",
        f"Sluiceway: the {name} is used up: {spent} spent.{again(cap, parts)} "
        f"Ask {contact} if you need more.",
        rule=cap.rule,
        resets_at=cap.ends_at,
        contact=contact,
    )


def again(cap: Cap, parts: GatewayParts) -> str:
    """How and when it comes back, where it does."""
    if cap.ends_at is None:
        return ""
    return f" {words.until(cap)} {cap.ends_at.astimezone(parts.time_zone):%Y-%m-%d %H:%M %Z}."


def _whose(cap: Cap, exchange: Exchange) -> str:
    """Whose budget it is, and on what; of the whole company and of nothing in particular it goes without."""
    who, keys = exchange.principal, exchange.rules.keys.known
    place = tuple(pair for pair in cap.scope if pair != (who.kind, who.name))
    theirs = ["your own"] if len(place) < len(cap.scope) else []
    on = [in_words(place, lambda key: keys[key].label if key in keys else None)] if place else []
    return f"{', '.join([*theirs, *on])}; " if cap.scope else ""


def _does_not_fit(call: Call, guess: Estimate, cap: Cap, exchange: Exchange, parts: GatewayParts) -> Refusal:
    """The words for a batch that may cost more than a cap has left."""
    most = guess.cost(guess.most_tokens) if cap.unit == "usd" else guess.input_tokens + guess.most_tokens
    contact = exchange.rules.policy.contact(cap.rule) or parts.contact
    message = (
        f"Sluiceway: this batch of {call.choices:,} answers may come to {words.amount(most, cap.unit)}, more "
        f"than is left of the budget '{cap.rule}' ({_whose(cap, exchange)}{_limit(cap)})."
        f"{again(cap, parts)} Lower its output limits, send it in parts, or ask {contact}."
    )
    return Refusal(RefusalKind.BUDGET, "batch_does_not_fit", message, cap.rule, None, cap.ends_at, contact)


def _limit(cap: Cap) -> str:
    """`5.00 USD per month`, `60 requests in any 24 hours`, `40 requests at once`."""
    every = words.per(cap.window)
    if cap.ends_at is None:
        return words.amount(cap.limit, cap.unit)
    plain = every.removeprefix("a ").removeprefix("an ")
    return f"{words.amount(cap.limit, cap.unit)} {every if plain == every else f'per {plain}'}"

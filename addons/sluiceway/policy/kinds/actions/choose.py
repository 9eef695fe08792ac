"""Choose: the best of the catalogue's models, or of some of them, that meets the constraints."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from sluiceway.policy.case import CONVERSING, LOSES, Case
from sluiceway.policy.conditions import Milliseconds
from sluiceway.policy.kinds.actions.place import NOT_OURS, STAYS, Found
from sluiceway.policy.kinds.actions.pool import WORDS, Out, Pool, Preference, ranked
from sluiceway.policy.match import Glob
from sluiceway.policy.staying import stays
from sluiceway.settings.models import Ability, Offer, RegionName, Tier
from sluiceway.settings.section import Count, Section
from sluiceway.types import Target

type Usd = Annotated[Decimal, Field(gt=0, le=1000)]


class Choose(Section):
    """Constraints on where a request may go, and what is preferred among what is left.

    `from`: the whole catalogue, or names and patterns of it, `claude-*` or `bedrock/claude-*`.
    `max_cost_per_1k`: USD for 1,000 tokens, three of input to one of output. `max_latency_ms`, `max_ttft_ms`:
    the 95th percentile we measured lately (the average where that is not known yet); what nobody has measured
    may be tried. `otherwise`: what becomes of a request that nobody is left for; where a region is required
    it is denied, else it goes on as asked, if not said otherwise.
    """

    from_: Literal["catalogue"] | Annotated[tuple[Glob, ...], Field(min_length=1)] = Field(
        default="catalogue", alias="from"
    )
    prefer: Preference = "cheapest"
    needs: tuple[Ability, ...] = ()
    min_context: Count | None = None
    tier: Tier | None = None
    region: RegionName | None = None
    max_cost_per_1k: Usd | None = None
    max_latency_ms: Milliseconds | None = None
    max_ttft_ms: Milliseconds | None = None
    otherwise: Literal["as_asked", "deny"] | None = None

    @property
    def denies(self) -> bool:
        """Whether a request that nobody is left for is turned away."""
        return self.otherwise == "deny" or (self.otherwise is None and self.region is not None)

    def apply(self, case: Case, rule: str) -> Found:
        if not case.facts.may_reroute:
            return Found(None, (NOT_OURS,))
        pool, out = case.policy.pool(self), Out()
        if case.call.operation not in CONVERSING:
            return self._nobody(pool.lines)
        own = None if case.facts.stays_with is None else pool.get(case.facts.stays_with)
        if own is not None and not out.drops(own, case.unable(own)):
            return Found(own.target, (f"the conversation stays at {own.target}",))
        # Only who would have been preferred is looked at, and said to have fallen out.
        preferred = ranked(case, self.prefer, pool.offers)
        able = (o for o in preferred if o is not own and not out.drops(o, self._unable(case, o)))
        best = next(able, None)
        lines = (*pool.lines, *out.lines)
        if best is None:
            return self._nobody(lines)
        if not self._binds(case, pool) and (why := stays(case, best.target)):
            return Found(case.here, (*lines, why))
        where = STAYS if best.target == case.asked else f"{case.asked} -> {best.target}"
        return Found(best.target, (*lines, f"{where}: {WORDS[self.prefer]} that can"))

    @property
    def words(self) -> str:
        """What it does, for whom it concerns."""
        return f"answered by the {self.prefer.replace('_', ' ')} model that can"

    def targets(self, case: Case) -> Iterator[Target]:
        """Where it may send a request."""
        return (offer.target for offer in case.policy.pool(self).offers)

    def breaks(self, case: Case, target: Target) -> str | None:
        """Which constraint of kind the target breaks; None: none that is known."""
        offer = case.offer(target)
        return "not in the catalogue" if offer is None else Pool.unfit(self, offer)

    def _nobody(self, lines: tuple[str, ...]) -> Found:
        if not self.denies:
            return Found(None, (*lines, "not applied: nobody is left"))
        required = f" in the region {self.region}" if self.region else ""
        why = f"no model{required} meets its constraints now"
        if lost := next((line.partition(LOSES)[2] for line in lines if LOSES in line), ""):
            why += f", for {LOSES}{lost}"
        return Found(None, (*lines, "denied: nobody is left"), why)

    def _unable(self, case: Case, offer: Offer) -> str | None:
        return case.unable(offer) or self._exceeds(case, offer.target)

    def _binds(self, case: Case, pool: Pool) -> bool:
        """Whether the conversation may not stay where it is, since that place breaks a constraint of kind."""
        offer = case.offer(case.here)
        return offer is None or pool.unfit(self, offer) is not None

    def _exceeds(self, case: Case, target: Target) -> str | None:
        """Which limit on money or time the target is beyond."""
        if self.max_cost_per_1k is not None:
            price = case.tariff.per_1k_usd(target)
            if price is None:
                return "no price is known"
            if price > self.max_cost_per_1k:
                return f"costs more than {self.max_cost_per_1k} USD per 1k"
        health = case.facts.health.get(target)
        if health is None:
            return None
        if _beyond(self.max_ttft_ms, health.ttft_p95_ms, health.ttft_ms):
            return f"takes more than {self.max_ttft_ms} ms to begin"
        if _beyond(self.max_latency_ms, health.latency_p95_ms, health.latency_ms):
            return f"takes more than {self.max_latency_ms} ms"
        return None


def _beyond(limit: int | None, p95: float | None, average: float | None) -> bool:
    known = average if p95 is None else p95
    return limit is not None and known is not None and known > limit

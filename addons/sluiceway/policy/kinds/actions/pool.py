"""The candidates of a constraint: those of the catalogue that can ever meet it, who falls out and why, in
which order the rest are preferred."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from sluiceway.policy.case import LACKS, Case
from sluiceway.policy.match import matches
from sluiceway.settings.models import TIERS, Models, Offer
from sluiceway.types import Target

if TYPE_CHECKING:
    from sluiceway.policy.kinds.actions.choose import Choose

type Preference = Literal["cheapest", "fastest", "same_family"]

NAMED = 3  # how many of those that fell out for one reason are named


@dataclass(frozen=True, slots=True)
class Pool:
    """Who can ever meet a constraint, whatever the request; `out`: who cannot, by the reason."""

    offers: tuple[Offer, ...]
    out: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, models: Models, choose: Choose) -> Pool:
        offers: list[Offer] = []
        out: dict[str, tuple[str, ...]] = {}
        for offer in models.offers:
            if not _is_named(choose, offer):
                continue
            if (why := cls.unfit(choose, offer)) is None:
                offers.append(offer)
            else:
                out[why] = (*out.get(why, ()), offer.label)
        return cls(tuple(offers), out)

    @staticmethod
    def unfit(choose: Choose, offer: Offer) -> str | None:
        """Which constraint of kind, that no time and no price will change, an offer breaks."""
        model = offer.model
        if choose.region is not None and choose.region not in offer.regions:
            return f"not known to answer in {choose.region}"
        if lacking := [need for need in choose.needs if need not in model.can]:
            return LACKS[lacking[0]]
        if choose.min_context is not None and model.context_tokens < choose.min_context:
            return f"context below {choose.min_context:,} tokens"
        if choose.tier is not None and model.tier != choose.tier:
            return f"not of the tier {choose.tier}"
        return None


class Out:
    """Who fell out of a choice, gathered by reason."""

    def __init__(self, known: Mapping[str, tuple[str, ...]]) -> None:
        self._known = known
        self._now: dict[str, list[Offer]] = {}

    def drops(self, offer: Offer, why: str | None) -> bool:
        """Whether it falls out; remembers why."""
        if why is None:
            return False
        self._now.setdefault(why, []).append(offer)
        return True

    @property
    def effects(self) -> tuple[str, ...]:
        """A line for each reason."""
        now = {why: [o.label for o in offers[:NAMED]] for why, offers in self._now.items()}
        counts = {why: len(offers) for why, offers in self._now.items()}
        for why, labels in self._known.items():
            now[why] = [*now.get(why, ()), *labels[:NAMED]][:NAMED]
            counts[why] = counts.get(why, 0) + len(labels)
        return tuple(_line(why, labels, counts[why]) for why, labels in now.items())


def _line(why: str, labels: list[str], count: int) -> str:
    more = f" and {count - len(labels)} more" if count > len(labels) else ""
    return f"out: {', '.join(labels)}{more}: {why}"


def _is_named(choose: Choose, offer: Offer) -> bool:
    if choose.from_ == "catalogue":
        return True
    names = (offer.model.name, offer.label, str(offer.target))
    return any(matches(glob, name) for glob in choose.from_ for name in names)


def price_of(case: Case, target: Target) -> Decimal | None:
    """USD for 1,000 tokens; None: not known."""
    price = case.facts.price(target)
    return None if price is None else price.per_1k_usd


def ranked(case: Case, prefer: Preference, offers: Iterable[Offer]) -> list[Offer]:
    """The preferred first. What cannot be told comes last; of equals the cheaper, then what needs no move."""
    far = float("inf")

    def cost(offer: Offer) -> float:
        price = price_of(case, offer.target)
        return far if price is None else float(price)

    def key(offer: Offer) -> tuple[float | bool | str, ...]:
        tail = (cost(offer), offer.target.provider != case.asked.provider, offer.label, offer.target.model)
        if prefer == "fastest":
            return (_speed(case, offer.target), *tail)
        return (*kin(case, offer), *tail) if prefer == "same_family" else tail

    return sorted(offers, key=key)


def _speed(case: Case, target: Target) -> float:
    """Milliseconds, as who asks feels them: to the first byte of a stream, else to the whole answer."""
    health = case.facts.health.get(target)
    if health is None:
        return float("inf")
    known = health.ttft_ms if case.call.stream else health.latency_ms
    return float("inf") if known is None else known


def kin(case: Case, offer: Offer) -> tuple[int, int]:
    """How near an offer is to what was asked: the same model, its family, another; then by tiers apart."""
    asked = case.offer(case.asked)
    if asked is None:
        return 2, 0
    if offer.model.name == asked.model.name:
        return 0, 0
    apart = abs(TIERS[offer.model.tier] - TIERS[asked.model.tier])
    return (1 if offer.model.family == asked.model.family else 2), apart

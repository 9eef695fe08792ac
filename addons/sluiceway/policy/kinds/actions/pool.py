"""The candidates of a constraint: those of the catalogue that can ever meet it, who falls out and why, in
which order the rest are preferred."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from sluiceway.policy.case import LACKS, Case
from sluiceway.policy.match import matches
from sluiceway.settings.models import TIERS, Models, Offer
from sluiceway.types import Target

if TYPE_CHECKING:
    from sluiceway.policy.kinds.actions.choose import Choose

type Preference = Literal["cheapest", "fastest", "same_family"]

WORDS: Mapping[Preference, str] = MappingProxyType(
    {"cheapest": "the cheapest", "fastest": "the fastest", "same_family": "the nearest of kin"}
)
NAMED = 3  # how many of those that fell out for one reason are named


@dataclass(frozen=True, slots=True)
class Pool:
    """Who can ever meet a constraint, whatever the request; `lines`: who cannot, and why."""

    offers: tuple[Offer, ...]
    lines: tuple[str, ...]

    @classmethod
    def of(cls, models: Models, choose: Choose) -> Pool:
        globs = ("*",) if choose.from_ == "catalogue" else choose.from_
        named = [offer for offer in models.offers if any(is_named(glob, offer) for glob in globs)]
        out = Out()
        return cls(tuple(o for o in named if not out.drops(o, cls.unfit(choose, o))), out.lines)

    def get(self, target: Target) -> Offer | None:
        """The offer of that target, if it is one of them."""
        return next((offer for offer in self.offers if offer.target == target), None)

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

    def __init__(self) -> None:
        self._found: dict[str, list[Offer]] = {}

    def drops(self, offer: Offer, why: str | None) -> bool:
        """Whether it falls out; remembers why."""
        if why is None:
            return False
        self._found.setdefault(why, []).append(offer)
        return True

    @property
    def lines(self) -> tuple[str, ...]:
        """A line for each reason."""
        return tuple(_line(why, offers) for why, offers in self._found.items())


def _line(why: str, offers: list[Offer]) -> str:
    more = f" and {len(offers) - NAMED} more" if len(offers) > NAMED else ""
    return f"out: {', '.join(offer.label for offer in offers[:NAMED])}{more}: {why}"


def is_named(glob: str, offer: Offer) -> bool:
    """Whether a name or pattern of a rule means an offer."""
    return any(matches(glob, name) for name in (offer.model.name, offer.name, str(offer.target)))


def ranked(case: Case, prefer: Preference, offers: tuple[Offer, ...]) -> Iterable[Offer]:
    """The preferred first. What cannot be told comes last; of equals the cheaper."""
    cheapest_first = case.tariff.cheapest_first(offers)
    if prefer == "fastest":
        return sorted(cheapest_first, key=lambda offer: _speed(case, offer.target))
    if prefer == "same_family":
        return sorted(cheapest_first, key=lambda offer: kin(case, offer))
    return cheapest_first


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
    own, other = asked.model, offer.model
    if other.name == own.name:
        return 0, 0
    return (1 if other.family == own.family else 2), abs(TIERS[other.tier] - TIERS[own.tier])

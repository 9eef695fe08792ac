"""One request as a route sees it: what it needs of a model, where it may go, and why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from types import MappingProxyType
from typing import TYPE_CHECKING

from sluiceway.policy.injecting import injected_by
from sluiceway.settings.models import Model, Offer
from sluiceway.types import Call, Facts, Principal, Target

if TYPE_CHECKING:
    from sluiceway.policy.policy import Policy
    from sluiceway.policy.tariff import Tariff

# Why a candidate falls out, in the words of the trail.
LACKS: Mapping[str, str] = MappingProxyType(
    {
        "tools": "cannot call tools",
        "streaming": "cannot stream",
        "vision": "cannot see images",
        "json": "cannot be held to JSON",
        "thinking": "cannot think",
    }
)
TOO_SMALL = "context too small for this request"
TOO_SHORT = "cannot answer as long as is asked"
NO_ROAD = "takes no requests of this API, or the company has no key there"
NO_KEY = "no rule gives the company's key for it"
OPEN = "is not answering at the moment"
LOSES = "the request cannot be translated without"

# Choosing a model by what it can do is for conversations: vectors of another model cannot be compared.
CONVERSING = frozenset({"chat", "generate_content", "count_tokens"})


@dataclass(frozen=True, slots=True)
class Needs:
    """What a request needs: abilities, room for its input, and for the longest answer it asks for."""

    abilities: frozenset[str]
    input_tokens: int
    output_tokens: int

    @classmethod
    def of(cls, call: Call, facts: Facts) -> Needs:
        wanted = (
            ("tools", call.has_tools),
            ("streaming", call.stream),
            ("vision", call.has_images),
            ("json", call.wants_json),
            ("thinking", call.has_thinking),
        )
        abilities = frozenset(name for name, asked in wanted if asked)
        return cls(abilities, facts.input_tokens, call.max_output_tokens or 0)

    def lacking(self, model: Model) -> str | None:
        """What the model cannot do of it; None: it can do all."""
        if not self.abilities <= model.can:
            return next(LACKS[name] for name in LACKS if name in self.abilities and name not in model.can)
        if self.input_tokens + self.output_tokens > model.context_tokens:
            return TOO_SMALL
        if model.max_input_tokens is not None and self.input_tokens > model.max_input_tokens:
            return TOO_SMALL
        if model.max_output_tokens is not None and self.output_tokens > model.max_output_tokens:
            return TOO_SHORT
        return None


def lacking(policy: Policy, call: Call, facts: Facts, target: Target) -> str | None:
    """What a target of the catalogue cannot do of what a request needs; None: all, or nobody knows."""
    offer = policy.models.get(target)
    return None if offer is None else Needs.of(call, facts).lacking(offer.model)


class Case:
    """A request under a policy, for as long as it is decided on. Remembers what it worked out."""

    def __init__(self, policy: Policy, who: Principal, call: Call, facts: Facts) -> None:
        self.policy, self.who, self.call, self.facts = policy, who, call, facts
        self.models = policy.models
        self.asked = Target(facts.provider, call.model or "")
        self.needs = Needs.of(call, facts)
        self.keeps_out: Callable[[Target], str | None] | None = None  # a constraint that lets none elsewhere
        self._roads: dict[str | Target, str | None] = {}
        self._lacking: dict[str, str | None] = {}

    @property
    def here(self) -> Target:
        """Where the conversation is: at what served it last, else at what is asked."""
        return self.facts.stays_with or self.asked

    @property
    def may_stay(self) -> bool:
        """Whether it may be where it is by the rules of today: as asked, or where one of them may lead."""
        here = self.here
        return here == self.asked or any(rule.may_hold(self, here) for rule in self.policy.routes)

    @property
    def tariff(self) -> Tariff:
        """What the offers of the catalogue cost now."""
        return self.policy.tariff(self.facts.price)

    def offer(self, target: Target) -> Offer | None:
        return self.models.get(target)

    def barred(self, target: Target) -> str | None:
        """Why the request cannot go there now; None: it can. An unknown model is taken at its word, but for a
        constraint that would rather have a request denied."""
        if self.keeps_out is not None and (why := self.keeps_out(target)):
            return why
        if (offer := self.models.get(target)) is not None:
            return self.unable(offer, target)
        if why := self._silent(target):
            return why
        return None if target == self.asked else self._road(target) or self._lost(target)

    def unable(self, offer: Offer, target: Target | None = None) -> str | None:
        """As `barred`, for an offer of the catalogue, which `target` may call by another name."""
        target = target or offer.target
        if self._silent(target):
            return OPEN
        if target != self.asked:
            if why := self._road(target):
                return why
            if offer.dialects and offer.dialects.isdisjoint(self._ways(target.provider)):
                return NO_ROAD
        return self._lacks(offer.model) or self._lost(target)

    def _lost(self, target: Target) -> str | None:
        """What could not be told to another API. Looked at last: it costs most."""
        if target.provider == self.facts.provider:
            return None
        lost = self.facts.loses(target)
        return None if lost is None else f"{LOSES} {lost}"

    def lacking(self, target: Target) -> str | None:
        """What the target cannot do of what the request needs; an unknown model is taken at its word."""
        offer = self.models.get(target)
        return None if offer is None else self._lacks(offer.model)

    def _lacks(self, model: Model) -> str | None:
        if model.name not in self._lacking:
            self._lacking[model.name] = self.needs.lacking(model)
        return self._lacking[model.name]

    def _silent(self, target: Target) -> str | None:
        health = self.facts.health.get(target)
        return OPEN if health is not None and health.open else None

    def _ways(self, provider: str) -> frozenset[str]:
        """In which dialects the request can arrive at a provider."""
        ways = (self.facts.reachable or {}).get(provider)
        own = frozenset({self.call.dialect}) if provider == self.facts.provider else frozenset()
        return own if ways is None else ways

    def _road(self, target: Target) -> str | None:
        """Why no request like this gets to the provider; None: it does."""
        if target.provider == self.facts.provider:
            return None
        place = target if self.policy.injects_by_model else target.provider
        if place not in self._roads:
            self._roads[place] = self._road_to(target)
        return self._roads[place]

    def _road_to(self, target: Target) -> str | None:
        if not self._ways(target.provider):
            return NO_ROAD
        call = replace(self.call, model=target.model)
        key = injected_by(self.policy, self.who, call, replace(self.facts, provider=target.provider))
        return NO_KEY if key is None else None

    def is_given_key(self, provider: str) -> bool:
        """Whether a rule gives requests like this the company's key of a provider, whichever model they will
        name."""
        rules = self.policy.inject
        facts = replace(self.facts, provider=provider)
        return any(rule.match.of_any_model.lasts(self.who, self.call, facts) for rule in rules)

    def named(self, provider: str | None, model: str | None, of: Target | None = None) -> Target:
        """The target that a rule means; what it leaves out is as in `of`, or as asked. The same model has
        another id at another provider, which the catalogue knows."""
        of = of or self.asked
        provider = provider or of.provider
        if model is not None:
            return self.models.named(provider, model)
        offer = self.models.get(of)
        if provider == of.provider or offer is None:
            return Target(provider, of.model)
        return self.models.at(provider, offer.model) or Target(provider, of.model)

    def share(self, rule: str, what: str = "") -> float:
        """A number from 0 to 1, above 0, the same for all requests of a conversation under a rule; where it
        has no name, of this request alone. No randomness: a hash, so that it can be foretold and repeated."""
        facts, call = self.facts, self.call
        own = call.conversation_id or (facts.at.isoformat() if facts.at else "")
        text = "\0".join((rule, what, str(self.who.id), own))
        number = int.from_bytes(blake2b(text.encode(), digest_size=8).digest())
        return (number + 1) / 2**64

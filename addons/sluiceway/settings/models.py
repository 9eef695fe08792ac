"""The catalogue of models: what each can do, how much it takes, and by which name each provider offers it.

`rules/models.yaml` is what routes choose from. A model that is not in it is never chosen by a constraint; a
route may still name it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from sluiceway.settings.section import Count, Name, Section
from sluiceway.settings.yaml_file import Document, load_document
from sluiceway.settings.yaml_nodes import Loc, Problem
from sluiceway.types import Target

# What a request may need of a model.
type Ability = Literal["tools", "streaming", "vision", "json", "thinking"]
type Tier = Literal["small", "medium", "large"]

TIERS: Mapping[str, int] = MappingProxyType({"small": 0, "medium": 1, "large": 2})
GLOBAL = "global"  # answered wherever the provider likes: no region at all


def _own_name(text: str) -> str:
    if (
        not text
        or len(text) > 64
        or not text.isascii()
        or not text.replace("-", "").replace(".", "").isalnum()
    ):
        raise ValueError("a model's name here is made of letters, digits, '.' and '-'")
    return text


def _id(text: str) -> str:
    if not text or len(text) > 256 or not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("write the name by which the provider takes the model")
    return text


type OwnName = Annotated[str, AfterValidator(_own_name)]
type Id = Annotated[str, AfterValidator(_id)]
type DialectName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
type RegionName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,31}$")]


class ModelEntry(Section):
    """One model of rules/models.yaml. `at`: by provider the id it has there, or ids by region, its maker
    first; `aliases`: further names by which its maker takes it. `context_tokens` holds input and output."""

    name: OwnName
    family: Name
    tier: Tier
    can: tuple[Ability, ...] = ()
    context_tokens: Count
    max_input_tokens: Count | None = None
    max_output_tokens: Count | None = None
    at: Annotated[dict[Name, Id | dict[RegionName, Id]], Field(min_length=1)]
    aliases: tuple[Id, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for name in ("max_input_tokens", "max_output_tokens"):
            if (getattr(self, name) or 0) > self.context_tokens:
                raise ValueError(f"{name} is more than context_tokens, of which it is a part")
        return self


class ModelsFile(Section):
    """rules/models.yaml. `regions`: where each provider answers, for ids that say no region themselves;
    `dialects`: where a provider takes a family of models by some of its APIs alone."""

    version: Literal[1]
    regions: dict[Name, tuple[RegionName, ...]] = Field(default_factory=dict)
    dialects: dict[Name, dict[Name, tuple[DialectName, ...]]] = Field(default_factory=dict)
    models: Annotated[tuple[ModelEntry, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Model:
    """What a model is, whoever offers it. A limit of None is not known."""

    name: str
    family: str
    tier: str
    can: frozenset[str]
    context_tokens: int
    max_output_tokens: int | None = None
    max_input_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """A model at a provider. `regions`: where answers are made there; empty: nobody knows. `dialects`: in
    which it is asked there; empty: in all that the provider speaks."""

    model: Model
    target: Target
    regions: frozenset[str] = frozenset()
    dialects: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """As rules name it: `bedrock/claude-sonnet-4-5`, wherever it answers there."""
        return f"{self.target.provider}/{self.model.name}"

    @property
    def label(self) -> str:
        """As the trail names it, with the region where there is one."""
        return f"{self.name} ({next(iter(self.regions))})" if len(self.regions) == 1 else self.name


@dataclass(frozen=True)
class Models:
    """The catalogue in force. Immutable: a reload makes a new one. `aliases`: further names of a target."""

    offers: tuple[Offer, ...] = ()
    aliases: Mapping[Target, Offer] = MappingProxyType({})

    @classmethod
    def load(cls, path: Path) -> Models:
        """Read rules/models.yaml. Raises ConfigError with every mistake in it."""
        document = load_document(path)
        file = document.read(ModelsFile)
        if problems := list(_repeated(document, file)):
            raise document.error(problems)
        return cls.of(file)

    @classmethod
    def of(cls, file: ModelsFile) -> Models:
        offers: list[Offer] = []
        aliases: dict[Target, Offer] = {}
        for entry in file.models:
            own = tuple(_offers(entry, file))
            offers += own
            maker = own[0].target.provider  # the first under `at`
            for alias in entry.aliases:
                aliases[Target(maker, alias)] = own[0]
        return cls(tuple(offers), aliases)

    def __bool__(self) -> bool:
        return bool(self.offers)

    def get(self, target: Target) -> Offer | None:
        """The offer that a provider and a model's name mean, by its id there, an alias, or our own name."""
        return self._by_target.get(target)

    def at(self, provider: str, model: Model) -> Target | None:
        """Where a provider has a model, anywhere before in one region alone; None: it does not offer it."""
        own = [offer for offer in self.of_model(model.name) if offer.target.provider == provider]
        own.sort(key=lambda offer: GLOBAL not in offer.regions)
        return own[0].target if own else None

    def of_model(self, name: str) -> tuple[Offer, ...]:
        """Every offer of a model, by our name for it."""
        return self._by_model.get(name, ())

    def of_family(self, name: str) -> tuple[Offer, ...]:
        """Every offer of a family's models."""
        return self._by_family.get(name, ())

    def named(self, provider: str, name: str) -> Target:
        """The target that a rule means: the provider's id where it gives our name, else as it is written."""
        written = Target(provider, name)
        if (offer := self.get(written)) is None or written in self._as_taken:
            return written
        return offer.target

    def id_at(self, provider: str, name: str) -> str | None:
        """The id by which a provider takes a model, whichever of its names is given; one that nobody knows as
        it is written. None: the model is known, and not offered there."""
        if self.get(Target(provider, name)) is not None:
            return self.named(provider, name).model
        if (model := self.known_as(name)) is None:
            return name
        there = self.at(provider, model)
        return None if there is None else there.model

    def known_as(self, name: str) -> Model | None:
        """The model that a name means: ours, or an id or alias at any provider."""
        return self._by_any_name.get(name)

    @cached_property
    def dialects(self) -> frozenset[str]:
        """Every dialect the file names, for a check against those that exist."""
        return frozenset(dialect for offer in self.offers for dialect in offer.dialects)

    @cached_property
    def digest(self) -> str:
        """The content as text, for the policy's version; the same in every process."""
        return "\n".join(
            f"{o.target} {o.model.name} {o.model.family} {o.model.tier} {sorted(o.model.can)} "
            f"{sorted(o.regions)} {sorted(o.dialects)} {o.model.context_tokens} "
            f"{o.model.max_input_tokens} {o.model.max_output_tokens}"
            for o in self.offers
        )

    @cached_property
    def _as_taken(self) -> frozenset[Target]:
        return frozenset((*(offer.target for offer in self.offers), *self.aliases))

    @cached_property
    def _by_model(self) -> Mapping[str, tuple[Offer, ...]]:
        return _gathered(self.offers, lambda offer: offer.model.name)

    @cached_property
    def _by_family(self) -> Mapping[str, tuple[Offer, ...]]:
        return _gathered(self.offers, lambda offer: offer.model.family)

    @cached_property
    def _by_any_name(self) -> Mapping[str, Model]:
        found = {target.model: offer.model for target, offer in self.aliases.items()}
        found |= {offer.target.model: offer.model for offer in self.offers}
        return found | {offer.model.name: offer.model for offer in self.offers}

    @cached_property
    def _by_target(self) -> Mapping[Target, Offer]:
        ours: dict[Target, Offer] = {}
        for offer in self.offers:
            named = Target(offer.target.provider, offer.model.name)
            if named not in ours or GLOBAL in offer.regions:
                ours[named] = offer
        return {**ours, **self.aliases, **{offer.target: offer for offer in self.offers}}


def _gathered(offers: Iterable[Offer], by: Callable[[Offer], str]) -> Mapping[str, tuple[Offer, ...]]:
    found: dict[str, list[Offer]] = {}
    for offer in offers:
        found.setdefault(by(offer), []).append(offer)
    return {name: tuple(each) for name, each in found.items()}


def _offers(entry: ModelEntry, file: ModelsFile) -> Iterator[Offer]:
    model = Model(
        name=entry.name,
        family=entry.family,
        tier=entry.tier,
        can=frozenset(entry.can),
        context_tokens=entry.context_tokens,
        max_output_tokens=entry.max_output_tokens,
        max_input_tokens=entry.max_input_tokens,
    )
    for provider, ids in entry.at.items():
        dialects = frozenset(file.dialects.get(provider, {}).get(entry.family, ()))
        if isinstance(ids, str):
            regions = frozenset(file.regions.get(provider, ()))
            yield Offer(model, Target(provider, ids), regions, dialects)
        else:
            for region, id_ in ids.items():
                yield Offer(model, Target(provider, id_), frozenset({region}), dialects)


def _repeated(document: Document, file: ModelsFile) -> Iterator[Problem]:
    """Names and ids that are given twice: one of the two entries would silently not count."""
    seen: dict[str, Loc] = {}
    for index, entry in enumerate(file.models):
        here: Loc = ("models", index)
        found: list[tuple[str, Loc]] = [(entry.name, (*here, "name"))]
        for provider, ids in entry.at.items():
            where: Loc = (*here, "at", provider)
            each = {"": ids} if isinstance(ids, str) else ids
            found += [(f"{provider}/{i}", (*where, r) if r else where) for r, i in each.items()]
        maker = next(iter(entry.at))
        found += [(f"{maker}/{alias}", (*here, "aliases", n)) for n, alias in enumerate(entry.aliases)]
        for text, loc in found:
            if seen.setdefault(text, loc) != loc:
                yield Problem(loc, f"'{text}' is given twice (first at {document.where(seen[text])})")

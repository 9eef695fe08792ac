"""Inject rules: who may use the company's own key without holding it. The first that matches decides."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from sluiceway.policy.match import EVERYTHING, Match
from sluiceway.settings.addresses import HOST
from sluiceway.settings.section import Count, Name, Section

type Label = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]


def _host(text: str) -> str:
    if not HOST.fullmatch(text) or "." not in text:
        raise ValueError("write one of the provider's hosts in full, such as api.example.com")
    return text


class PoolKey(Section):
    """One key of a pool. Of two keys that can both be used, one of weight 2 gets twice as many conversations.
    `host`: the endpoint it is used at, where the provider has several. The limits are the key's own, whoever
    uses it: past one, the pool's next key is used."""

    key: Label
    weight: Annotated[int, Field(ge=1, le=1000, strict=True)] = 1
    host: Annotated[str, AfterValidator(_host)] | None = None
    limit_requests_per_minute: Count | None = None
    limit_tokens_per_minute: Count | None = None


class Inject(Section):
    """One inject rule. `label` names a registered key (`sluiceway key list`), `keys` a pool of them, of which
    those of the provider that is asked are used; without either, it is the newest company key there.

    It gives a key only to requests that carry none, the placeholder, or a company key already: whoever brings
    an own key or login keeps it.
    """

    name: Name
    match: Match = EVERYTHING
    label: Label | None = None
    keys: tuple[PoolKey, ...] = ()

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.label is not None and self.keys:
            raise ValueError("write 'label' for one key or 'keys' for a pool of them, not both")
        places = [(each.key, each.host) for each in self.keys]
        if twice := next((place for place in places if places.count(place) > 1), None):
            raise ValueError(f"'{twice[0]}' is given twice in 'keys'; raise its weight instead")
        return self

    @property
    def labels(self) -> tuple[str, ...]:
        """The keys it names."""
        return (self.label,) if self.label is not None else tuple(each.key for each in self.keys)

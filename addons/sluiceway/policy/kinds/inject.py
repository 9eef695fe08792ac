"""Inject rules: who may use the company's own key without holding it. The first that matches decides."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sluiceway.policy.match import EVERYTHING, Match
from sluiceway.settings.section import Name, Section

type Label = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]


class Inject(Section):
    """One inject rule. `label` names a registered key (`sluiceway key list`); without it, it is the newest
    company key of the provider that is asked.

    It gives a key only to requests that carry none, the placeholder, or a company key already: whoever brings
    an own key or login keeps it.
    """

    name: Name
    match: Match = EVERYTHING
    label: Label | None = None

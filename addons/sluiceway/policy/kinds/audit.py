"""Audit rules: whose prompts may be kept, why, under which agreement, until when. Off without one."""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from typing import Annotated, Literal

from pydantic import Field

from sluiceway.policy.match import EVERYTHING, Match
from sluiceway.settings.section import Name, Section, Text


class Audit(Section):
    """One audit rule. All of it is required on purpose: an audit without a purpose, an agreement and an end
    is not one that a works council could have signed.

    `mode: metadata` keeps who, when, which model; `redacted` also keeps the redacted text, sealed.
    `until_acknowledged`: what becomes of requests of people who have not acknowledged the notice: refused
    with the notice, or sent without anything being kept.
    """

    name: Name
    match: Match = EVERYTHING
    mode: Literal["metadata", "redacted"]
    purpose: Annotated[Text, Field(min_length=10)]
    agreement: Text
    until: date
    keep_days: Annotated[int, Field(ge=1, le=3650, strict=True)] = 90
    until_acknowledged: Literal["refuse", "send_unaudited"] = "refuse"

    def in_force(self, at: datetime, zone: tzinfo) -> bool:
        """Whether the rule has not ended; its last day counts whole, in the company's time zone."""
        return at.astimezone(zone).date() <= self.until

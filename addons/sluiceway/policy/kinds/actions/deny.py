"""Deny: the request does not go at all."""

from __future__ import annotations

from sluiceway.settings.section import Section, Text


class Deny(Section):
    """Turns the request away; `reason` is shown to the employee."""

    reason: Text

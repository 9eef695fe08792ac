"""How names, money and times look on the portal's pages: names are hostile, what is unknown says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from typing import Any

from markupsafe import Markup

from sluiceway.policy.reasons import reason
from sluiceway.policy.words import per
from sluiceway.types import Unit, to_usd

LONGEST = 120


def shown(text: str, limit: int = LONGEST) -> str:
    """Text without anything that cannot be seen (controls, direction overrides), cut where it is too long."""
    plain = "".join(letter if letter.isprintable() else "\ufffd" for letter in text[:limit])
    return plain if len(text) <= limit else plain + "…"


def name(text: str | None, missing: str = "not named") -> Markup:
    """A name that somebody chose, isolated so that its direction cannot reorder the words around it."""
    if not text:
        return Markup('<i class="none">{}</i>').format(missing)
    return Markup("<bdi>{}</bdi>").format(shown(text))


def usd(nusd: int | None) -> str:
    """Nano-dollars as money; below a dollar with two leading figures."""
    if nusd is None:
        return "unknown"
    value = to_usd(nusd)
    if value == 0 or abs(value) >= 1:
        return f"${value:,.2f}"
    return f"${value:.{min(9, max(2, 1 - value.adjusted()))}f}"


def count(number: int | None) -> str:
    return "unknown" if number is None else f"{number:,}"


def amount(number: int | None, unit: Unit) -> str:
    """What a cap counts: `$5.00`, `60 requests`, `4 open requests`."""
    if number is None:
        return "unknown"
    if unit == "usd":
        return usd(number)
    noun = "open requests" if unit == "concurrent" else str(unit)
    return f"{number:,} {noun.removesuffix('s') if number == 1 else noun}"


def filters(zone: tzinfo) -> Mapping[str, Callable[..., Any]]:
    """For templates. Times are in the company's time zone, which they name."""

    def moment(at: datetime) -> str:
        local = at.astimezone(zone)
        return f"{local.day} {local:%b %Y, %H:%M %Z}"

    return {
        "name": name,
        "shown": shown,
        "usd": usd,
        "count": count,
        "amount": amount,
        "moment": moment,
        "reason": reason,
        "window": per,
    }

"""How names, money and times look on the portal's pages: names are hostile, what is unknown says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from typing import Any

from markupsafe import Markup

from sluiceway.policy.words import per
from sluiceway.types import Unit, to_usd

LONGEST = 120
# What the codes of refusals mean (gateway/refusals.py, gateway/reservation.py); others are shown as they are.
REFUSALS = {
    "budget_spent": "the budget was used up",
    "budget_busy": "the rest of the budget was held by requests still running",
    "loop": "the same message came again and again",
    "rate_limited": "too many requests or tokens in a short time",
    "denied": "a rule does not allow it",
    "audit_notice": "an audit notice had to be acknowledged first",
    "path_not_listed": "this path of the provider is not on the list",
    "host_mismatch": "the request named another host than its tunnel",
    "body_too_large": "the request was too large",
    "malformed_request": "the request could not be read",
    "background_not_metered": "background answers cannot be metered",
    "background_moved": "a rule sends it to another provider, where a background answer cannot be asked for",
    "batch_does_not_fit": "the batch may cost more than is left of the budget",
    "batch_file_unknown": "the file of the batch did not come through Sluiceway",
    "not_yours": "somebody else began it, and the company's key is lent for one's own only",
    "websocket_not_supported": "WebSockets to this provider are not carried",
    "websocket_not_routed": "a rule may send it to another provider, which a WebSocket cannot follow",
    "keys_limited": "all of the company's keys were at the limit that their rule sets",
    "no_company_key": "it had no key, and no rule gave it the company's",
    "no_way": "a rule sends it to a provider that does not take it",
    "not_translatable": "a rule sends it to another API, which a part of it cannot be told in",
    "content_encoding": "its encoding could not be read",
    "ledger_unavailable": "the ledger could not be written",
    "restarting": "Sluiceway was restarting",
}


def shown(text: str, limit: int = LONGEST) -> str:
    """Text without anything that cannot be seen (controls, direction overrides), cut where it is too long."""
    plain = "".join(letter if letter.isprintable() else "\ufffd" for letter in text[:limit])
    return plain if len(text) <= limit else plain + "…"


def name(text: str | None, missing: str = "not named") -> Markup:
    """A name that somebody chose, isolated so that its direction cannot reorder the words around it."""
    if not text:
        return Markup('<i class="none">{}</i>').format(missing)
    return Markup("<bdi>{}</bdi>").format(shown(text))


def reason(code: str) -> str:
    """A refusal's code in words."""
    return REFUSALS.get(code) or code.replace("_", " ") or "unknown"


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

"""What `rules replay` found, as values and as a page of text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sluiceway.cli.shape import facts, money, table
from sluiceway.types import to_usd

if TYPE_CHECKING:
    from sluiceway.app.replay import Replayed

SHOWN = 20  # people and moves on the page; all of them are in the JSON


def as_values(found: Replayed) -> dict[str, Any]:
    """Everything, for programs."""
    return {
        "requests": found.requests,
        "decided_by_these_rules": found.same,
        "cost_then_usd": format(to_usd(found.cost_then_nusd), "f"),
        "cost_now_usd": format(to_usd(found.cost_now_nusd), "f"),
        "cost_unknown": found.unpriced,
        "not_told": found.untold,
        "refused": _refused(found),
        "moved": _moved(found),
        "people": [{"who": who, "requests": number} for who, number in found.people.most_common() if number],
    }


def in_words(found: Replayed) -> str:
    """A page: sums, then what differs."""
    difference = found.cost_now_nusd - found.cost_then_nusd
    head = {
        "requests": f"{found.requests:,}, {found.same:,} of them decided by these very rules",
        "cost then": f"{_usd(found.cost_then_nusd)} USD",
        "cost now": f"{_usd(found.cost_now_nusd)} USD ({'+' if difference > 0 else ''}{_usd(difference)})",
        "cost unknown": f"{found.unpriced:,} requests, counted as nothing",
        "not told": f"{found.untold:,} requests; a route about them looks at what no row keeps",
    }
    people = [{"who": who, "requests": number} for who, number in found.people.most_common(SHOWN) if number]
    parts = [facts(head)]
    parts += [table(rows, ["refused_by", "then", "now"]) for rows in [_refused(found)] if rows]
    parts += [table(rows[:SHOWN], ["from", "to", "then", "now"]) for rows in [_moved(found)] if rows]
    parts.append(table(people, ["who", "requests"]) if people else "nobody would have been treated otherwise")
    return "\n\n".join(parts)


def _usd(nusd: int) -> str:
    return money(format(to_usd(nusd), "f"))


def _refused(found: Replayed) -> list[dict[str, Any]]:
    then, now = found.refused_then, found.refused_now
    return [{"refused_by": rule, "then": then[rule], "now": now[rule]} for rule in _most(then, now)]


def _moved(found: Replayed) -> list[dict[str, Any]]:
    then, now = found.moved_then, found.moved_now
    return [{"from": way[0], "to": way[1], "then": then[way], "now": now[way]} for way in _most(then, now)]


def _most[K](then: Counter[K], now: Counter[K]) -> list[K]:
    return [each for each, _ in (then + now).most_common()]

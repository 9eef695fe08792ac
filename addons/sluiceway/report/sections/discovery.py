"""AI hosts that were seen and not decrypted, and how much other traffic passed as tunnels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from sluiceway.report.measures import whole
from sluiceway.report.model import Attention, Weight
from sluiceway.report.section import Context, Section
from sluiceway.report.text import plural, short_bytes, visible
from sluiceway.store.tables import discovery, tunnels

_SHOWN = 25
_TEAMS_NAMED = 3

REASONS = {
    "watched": "on the watch list, not intercepted",
    "tls_rejected": "the client rejected our certificate",
    "not_tls": "not TLS",
    "grpc": "gRPC, which a provider's entry lets pass unmetered",
}


@dataclass(frozen=True, slots=True)
class Host:
    """One host and the reason it was not decrypted, over all teams and days of the period."""

    host: str
    reason: str
    teams: tuple[str, ...]
    days: int
    connections: int
    bytes_up: int
    bytes_down: int
    bar: float


@dataclass(frozen=True, slots=True)
class Seen:
    """`tunnels` is (connections, bytes up, bytes down) of everything that is no AI host."""

    hosts: tuple[Host, ...]
    more: int
    hosts_in_all: int
    connections: int
    bytes_up: int
    tunnels: tuple[int, int, int]


def load(context: Context) -> Seen:
    first, last = context.period.days
    column = discovery.c
    sums = (
        func.sum(column.connections).label("connections"),
        func.sum(column.bytes_up).label("bytes_up"),
        func.sum(column.bytes_down).label("bytes_down"),
        func.count(column.day.distinct()).label("days"),
    )
    rows = context.connection.execute(
        select(column.host, column.reason, *sums)
        .where(column.day.between(first, last))
        .group_by(column.host, column.reason)
        .order_by(func.sum(column.connections).desc(), column.host, column.reason)
    ).all()
    shown = rows[:_SHOWN]
    teams = _teams(context, {row.host for row in shown})
    largest = max((int(row.connections) for row in shown), default=1) or 1
    hosts = tuple(
        Host(
            row.host,
            REASONS.get(row.reason, row.reason),
            teams.get((row.host, row.reason), ()),
            row.days,
            int(row.connections),
            int(row.bytes_up),
            int(row.bytes_down),
            int(row.connections) / largest,
        )
        for row in shown
    )
    return Seen(
        hosts,
        len(rows) - len(shown),
        len({row.host for row in rows}),
        sum(int(row.connections) for row in rows),
        sum(int(row.bytes_up) for row in rows),
        _tunnels(context),
    )


def _teams(context: Context, hosts: set[str]) -> dict[tuple[str, str], tuple[str, ...]]:
    """The teams with most connections to each host, small ones folded; then how many more there are."""
    first, last = context.period.days
    column = discovery.c
    rows = context.connection.execute(
        select(column.host, column.reason, column.team, func.sum(column.connections))
        .where(column.day.between(first, last), column.host.in_(hosts))
        .group_by(column.host, column.reason, column.team)
        .order_by(func.sum(column.connections).desc(), column.team)
    )
    seen: dict[tuple[str, str], dict[str, None]] = {}
    for host, reason, team, _ in rows:
        seen.setdefault((host, reason), {})[context.audience.team(team)] = None
    return {key: tuple(found) for key, found in seen.items()}


def _tunnels(context: Context) -> tuple[int, int, int]:
    first, last = context.period.days
    column = tunnels.c
    row = context.connection.execute(
        select(func.sum(column.connections), func.sum(column.bytes_up), func.sum(column.bytes_down)).where(
            column.day.between(first, last)
        )
    ).one()
    connections, up, down = (whole(value) or 0 for value in row)
    return connections, up, down


def attention(data: Seen) -> Sequence[Attention]:
    if not data.hosts_in_all:
        return ()
    verb = "was" if data.hosts_in_all == 1 else "were"
    headline = f"{plural(data.hosts_in_all, 'AI host')} {verb} used without metering"
    named = ", ".join(dict.fromkeys(visible(host.host, 50) for host in data.hosts[:3]))
    detail = (
        f"{plural(data.connections, 'connection')}, {short_bytes(data.bytes_up)} sent; most often {named}. "
        "No cost, cap or guard applies there."
    )
    return (Attention(Weight.LOOK, headline, detail, "discovery"),)


SECTION = Section("discovery", "AI hosts seen but not decrypted", load, attention, without_traffic=True)

"""Everything the portal knows about one person, gathered at one moment, for the page and for its JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import Connection, select

from sluiceway.audit.overview import Reading
from sluiceway.policy import Policy
from sluiceway.policy.windows import window
from sluiceway.portal.notices import Audited, Notices
from sluiceway.portal.standing import Applies, Met, Standing, applying, further, standing
from sluiceway.portal.usage import Again, Refused, Used, in_a_row, refusals, used
from sluiceway.store import Store
from sluiceway.store.bounded import TooSlow, bounded
from sluiceway.store.moments import from_us
from sluiceway.store.tables import tokens
from sluiceway.types import Identity, Principal, to_usd

REFUSED_DAYS = 30
MODELS = 12


@dataclass(frozen=True, slots=True)
class Token:
    """One of the person's proxy tokens that is still good. `this`: the one this request came with."""

    created_at: datetime
    expires_at: datetime | None
    this: bool


@dataclass(frozen=True, slots=True)
class Me:
    """`today` and `month` are None where adding up took too long. `by_model` is of the month."""

    who: Principal
    at: datetime
    tokens: tuple[Token, ...]
    day_from: datetime
    month_from: datetime
    today: Used | None
    month: Used | None
    by_model: tuple[tuple[str | None, Used], ...]
    refusals: tuple[Refused, ...] | None
    caps: tuple[Standing, ...]
    further: tuple[str, ...]
    rules: tuple[Applies, ...]
    audits: tuple[Audited, ...]
    readers: tuple[tuple[str, str], ...]
    readings: tuple[Reading, ...]

    @property
    def turned_away(self) -> tuple[Again, ...]:
        return in_a_row(self.refusals or ())

    @property
    def audit(self) -> str:
        """As in `x-sluiceway-audit`: the furthest that any acknowledged rule goes."""
        modes = {each.rule.mode for each in self.audits if each.active}
        return "redacted" if "redacted" in modes else "metadata" if modes else "off"


def gather(
    store: Store,
    policy: Policy,
    notices: Notices,
    zone: tzinfo,
    identity: Identity,
    at: datetime,
    patience_s: float,
) -> Me:
    """Blocks. What takes longer than `patience_s` to add up is left out. Raises StoreError."""
    who = store.directory.principal(identity.principal.id) or identity.principal
    day_from, _ = window("day", at, zone)
    month_from, _ = window("month", at, zone)
    with store.read() as connection:
        me = Me(
            who,
            at,
            _tokens(connection, identity, at),
            day_from,
            month_from,
            None,
            None,
            (),
            None,
            standing(connection, policy, who, Met.of(store, policy, who, at, zone)),
            further(policy, who, at, zone),
            applying(policy, who),
            notices.audited(who),
            notices.readers(),
            notices.readings(who.name),
        )
        return _with_usage(connection, me, patience_s)


def _with_usage(connection: Connection, me: Me, patience_s: float) -> Me:
    until = me.at + timedelta(seconds=1)
    try:
        with bounded(connection, patience_s):
            today = used(connection, me.who, me.day_from, until)
            refused = refusals(connection, me.who, me.at - timedelta(days=REFUSED_DAYS), until)
            me = replace(me, today=_sum(list(today.values())), refusals=refused)
            month = used(connection, me.who, me.month_from, until)
    except TooSlow:
        return me
    return replace(me, month=_sum(list(month.values())), by_model=_leading(list(month.items())))


def _sum(parts: Sequence[Used]) -> Used:
    whole = Used()
    for part in parts:
        whole = whole.plus(part)
    return whole


def _leading(found: list[tuple[str | None, Used]]) -> tuple[tuple[str | None, Used], ...]:
    named = [each for each in found if each[0] is not None][:MODELS]
    rest = [each for each in found if each not in named]
    return (*named, *([(None, _sum([part for _, part in rest]))] if rest else []))


def _tokens(connection: Connection, identity: Identity, at: datetime) -> tuple[Token, ...]:
    column = tokens.c
    rows = connection.execute(
        select(column.id, column.created_at, column.expires_at)
        .where(column.person_id == identity.principal.id, column.revoked_at.is_(None))
        .order_by(column.id)
    )
    found = (
        Token(
            from_us(row.created_at),
            None if row.expires_at is None else from_us(row.expires_at),
            row.id == identity.token_id,
        )
        for row in rows
    )
    return tuple(token for token in found if token.expires_at is None or token.expires_at > at)


def as_json(me: Me) -> dict[str, Any]:
    """For programs: decimal text for USD, whole numbers for what is counted, null for what is unknown."""
    return {
        "name": me.who.name,
        "kind": me.who.kind,
        "team": me.who.team,
        "project": me.who.project,
        "cost_center": me.who.cost_center,
        "at": me.at,
        "tokens": [asdict(token) for token in me.tokens],
        "today": _used(me.today),
        "month": _used(me.month),
        "models": [{"model": model, **(_used(part) or {})} for model, part in me.by_model],
        "caps": [_cap(cap) for cap in me.caps],
        "further_caps": list(me.further),
        "refusals": None if me.refusals is None else [asdict(each) for each in me.refusals],
        "rules": [asdict(rule) for rule in me.rules],
        "audit": {
            "state": me.audit,
            "rules": [_audited(each) for each in me.audits],
            "readers": [{"name": name, "role": role} for name, role in me.readers],
            "readings": [asdict(each) for each in me.readings],
        },
    }


def _used(part: Used | None) -> dict[str, Any] | None:
    if part is None:
        return None
    return {
        "requests": part.requests,
        "refused": part.refused,
        "input_tokens": part.tokens_in,
        "output_tokens": part.tokens_out,
        "unknown_tokens_requests": part.unknown_tokens,
        "cost_usd": _usd(part.cost_nusd),
        "own_key_usd": _usd(part.own_nusd),
        "unknown_cost_requests": part.unknown_cost,
    }


def _cap(cap: Standing) -> dict[str, Any]:
    money = cap.unit == "usd"
    figures = {"limit": cap.limit, "used": cap.used, "reserved": cap.reserved, "left": cap.left}
    return {
        "rule": cap.rule,
        "whose": cap.whose,
        "window": cap.window,
        "unit": cap.unit,
        **{name: _usd(value) if money else value for name, value in figures.items()},
        "used_at_least_percent": cap.at_least_percent,
        "on_exceed": cap.on_exceed,
        "raised_until": cap.raised_until,
        "resets_at": cap.resets_at,
    }


def _audited(each: Audited) -> dict[str, Any]:
    rule, told = each.rule, each.told
    return {
        "rule": rule.name,
        "mode": rule.mode,
        "purpose": rule.purpose,
        "agreement": rule.agreement,
        "until": rule.until,
        "keep_days": rule.keep_days,
        "active": each.active,
        "notice": each.notice.path,
        "disclosed_at": None if told is None else told.disclosed_at.astimezone(UTC),
        "acknowledged_at": None if told is None else told.acknowledged_at,
    }


def _usd(nusd: int | None) -> str | None:
    return None if nusd is None else f"{to_usd(nusd):f}"

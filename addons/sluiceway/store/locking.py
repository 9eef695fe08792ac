"""Locks what a batch touches, in one order for all nodes, and reads it anew.

Three kinds of lock, always taken in this order, so that nodes wait for each other and never in a circle:

1. the ledger rows that the batch ends and this node did not have open (swept, deferred), by id;
2. the making of counters, by shard: a batch that writes rows holds it shared, one that makes a counter holds
   it alone. So a new counter's opening balance, the ledger's sum, misses no row that is being written, and no
   row that is written later misses the counter. A counter of one person needs that person's shard, any other
   shard 0, which every batch holds;
3. the counters themselves, by key.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import orjson

from sluiceway.store import lost
from sluiceway.store.engines.adapter import Adapter, Many
from sluiceway.store.engines.connection import Contended
from sluiceway.store.orders import Admit, Correct, Order, Record, TopUp
from sluiceway.store.scope import COLUMNS, Scope, Who, from_json
from sluiceway.store.shared_accounts import Concern, Shape, SharedAccounts, shape_from_json, shape_of
from sluiceway.types import Cap

SHARDS = 64
IDS_AHEAD = 500
TRIES = 4
_CLASS = 0x736C7563  # "sluc": our half of PostgreSQL's advisory locks of two numbers

_MAKING = f"""
SELECT CASE WHEN alone THEN pg_advisory_xact_lock({_CLASS}, shard)::text
            ELSE pg_advisory_xact_lock_shared({_CLASS}, shard)::text END
FROM unnest(?::int[], ?::bool[]) AS wanted(shard, alone)
"""  # noqa: S608 - a number of ours
_SHAPES = "SELECT shape FROM counter_shapes"
_PATTERNED = "SELECT DISTINCT scope FROM counters WHERE scope LIKE '%[\"models\",%'"
_COUNTERS = """
SELECT c.counter, c.scope, c.unit, c.starts_at, c.ends_at, c.spent, c.reserved
FROM unnest(?::text[], ?::bigint[]) AS place(scope, at)
JOIN counters c ON c.scope = place.scope
  AND c.starts_at <= place.at AND (c.ends_at IS NULL OR place.at < c.ends_at)
WHERE c.counter <> ALL(?)
ORDER BY c.counter FOR UPDATE OF c
"""
_WHOSE = (
    f"SELECT {COLUMNS}, started_at FROM ledger "  # noqa: S608 - our own column names
    "WHERE kind = 'request' AND budgeted AND request_id = ? AND attempt = ? "
    "AND coalesce(turn, -1) = coalesce(?, -1)"
)
_NEXT_IDS = "SELECT nextval(pg_get_serial_sequence('ledger', 'id')) FROM generate_series(1, ?)"


def lock(
    connection: Adapter, accounts: SharedAccounts, orders: Sequence[Order], line: Iterable[Admit]
) -> None:
    """Begins a transaction and locks all that these orders and the line count on. Counters that are asked
    for and missing may then be made."""
    accounts.let_deferred_go()
    line = list(line)
    accounts.slices.begin(orders, line, accounts.counters)
    waiting = [order for order in orders if isinstance(order, Admit)] + line
    concerns = {Concern(order.who, order.started_us) for order in waiting if order.budgeted}
    asked = {
        key: cap
        for order in waiting
        for key, cap in zip(order.keys + order.watched_keys, order.caps + order.watched, strict=True)
    }
    for order in orders:
        if isinstance(order, TopUp):  # another node may have deleted a counter that was over, as nobody's
            asked |= dict(zip(order.keys, order.caps, strict=True))
    if len(accounts.ids) < len(orders) + len(waiting):
        _fetch_ids(connection, accounts, len(orders) + len(waiting))
    for _ in range(TRIES):
        strays = lost.lock_rows(connection, accounts, orders)
        own = set(_concerns(connection, accounts, orders)) | {
            each.concern for each in strays if each.budgeted
        }
        if lock_counters(connection, accounts, concerns | own, asked):
            for each in strays:
                each.reopen(connection, accounts)
            return
        connection.execute("ROLLBACK")
    raise Contended("budgets are being made and deleted too quickly")


def lock_counters(
    connection: Adapter, accounts: SharedAccounts, concerns: set[Concern], asked: Mapping[str, Cap]
) -> bool:
    """Kinds 2 and 3 of locks, in the transaction that is open or a new one. False: what was found on the way
    asks for more locks; begin anew."""
    missing = [cap for key, cap in asked.items() if key not in accounts.counters]
    known = accounts.shapes
    new_shapes = {shape_of(cap.scope) for cap in missing} - known
    _lock(connection, accounts, concerns, missing, bool(new_shapes))
    complete = all(cap in missing for key, cap in asked.items() if key not in accounts.counters)
    if not complete or accounts.shapes != known:
        return False
    _keep_shapes(connection, accounts, new_shapes)
    return True


def _lock(
    connection: Adapter,
    accounts: SharedAccounts,
    concerns: set[Concern],
    missing: Iterable[Cap],
    new_shape: bool,
) -> None:
    alone = {_shard(cap.scope) for cap in missing} | ({0} if new_shape else set())
    shards = sorted({0, *(shard_of(who.principal) for who, _ in concerns), *alone})
    places = accounts.places(concerns)
    begun = connection.in_transaction
    with connection.together():
        if not begun:
            connection.execute("BEGIN")
        connection.execute(_MAKING, (Many(shards), Many(shard in alone for shard in shards)))
        shapes = connection.execute(_SHAPES)
        found = connection.execute(
            _COUNTERS,
            (
                Many(scope for scope, _ in places),
                Many(at for _, at in places),
                Many(sorted(accounts.slices.apart)),
            ),
        )
    accounts.shapes = frozenset(shape_from_json(text) for (text,) in shapes.fetchall())
    accounts.take(found.fetchall(), concerns)


def _keep_shapes(connection: Adapter, accounts: SharedAccounts, shapes: Iterable[Shape]) -> None:
    statement = "INSERT INTO counter_shapes (shape) VALUES (?) ON CONFLICT DO NOTHING"
    for text, shape in sorted((orjson.dumps(shape).decode(), shape) for shape in shapes):
        connection.execute(statement, (text,))
        accounts.shapes |= {shape}


def forget_shapes(connection: Adapter) -> None:
    """Deletes the shapes with patterns of models that no counter has any more: rules come and go, and each
    batch looks for the counters of every shape. For the transaction's first lock."""
    kept = {text for (text,) in connection.execute(_SHAPES)}
    if not _with_patterns(kept) - _in_use(connection):
        return
    connection.execute(_MAKING, (Many([0]), Many([True])))  # whoever makes a shape holds this
    unused = _with_patterns(kept) - _in_use(connection)
    connection.executemany("DELETE FROM counter_shapes WHERE shape = ?", [(text,) for text in sorted(unused)])


def _with_patterns(shapes: set[str]) -> set[str]:
    return {text for text in shapes if any(isinstance(part, tuple) for part in shape_from_json(text))}


def _in_use(connection: Adapter) -> set[str]:
    found = connection.execute(_PATTERNED).fetchall()
    return {orjson.dumps(shape_of(from_json(of))).decode() for (of,) in found}


def _concerns(connection: Adapter, accounts: SharedAccounts, orders: Iterable[Order]) -> Iterator[Concern]:
    """The rows that these orders end, change or add; admissions apart."""
    for order in orders:
        if isinstance(order, Record) and order.budgeted:
            yield Concern(order.who, order.started_us)
        elif isinstance(order, Correct):
            which = order.truth.which
            for *who, started_us in connection.execute(_WHOSE, (which.request_id, which.attempt, which.turn)):
                yield Concern(Who(*who), started_us)
        else:
            for ledger_id in lost.ended_by(order):
                yield from accounts.held(ledger_id)


def shard_of(principal: str) -> int:
    """Which shard a person's own counters are made under; never 0."""
    return 1 + zlib.crc32(principal.encode("utf-8", "backslashreplace")) % SHARDS


def _shard(scope: Scope) -> int:
    own = next((value for dimension, value in scope if dimension in ("employee", "service")), None)
    return 0 if own is None else shard_of(own)


def _fetch_ids(connection: Adapter, accounts: SharedAccounts, least: int) -> None:
    """Ids are taken for good, whether or not the transaction lands."""
    taken = connection.execute(_NEXT_IDS, (max(IDS_AHEAD, least),))
    accounts.ids.extend(number for (number,) in taken.fetchall())

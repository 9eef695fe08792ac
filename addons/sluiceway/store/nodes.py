"""The nodes of a shared store: who writes it, who has fallen silent, and whose rows are settled for them.

A node says every few seconds that it lives. Who is silent for a lease is dead: another node settles what it
left open, charged what it had reserved, since the provider may have billed it (decision 0003). Whose process
is gone from this very host is dead at once: what a node held that was killed comes back when it is started
again, not a lease later.

Two things keep that exact. Each node's writing session holds a lock named after it, for as long as the
session lasts; who sweeps ends that session first and takes the lock. So no transaction of the dead is under
way while its rows are settled, nor of a sleeper who wakes up, nor of a second sweeper. And moments are the
server's: the nodes' clocks do not matter.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from dataclasses import dataclass

from sluiceway.store import locking, rows, slices
from sluiceway.store.amounts import DEFERRED, Amounts
from sluiceway.store.engines.adapter import Adapter, Many
from sluiceway.store.engines.connection import Contended
from sluiceway.store.orders import log
from sluiceway.store.scope import COLUMNS, Who
from sluiceway.store.shared_accounts import Concern, SharedAccounts
from sluiceway.types import Outcome, UsageSource

LEASE_S = 30.0  # by then the rows of a dead node are settled
BEAT_S = 4.0
SILENT_S = LEASE_S - 2 * BEAT_S  # who says nothing for so long is dead; sweepers look as often as they beat
NOT_SWEPT = (DEFERRED,)  # open rows that no process holds
_ENDING_MS = 2000

_NOW_US = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
_JOIN = f"""
INSERT INTO nodes (node, host, started_at, seen_at, backend)
VALUES (?, ?, {_NOW_US}, {_NOW_US}, pg_backend_pid())
ON CONFLICT (node) DO UPDATE SET seen_at = excluded.seen_at, backend = excluded.backend
"""  # noqa: S608 - the server's clock
_BEAT = f"UPDATE nodes SET seen_at = {_NOW_US} WHERE node = ?"  # noqa: S608 - the server's clock
_SILENT = f"""
SELECT node, backend FROM nodes WHERE node <> ? AND seen_at < {_NOW_US} - ?
UNION ALL
SELECT DISTINCT owner, 0 FROM ledger
WHERE owner IS NOT NULL AND owner <> ALL(?) AND NOT EXISTS (SELECT 1 FROM nodes WHERE node = owner)
"""  # noqa: S608 - the server's clock
_STILL_SILENT = f"SELECT 1 FROM nodes WHERE node = ? AND seen_at >= {_NOW_US} - ?"  # noqa: S608 - the server's clock
_NEIGHBOURS = "SELECT node FROM nodes WHERE host = ? AND node <> ?"
_SILENCE = "UPDATE nodes SET seen_at = 0 WHERE node = ?"
_END_SESSION = """
SELECT pg_terminate_backend(pid, ?) FROM pg_stat_activity
WHERE pid = ? AND pid <> pg_backend_pid() AND application_name = ? AND datname = current_database()
"""
_LEFT_OPEN = f"""
SELECT id, reserved_nusd, requests, reserved_tokens, {COLUMNS}, started_at, budgeted
FROM ledger WHERE owner = ? ORDER BY id FOR UPDATE
"""  # noqa: S608 - our own column names
_SWEPT = "UPDATE ledger SET swept_from = ? WHERE id = ?"
_UP_S = "SELECT extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())"
_NODES = f"SELECT node, host, ({_NOW_US} - seen_at) / 1000000.0 FROM nodes ORDER BY node"  # noqa: S608 - as above


@dataclass(frozen=True, slots=True)
class Node:
    """One process that writes, or wrote until `silent_s` ago."""

    name: str
    host: str
    silent_s: float


def join(connection: Adapter, boot: str, host: str) -> None:
    """Makes a session this node's own; one that it had before is over then. Raises sqlite3.Error."""
    connection.execute("SELECT set_config('application_name', ?, false)", (session_name(boot),))
    before = connection.execute("SELECT backend FROM nodes WHERE node = ?", (boot,)).fetchone()
    if before is not None:
        _end_session(connection, boot, before[0])
    if not _own(connection, boot):
        raise Contended("this node's earlier session has not ended yet")
    connection.execute(_JOIN, (boot, host))


def leave(connection: Adapter, boot: str, clean: bool) -> None:
    """Says that the node is gone; rows it left open (not `clean`) are settled by whoever looks next."""
    if clean:
        connection.execute("DELETE FROM nodes WHERE node = ?", (boot,))
    else:
        connection.execute(_SILENCE, (boot,))


def beat(connection: Adapter, boot: str) -> bool:
    """Says that the node lives. False: it was taken for dead."""
    return connection.execute(_BEAT, (boot,)).rowcount == 1


def listing(connection: Adapter) -> list[Node]:
    """Every node that is known."""
    return [Node(name, host, float(silent)) for name, host, silent in connection.execute(_NODES)]


def server_up_s(connection: Adapter) -> float:
    """How long the server has been running: while it was not, nobody could say that they live."""
    (seconds,) = connection.execute(_UP_S).fetchone()
    return float(seconds)


def sweep(connection: Adapter, boot: str) -> int:
    """Settles what dead nodes left open; how many rows that were."""
    parameters = (boot, int(SILENT_S * 1_000_000), Many(NOT_SWEPT))
    swept = 0
    for dead, backend in connection.execute(_SILENT, parameters).fetchall():
        _end_session(connection, dead, backend)
        swept += _sweep_one(connection, dead)
    return swept


def sweep_gone(connection: Adapter, boot: str, host: str) -> int:
    """Settles what processes of this host left open that run no more; how many rows that were. Their sessions
    must be over by themselves: another container may have the same name, and processes not seen from here."""
    neighbours = connection.execute(_NEIGHBOURS, (host, boot)).fetchall()
    return sum(_sweep_one(connection, node, gone=True) for (node,) in neighbours if _is_gone(node))


def _is_gone(node: str) -> bool:
    """Whether a process that called itself `<pid>-<something>` runs no more. Our own number was another's
    before: the first process of a container that is started again has the same."""
    number = node.partition("-")[0]
    if not number.isdecimal():
        return False
    if int(number) == os.getpid():
        return True
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        pass
    return False


def _sweep_one(connection: Adapter, dead: str, *, gone: bool = False) -> int:
    if not _own(connection, dead):
        return 0  # its session is not over, or somebody else is at it
    try:
        if gone:
            connection.execute(_SILENCE, (dead,))
        slices.give_back(connection, dead)
        return _settle(connection, dead)
    finally:
        if not connection.broken:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            connection.execute("SELECT pg_advisory_unlock(?)", (_key(dead),))


def _settle(connection: Adapter, dead: str) -> int:
    connection.execute("BEGIN")
    if connection.execute(_STILL_SILENT, (dead, int(SILENT_S * 1_000_000))).fetchone() is not None:
        return 0  # it came back, or another node has seen to it
    left = connection.execute(_LEFT_OPEN, (dead,)).fetchall()
    accounts = SharedAccounts(deque())
    held = [
        (ledger_id, Amounts(nusd, requests, tokens, 1), Who(*who), started_us, budgeted)
        for ledger_id, nusd, requests, tokens, *who, started_us, budgeted in left
    ]
    concerns = {Concern(who, started_us) for _, _, who, started_us, budgeted in held if budgeted}
    while not locking.lock_counters(connection, accounts, concerns, {}):
        pass  # the shapes of scopes were not known yet
    now_us = connection.execute(f"SELECT {_NOW_US}").fetchone()[0]
    ends = []
    for ledger_id, amounts, who, started_us, budgeted in held:
        accounts.adopt(ledger_id, amounts, who, started_us, budgeted, deferred=False)
        charged = amounts.kept()
        accounts.settle(ledger_id, charged)
        ends.append(rows.closing(ledger_id, Outcome.INTERNAL_ERROR, UsageSource.ESTIMATED, charged, now_us))
    connection.executemany(rows.CLOSE, ends)
    connection.executemany(_SWEPT, [(dead, ledger_id) for ledger_id, *_ in held])
    connection.executemany(rows.CHANGE, accounts.changes())
    connection.execute("DELETE FROM nodes WHERE node = ?", (dead,))
    connection.execute("COMMIT")
    if held:
        log.warning(
            "node %s is gone; the %d rows it left open are charged what they reserved", dead, len(held)
        )
    return len(held)


def session_name(boot: str) -> str:
    """How the server calls a node's writing session; such names end at 63 bytes."""
    return f"sluiceway {boot}"[:63]


def _end_session(connection: Adapter, boot: str, backend: int) -> None:
    connection.execute(_END_SESSION, (_ENDING_MS, backend, session_name(boot))).fetchall()


def _own(connection: Adapter, boot: str) -> bool:
    (taken,) = connection.execute("SELECT pg_try_advisory_lock(?)", (_key(boot),)).fetchone()
    return bool(taken)


def _key(boot: str) -> int:
    return int.from_bytes(hashlib.blake2b(boot.encode(), digest_size=8).digest(), signed=True)

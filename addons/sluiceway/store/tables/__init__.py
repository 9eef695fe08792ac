"""The schema: one table per kind of record. Times are integer microseconds since the epoch, UTC;
money is integer nano-dollars; a column that may be unknown is nullable and never defaults to zero."""

from __future__ import annotations

from sluiceway.store.tables.attempts import batch_files, deferred, ledger
from sluiceway.store.tables.budgets import carried, counter_shapes, counters, nodes, raises, slices
from sluiceway.store.tables.identities import keys, leases, people, ports, seats, tokens
from sluiceway.store.tables.notes import alerts, discovery, events, tunnels, versions
from sluiceway.store.tables.schema import Id, metadata

__all__ = [
    "Id",
    "alerts",
    "batch_files",
    "carried",
    "counter_shapes",
    "counters",
    "deferred",
    "discovery",
    "events",
    "keys",
    "leases",
    "ledger",
    "metadata",
    "nodes",
    "people",
    "ports",
    "raises",
    "seats",
    "slices",
    "tokens",
    "tunnels",
    "versions",
]

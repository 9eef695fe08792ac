"""The log of one node: appends facts with their leaves under a signed checkpoint, and ships the checkpoint.

A node never signs over a log that does not agree with what it signed before: opening one that was cut,
altered or replaced by an older copy is refused, and stays so until somebody has looked (`audit verify`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Protocol

from sluiceway.audit.checkpoint import BadCheckpoint, NodeKey
from sluiceway.audit.merkle import Frontier
from sluiceway.audit.records import Record, leaf, row
from sluiceway.errors import StoreError
from sluiceway.store.audit import AuditStore, Change, LogMoved, Row, Snapshot

logger = logging.getLogger("sluiceway.audit")

# Each try that fails is somebody else's that did not: workers of one deployment share the log.
TRIES = 50


class Shipping(Protocol):
    """Where checkpoints go, off the box if it is to mean anything."""

    def read(self) -> tuple[str, ...]: ...

    def ship(self, notes: tuple[str, ...]) -> None:
        """Adds notes. Raises OSError."""


class Log:
    """Appending from any thread, of this or of another process that shares the store's writer."""

    def __init__(self, store: AuditStore, node: NodeKey, shipping: Shipping) -> None:
        """Reads the whole log once (about a second for a million leaves). Raises StoreError."""
        self.store, self.node = store, node
        self._shipping = shipping
        self._lock = threading.Lock()
        self._tree = Frontier()
        with store.snapshot() as snapshot:
            self._resume(snapshot)
        self._ship()

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return self._tree.size

    @property
    def unshipped(self) -> int:
        """Checkpoints that could not be shipped yet."""
        return len(self._unshipped)

    def append(
        self,
        records: Sequence[Record],
        erasable: Sequence[tuple[str, Row]] = (),
        settled: Sequence[str] = (),
        destroyed: Sequence[str] = (),
    ) -> None:
        """Makes facts durable, with what belongs to them; all or nothing. Raises StoreError."""
        if not records:
            return
        rows = tuple((record.kind, row(record)) for record in records)
        leaves = tuple(leaf(kind, columns) for kind, columns in rows)
        with self._lock:
            for _ in range(TRIES):
                tree = self._tree.grown(each.hash for each in leaves)
                note = self.node.sign(tree.size, tree.root)
                change = Change(
                    self.node.name,
                    self._tree.size,
                    rows,
                    leaves,
                    note,
                    tuple(erasable),
                    tuple(settled),
                    tuple(destroyed),
                )
                try:
                    self.store.append(change)
                except LogMoved:
                    self._catch_up()
                    continue
                self._tree = tree
                self._unshipped.append(note)
                self._ship()
                return
        raise StoreError("the audit log is being written by somebody else all the time")

    def _catch_up(self) -> None:
        with self.store.snapshot() as snapshot:
            self._read(snapshot)

    def _read(self, snapshot: Snapshot) -> None:
        for seq, each in snapshot.log(self.node.name, self._tree.size):
            if seq != self._tree.size:
                raise StoreError("the audit log has a gap; run `sluiceway audit verify`")
            self._tree.add(each.hash)

    def _resume(self, snapshot: Snapshot) -> None:
        shipped = self._shipping.read()
        kept = [note for _, note in snapshot.checkpoints(self.node.name)]
        try:
            heads = [self.node.verifier.open(note) for note in (*shipped[-1:], *kept[-1:])]
        except BadCheckpoint as error:
            raise StoreError(f"the last audit checkpoint is not ours: {error}; {HINT}") from None
        self._read(snapshot)
        for head in heads:
            if head.size > self._tree.size:
                sizes = f"{self._tree.size} leaves and a checkpoint speaks of {head.size}"
                raise StoreError(f"the audit log has {sizes}; {HINT}")
        last = max(heads, key=lambda head: head.size, default=None)
        if last is not None and (last.size, last.root) != (self._tree.size, self._tree.root):
            raise StoreError(f"the audit log is not the one its last checkpoint was signed for; {HINT}")
        if last is None and self._tree.size:
            raise StoreError(f"the audit log has leaves and no checkpoint; {HINT}")
        known = set(shipped)
        self._unshipped = [note for note in kept if note not in known]

    def _ship(self) -> None:
        if not self._unshipped:
            return
        try:
            self._shipping.ship(tuple(self._unshipped))
            self._unshipped.clear()
        except OSError as error:
            logger.error(
                "%d audit checkpoints could not be shipped: %s",
                len(self._unshipped),
                error.strerror or "I/O error",
            )


HINT = "run `sluiceway audit verify`, and restore the store or start a new log with a new audit-node.key"

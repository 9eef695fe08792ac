"""Checks the whole audit against its log, its signatures and its promises, without any private key.

Every record must be the one its leaf was made from, every leaf must be in its place under every checkpoint,
every ciphertext and wrap must have the hash that a record names, and what is missing must have been shredded.
Requests under way (`audit_pending`) are not part of the log.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sluiceway.audit.checkpoint import BadCheckpoint, Checkpoint, Verifier
from sluiceway.audit.grounds import Grounds
from sluiceway.audit.merkle import Frontier
from sluiceway.audit.records import leaf
from sluiceway.audit.remains import Remains
from sluiceway.audit.verdict import Fault, Verdict
from sluiceway.store.audit import Cell, Leaf, Snapshot

NO_SHIPMENT = "no checkpoints from off the box were given: an older copy of everything would pass"


def verify(
    snapshot: Snapshot, verifiers: Sequence[Verifier], shipped: Sequence[str] | None = None
) -> Verdict:
    """Checks everything. `verifiers` are the nodes' public keys, from a place the nodes cannot write to;
    `shipped` are the checkpoints kept off the box, None: there are none at hand."""
    verdict = Verdict(warnings=[NO_SHIPMENT] if shipped is None else [])
    known = {each.name: each for each in verifiers}
    for node in sorted({*snapshot.nodes(), *known}):
        if node not in known:
            verdict.faults.append(Fault(f"log {node}", "nobody gave the public key of this node"))
            continue
        own = [note for note in shipped or () if _node_of(note) == node]
        verdict.faults += _Check(snapshot, known[node], own, verdict).faults()
    strange = [note for note in shipped or () if _node_of(note) not in known]
    verdict.faults += [Fault("shipped checkpoint", "it is of no known node") for _ in strange]
    verdict.faults += [
        Fault(f"{kind} {number}", "it is not in the log exactly once") for kind, number in snapshot.unlogged()
    ]
    verdict.faults += [Fault(f"{name} {number}", "its record is gone") for name, number in snapshot.orphans()]
    verdict.faults += [Fault(name, "the database has lost this guard") for name in snapshot.missing_guards()]
    return verdict


class _Check:
    """One node's log."""

    def __init__(
        self, snapshot: Snapshot, verifier: Verifier, shipped: Sequence[str], verdict: Verdict
    ) -> None:
        self._snapshot, self._verifier, self._shipped = snapshot, verifier, shipped
        self._verdict = verdict
        self._kept = snapshot.checkpoints(verifier.name)
        self._grounds, self._remains = Grounds(snapshot), Remains(snapshot)
        self._heads: dict[int, set[bytes]] = {}

    def faults(self) -> Iterator[Fault]:
        yield from self._read_checkpoints()
        yield from self._compare_shipped()
        tree = Frontier()
        yield from self._walk(tree)
        last = max(self._heads, default=0)
        if tree.size != last:
            words = f"it has {tree.size} leaves, and its last checkpoint speaks of {last}"
            yield Fault(f"log {self._verifier.name}", words)
        self._verdict.leaves += tree.size

    def _read_checkpoints(self) -> Iterator[Fault]:
        for size, note in self._kept:
            try:
                head = self._verifier.open(note)
            except BadCheckpoint as error:
                yield Fault(f"checkpoint {size}", str(error))
                continue
            self._add(head)
            if head.size != size:
                yield Fault(f"checkpoint {size}", f"it was signed for {head.size} leaves")
        for at, note in enumerate(self._shipped):
            try:
                self._add(self._verifier.open(note))
            except BadCheckpoint as error:
                yield Fault(f"shipped checkpoint {at}", str(error))

    def _add(self, head: Checkpoint) -> None:
        self._verdict.checkpoints += 1
        self._heads.setdefault(head.size, set()).add(head.root)

    def _compare_shipped(self) -> Iterator[Fault]:
        """Checkpoints are shipped in order, and none is ever taken back on either side."""
        if not self._shipped:
            return
        kept, shipped = [note for _, note in self._kept], set(self._shipped)
        for note in self._shipped:
            if note not in kept:
                yield Fault("shipped checkpoint", "the store does not have it (any more)")
        last = max((at for at, note in enumerate(kept) if note in shipped), default=-1)
        for note in kept[: last + 1]:
            if note not in shipped:
                yield Fault("checkpoint", "later ones were shipped, and this one is not among them")
        if waiting := len(kept) - last - 1:
            self._verdict.warnings.append(f"{waiting} checkpoints have not been shipped yet")

    def _walk(self, tree: Frontier) -> Iterator[Fault]:
        """Every leaf in order, added to the tree."""
        yield from self._compare_root(tree)
        for seq, each in self._snapshot.log(self._verifier.name):
            where = f"leaf {seq}: {each.kind} {each.ref}"
            if seq != tree.size:
                yield Fault(where, f"it should be leaf {tree.size}")
            tree.add(each.hash)
            yield from (Fault(where, what) for what in self._problems(each))
            yield from self._compare_root(tree)

    def _compare_root(self, tree: Frontier) -> Iterator[Fault]:
        roots = self._heads.get(tree.size)
        if roots and roots != {tree.root}:
            yield Fault(f"checkpoint {tree.size}", "its root is not the root of the log")

    def _problems(self, each: Leaf) -> Iterator[str]:
        record = self._snapshot.record(each.kind, each.ref)
        if record is None:
            yield "its record is gone"
            return
        if _hash(each.kind, record) != each.hash:
            yield "its record was altered"
            return
        self._verdict.entries += each.kind == "entry"
        self._verdict.shredded += each.kind == "shred"
        yield from self._grounds.problems(each.kind, record)
        yield from self._remains.problems(each.kind, record)


def _hash(kind: str, record: Mapping[str, Cell]) -> bytes | None:
    try:
        return leaf(kind, record).hash
    except ValueError:
        return None


def _node_of(note: str) -> str:
    return note.partition("\n")[0]

"""Checks the whole audit against its log, its signatures and its promises, without any private key.

Every row of every fact must be the one its leaf was made from, every leaf must be in its place under every
checkpoint, every ciphertext and wrap must have the hash a fact names, and what is missing must have been
shredded. Rows of requests under way (`audit_pending`) are not part of the log.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from sluiceway.audit.checkpoint import BadCheckpoint, Checkpoint, Verifier
from sluiceway.audit.grounds import broken_grounds
from sluiceway.audit.merkle import EMPTY_ROOT, Frontier
from sluiceway.audit.records import leaf
from sluiceway.store.audit import Cell, Leaf, Snapshot
from sluiceway.store.audit_tables import RECORDS

type Facts = Mapping[str, Mapping[str, Mapping[str, Cell]]]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it was made. `where` names a record; neither part quotes content."""

    where: str
    what: str


@dataclass(slots=True)
class Verdict:
    """What was checked, and what was found. `warnings` are no proof of anything, but need a look."""

    leaves: int = 0
    entries: int = 0
    checkpoints: int = 0
    shredded: int = 0
    faults: list[Fault] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.faults


def verify(
    snapshot: Snapshot, verifiers: Sequence[Verifier], shipped: Iterable[str] | None = None
) -> Verdict:
    """Checks everything. `shipped` are the checkpoints kept off the box; without them nobody can tell an
    older copy of the whole database from the present one."""
    verdict = Verdict()
    known = {each.name: each for each in verifiers}
    facts = {kind: {str(r["id"]): r for r in snapshot.records(kind)} for kind in RECORDS}
    verdict.entries, verdict.shredded = len(facts["entry"]), len(facts["shred"])
    kept = list(shipped or ())
    logged: Counter[tuple[str, str]] = Counter()
    for node in sorted({*snapshot.nodes(), *known}):
        verdict.faults += _check_log(snapshot, node, known.get(node), kept, facts, logged, verdict)
    verdict.faults += _unsigned(kept, known)
    verdict.faults += _unlogged(facts, logged)
    verdict.faults += _check_erasable(snapshot, facts)
    verdict.faults += broken_grounds(facts)
    verdict.faults += [
        Fault(name, "this guard of the database is gone") for name in snapshot.missing_guards()
    ]
    if shipped is None:
        verdict.warnings.append("no checkpoints from off the box were given: a whole older copy would pass")
    return verdict


def _check_log(
    snapshot: Snapshot,
    node: str,
    verifier: Verifier | None,
    shipped: Sequence[str],
    facts: Facts,
    logged: Counter[tuple[str, str]],
    verdict: Verdict,
) -> Iterator[Fault]:
    if verifier is None:
        yield Fault(f"log {node}", "its public key was not given, so nothing shows who wrote it")
        return
    notes = [note for _, note in snapshot.checkpoints(node)]
    heads, bad = _heads(verifier, [*notes, *(note for note in shipped if note.startswith(f"{node}\n"))])
    yield from bad
    verdict.checkpoints += len(heads)
    for size, note in snapshot.checkpoints(node):
        if f"{node}\n{size}\n" != note[: len(f"{node}\n{size}\n")]:
            yield Fault(f"checkpoint {node}/{size}", "it stands at another size than it was signed for")
    wanted: dict[int, set[bytes]] = {}
    for head in heads:
        wanted.setdefault(head.size, set()).add(head.root)
    size = 0
    for fault, size in _walk(snapshot, node, facts, logged, wanted):
        if fault is not None:
            yield fault
    verdict.leaves += size
    last = max(wanted, default=0)
    if last != size:
        yield Fault(f"log {node}", f"it has {size} leaves, and its last checkpoint speaks of {last}")
    in_store = {head.size for head in _heads(verifier, notes)[0]}
    if heads and max(in_store, default=0) != last:
        yield Fault(f"log {node}", "its own last checkpoint is missing")


def _walk(
    snapshot: Snapshot,
    node: str,
    facts: Facts,
    logged: Counter[tuple[str, str]],
    wanted: Mapping[int, set[bytes]],
) -> Iterator[tuple[Fault | None, int]]:
    """Every leaf in its order; a fault or None, with the size of the tree so far."""
    tree = Frontier()
    if wanted.get(0, {EMPTY_ROOT}) != {EMPTY_ROOT}:
        yield Fault(f"checkpoint {node}/0", "its root is not that of an empty tree"), 0
    for seq, each in snapshot.log(node):
        where = f"leaf {node}/{seq}"
        if seq != tree.size:
            yield Fault(where, f"it should be leaf {tree.size}"), tree.size
        tree.add(each.hash)
        logged[each.kind, each.ref] += 1
        problem = _leaf_problem(each, facts)
        yield (None if problem is None else Fault(where, problem)), tree.size
        if not wanted.get(tree.size, {tree.root}) == {tree.root}:
            yield Fault(f"checkpoint {node}/{tree.size}", "its root is not that of the log"), tree.size


def _leaf_problem(found: Leaf, facts: Facts) -> str | None:
    record = facts.get(found.kind, {}).get(found.ref)
    if record is None:
        return f"its record is gone ({found.kind} {found.ref})"
    try:
        made = leaf(found.kind, record)
    except ValueError:
        return f"its record holds what no record holds ({found.kind} {found.ref})"
    return None if made.hash == found.hash else f"its record was altered ({found.kind} {found.ref})"


def _heads(verifier: Verifier, notes: Sequence[str]) -> tuple[list[Checkpoint], list[Fault]]:
    heads: list[Checkpoint] = []
    faults: list[Fault] = []
    for note in dict.fromkeys(notes):
        try:
            heads.append(verifier.open(note))
        except BadCheckpoint as error:
            faults.append(Fault(f"checkpoint of {verifier.name}", str(error)))
    return heads, faults


def _unsigned(shipped: Sequence[str], known: Mapping[str, Verifier]) -> Iterator[Fault]:
    for at, note in enumerate(shipped):
        if note.partition("\n")[0] not in known:
            yield Fault(f"shipped checkpoint {at}", "it is of no node whose public key was given")


def _unlogged(facts: Facts, logged: Counter[tuple[str, str]]) -> Iterator[Fault]:
    for kind, records in facts.items():
        for number in records:
            if logged[kind, number] != 1:
                yield Fault(f"{kind} {number}", f"it is in the log {logged[kind, number]} times")


def _check_erasable(snapshot: Snapshot, facts: Facts) -> Iterator[Fault]:
    """Ciphertext, wraps and releases against the hashes in the facts; what is gone must be shredded."""
    shredded = facts["shred"].keys()
    found = {
        f"wrap {each['data_key']} {each['approver']} {each['reader']}": each["wrap"]
        for each in snapshot.erasable("wraps")
    }
    found |= {f"release {e['approval']} {e['data_key']}": e["layer"] for e in snapshot.erasable("releases")}
    found |= {
        f"sealed {each['id']} {each['data_key']} {each['entry']}": each["ciphertext"]
        for each in snapshot.erasable("sealed")
    }
    expected = dict(_expected(facts))
    for where in expected.keys() | found.keys():
        hash_of, data_key = expected.get(where, (None, None))
        value = found.get(where)
        if data_key is None:
            yield Fault(where, "no record speaks of it")
        elif data_key in shredded:
            if value is not None:
                yield Fault(where, "it was shredded, and is there again")
        elif not isinstance(value, bytes):
            yield Fault(where, "it is gone and was not shredded")
        elif sha256(value).hexdigest() != hash_of:
            yield Fault(where, "it was altered")


def _expected(facts: Facts) -> Iterator[tuple[str, tuple[str, str]]]:
    """(where, (hash, data key)) of all that facts speak of. A fact that cannot be read is a fault already."""
    for key in facts["data_key"].values():
        for approver, reader, digest in _triples(key["wraps"], 3):
            yield f"wrap {key['id']} {approver} {reader}", (digest, str(key["id"]))
    for step in facts["access"].values():
        for data_key, digest in _triples(step["releases"], 2):
            yield f"release {step['id']} {data_key}", (digest, data_key)
    for entry in facts["entry"].values():
        for number, digest in _triples(entry["sealed"], 2):
            yield f"sealed {number} {entry['data_key']} {entry['id']}", (digest, str(entry["data_key"]))


def _triples(text: Cell, width: int) -> list[list[str]]:
    try:
        rows = json.loads(str(text))
    except ValueError:
        return []
    if not isinstance(rows, list):
        return []
    return [[str(cell) for cell in each] for each in rows if isinstance(each, list) and len(each) == width]

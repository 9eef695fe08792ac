"""The whole audit as JSON lines, for somebody who wants to check it with a program of their own.

It holds metadata in clear and content in ciphertext, with the wraps: whoever has it needs two holders' keys
to read it, as before, but a later shred does not reach it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sluiceway.audit.canonical import FORM
from sluiceway.audit.records import listed
from sluiceway.store.audit import Snapshot
from sluiceway.store.audit_tables import ERASABLE


def export(snapshot: Snapshot) -> Iterator[str]:
    """The lines: first what form they are in, then the log with its records, then the rest."""
    yield listed({"form": FORM})
    for node in snapshot.nodes():
        for seq, each in snapshot.log(node):
            yield listed(
                {
                    "type": "leaf",
                    "node": node,
                    "seq": seq,
                    "kind": each.kind,
                    "leaf": each.hash.hex(),
                    "record": _plain(snapshot.record(each.kind, each.ref) or {}),
                }
            )
        for size, note in snapshot.checkpoints(node):
            yield listed({"type": "checkpoint", "node": node, "size": size, "note": note})
    for name in ERASABLE:
        for row in snapshot.erasable(name):
            yield listed({"type": name, "row": _plain(row)})


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Bytes as hexadecimal digits."""
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in row.items()}

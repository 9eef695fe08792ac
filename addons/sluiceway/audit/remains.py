"""Ciphertexts, wraps and releases against the hashes that the facts name: there, or shredded, never else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256

from sluiceway.audit.records import lines
from sluiceway.store.audit import Cell, Snapshot

type Found = dict[str, tuple[str, bytes]]
"""What belongs to one record: by name, the data key it goes with and the bytes."""


class Remains:
    """Checks what belongs to one record at a time."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._shredded = {str(each["id"]) for each in snapshot.records("shred")}

    def problems(self, kind: str, record: Mapping[str, Cell]) -> Iterator[str]:
        """What should not be, in words."""
        wanted, found = self._wanted(kind, record), self._found(kind, record)
        for name in sorted(wanted.keys() | found.keys()):
            if name not in wanted:
                yield f"{name}: no record speaks of it"
                continue
            data_key, digest = wanted[name]
            gone = name not in found
            if data_key in self._shredded:
                if not gone:
                    yield f"{name}: it was shredded, and is there again"
            elif gone:
                yield f"{name}: it is gone, and was not shredded"
            elif found[name][0] != data_key or sha256(found[name][1]).hexdigest() != digest:
                yield f"{name}: it was altered"

    def _wanted(self, kind: str, record: Mapping[str, Cell]) -> dict[str, tuple[str, str]]:
        if kind == "data_key":
            number = str(record["id"])
            return {f"wrap {a} {r}": (number, digest) for a, r, digest in lines(record["wraps"], 3)}
        if kind == "access":
            return {f"release {key}": (key, digest) for key, digest in lines(record["releases"], 2)}
        if kind == "entry":
            number = str(record["data_key"])
            return {f"ciphertext {at}": (number, digest) for at, digest in lines(record["sealed"], 2)}
        return {}

    def _found(self, kind: str, record: Mapping[str, Cell]) -> Found:
        number = str(record["id"])
        if kind == "data_key":
            wraps = self._snapshot.erasable("wraps", data_key=number)
            return {f"wrap {e['approver']!s} {e['reader']!s}": (number, _bytes(e["wrap"])) for e in wraps}
        if kind == "access":
            left = self._snapshot.erasable("releases", approval=number)
            return {f"release {e['data_key']!s}": (str(e["data_key"]), _bytes(e["layer"])) for e in left}
        if kind == "entry":
            kept = self._snapshot.erasable("sealed", entry=number)
            return {f"ciphertext {e['id']!s}": (str(e["data_key"]), _bytes(e["ciphertext"])) for e in kept}
        return {}


def _bytes(value: Cell) -> bytes:
    return value if isinstance(value, bytes) else b""

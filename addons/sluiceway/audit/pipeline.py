"""From a request's text to ciphertext: redact, look again, seal. What is not clearly clean is not kept."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256

from sluiceway.audit.canonical import Json, canonical
from sluiceway.audit.daykeys import DayKey, DayKeys
from sluiceway.audit.parts import Part, Redacted
from sluiceway.audit.records import Content, Record, listed, row
from sluiceway.audit.sealing import address, entry_bound, part_bound
from sluiceway.audit.subject import End, Subject, entry
from sluiceway.store.audit import Row
from sluiceway.types import Finding

logger = logging.getLogger("sluiceway.audit")

type Redact = Callable[[str], Redacted]
type Residue = Callable[[str], Sequence[Finding]]


@dataclass(slots=True)
class Item:
    """A request that has ended. `lost`: its text could not be held; it is known by its metadata alone."""

    subject: Subject
    end: End
    request: tuple[Part, ...] = field(default=(), repr=False)
    response: Part | None = field(default=None, repr=False)
    lost: bool = False

    @property
    def parts(self) -> tuple[Part, ...]:
        return self.request if self.response is None else (*self.request, self.response)

    @property
    def size_bytes(self) -> int:
        return sum(part.size_bytes for part in self.parts)

    def without_content(self) -> Item:
        """What is kept when the text is not."""
        return Item(self.subject, self.end, lost=True)


@dataclass(slots=True)
class Made:
    """What a request becomes on disk."""

    content: Content
    records: list[Record]
    erasable: list[tuple[str, Row]]


@dataclass(slots=True)
class _Sealed:
    """The new ciphertexts of one request by address, in the order of the parts."""

    content: Content = "sealed"
    parts: dict[str, bytes] = field(default_factory=dict)
    findings: Counter[str] = field(default_factory=Counter)


class Pipeline:
    """Turns ended requests into records. Not thread-safe: one worker owns it."""

    def __init__(self, keys: DayKeys, redact: Redact, residue: Residue, known_sets: set[str]) -> None:
        self._keys, self._redact, self._residue = keys, redact, residue
        self._known_sets = known_sets

    def make(self, item: Item, now: datetime) -> Made:
        """Never raises for what is in a text; whatever goes wrong with it, the text is not kept."""
        if item.subject.mode == "metadata":
            return self._bare(item, "none", now)
        if item.lost:
            return self._bare(item, "content_lost", now)
        key = self._keys.key(item.subject.person, item.subject.keep_days, now)
        try:
            sealed = self._seal(item, key)
        except Exception as error:
            # No traceback and no text: they may quote the prompt.
            logger.error("a request's text is not kept: %s while redacting", type(error).__name__)
            return self._bare(item, "withheld_error", now)
        if sealed.content != "sealed":
            return self._bare(item, sealed.content, now)
        return self._kept(item, key, sealed, now)

    def _bare(self, item: Item, content: Content, now: datetime) -> Made:
        return Made(content, [entry(item.subject, item.end, content, now)], [])

    def _seal(self, item: Item, key: DayKey) -> _Sealed:
        sealed = _Sealed()
        for part in item.parts:
            at = address(key.address_key, part.role, part.text)
            if at in key.known or at in sealed.parts:
                continue
            if at not in key.withheld:
                redacted = self._redact(part.text)
                if not self._residue(redacted.text):
                    plain = redacted.text.encode("utf-8", "replace")
                    sealed.parts[at] = key.sealer.seal(plain, part_bound(key.id, at))
                    sealed.findings.update(redacted.findings)
                    continue
                key.withheld.add(at)
            return _Sealed("withheld_residue")
        return sealed

    def _kept(self, item: Item, key: DayKey, sealed: _Sealed, now: datetime) -> Made:
        records, erasable = self._key_records(key, now)
        bare = entry(item.subject, item.end, "sealed", now, data_key=key.id, findings=sealed.findings)
        own = key.sealer.seal(_manifest(item, key), entry_bound(row(bare)))
        ciphertexts = [*sealed.parts.items(), (bare.id, own)]
        hashes: list[Json] = [[at, sha256(ciphertext).hexdigest()] for at, ciphertext in ciphertexts]
        records.append(replace(bare, sealed=listed(hashes)))
        erasable += [
            ("sealed", {"id": at, "data_key": key.id, "entry": bare.id, "ciphertext": ciphertext})
            for at, ciphertext in ciphertexts
        ]
        key.known |= sealed.parts.keys()
        return Made("sealed", records, erasable)

    def _key_records(self, key: DayKey, now: datetime) -> tuple[list[Record], list[tuple[str, Row]]]:
        if key.stored:
            return [], []
        key.stored = True
        records, wraps = self._keys.records(key, now)
        holders = self._keys.holder_set(now)
        if holders.id in self._known_sets:
            return records, wraps
        self._known_sets.add(holders.id)
        return [holders, *records], wraps

    def undo(self, known_sets: set[str]) -> None:
        """A change did not reach the disk: begin anew with new keys."""
        self._keys.drop()
        self._known_sets = known_sets


def _manifest(item: Item, key: DayKey) -> bytes:
    """What the entry's own ciphertext says: which parts, in which order."""

    def place(part: Part) -> list[Json]:
        return [part.role, address(key.address_key, part.role, part.text)]

    response = None if item.response is None else place(item.response)
    return canonical({"request": [place(part) for part in item.request], "response": response})

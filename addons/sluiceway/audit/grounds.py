"""Whether each fact had its grounds, checked again from the facts alone, whatever the database let in.

An entry needs a company credential, a rule in force, and the acknowledged notice of just that rule; a data
key may be wrapped only for pairs of the people on record; a step towards reading needs a good signature, and
nobody approves their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from hashlib import sha256

from sluiceway.audit.canonical import Json, tagged
from sluiceway.audit.holders import Holder, Holders, PublicKey
from sluiceway.audit.records import lines, signed_bytes
from sluiceway.store.audit import Cell, Snapshot

type Fact = Mapping[str, Cell]

PROMISE = ("rule", "mode", "purpose", "agreement", "until", "keep_days")


class Grounds:
    """Says what is wrong with a record, given all the others."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._get = lru_cache(maxsize=4096)(snapshot.record)
        self._keys = self._known_keys()

    def problems(self, kind: str, record: Fact) -> Iterator[str]:
        """What should not be, in words."""
        checks: dict[str, Callable[[Fact], Iterator[str]]] = {
            "entry": self._entry,
            "acknowledgement": self._acknowledgement,
            "data_key": self._data_key,
            "access": self._access,
            "holders": self._holder_set,
            "shred": self._shred,
        }
        if kind in checks:
            yield from checks[kind](record)

    def _entry(self, entry: Fact) -> Iterator[str]:
        if entry["key_class"] != "company":
            yield "the credential was not the company's"
        if not str(entry["purpose"]).strip() or not str(entry["agreement"]).strip():
            yield "it names no purpose or no agreement"
        if (
            not _number(entry, "acknowledged_at")
            <= _number(entry, "started_at")
            <= _number(entry, "until_at")
        ):
            yield "it began before the acknowledgement or after the rule's end"
        promise: dict[str, Json] = {name: _plain(entry[name]) for name in PROMISE}
        if sha256(tagged("notice", promise)).hexdigest()[:32] != entry["notice"]:
            yield "its rule is not the one in the notice"
        said = self._get("acknowledgement", str(entry["disclosure"])) or {}
        wanted = (entry["person"], entry["notice"], entry["acknowledged_at"])
        if (said.get("person"), said.get("notice"), said.get("at")) != wanted:
            yield "no such acknowledgement"
        yield from self._content(entry)

    def _content(self, entry: Fact) -> Iterator[str]:
        kept = entry["content"] == "sealed"
        if kept != (entry["data_key"] is not None) or kept != (entry["sealed"] != "[]"):
            yield "it does not say clearly whether anything was kept"
        if (entry["mode"] == "metadata") != (entry["content"] == "none"):
            yield "its mode and what was kept do not agree"
        if kept:
            key = self._get("data_key", str(entry["data_key"])) or {}
            if key.get("person") != entry["person"]:
                yield "its data key is not one of this person"

    def _acknowledgement(self, said: Fact) -> Iterator[str]:
        told = self._get("disclosure", str(said["id"])) or {}
        wanted = (said["person"], said["notice"], said["disclosed_at"])
        if (told.get("person"), told.get("notice"), told.get("at")) != wanted:
            yield "no such disclosure"
        if _number(said, "at") < _number(said, "disclosed_at"):
            yield "it is older than the disclosure"

    def _data_key(self, key: Fact) -> Iterator[str]:
        record = self._get("holders", str(key["holders"]))
        holders = None if record is None else _holders(str(record["holders"]))
        if holders is None:
            yield "nobody knows for whom it was sealed"
            return
        allowed = {(one.key.id, other.key.id) for one, other in holders.pairs}
        if {(approver, reader) for approver, reader, _ in lines(key["wraps"], 3)} != allowed:
            yield "it is not wrapped for exactly the pairs of people on record"

    def _holder_set(self, record: Fact) -> Iterator[str]:
        holders = _holders(str(record["holders"]))
        if holders is None or holders.id != record["id"]:
            yield "its people do not fit its id"

    def _shred(self, record: Fact) -> Iterator[str]:
        if self._get("data_key", str(record["id"])) is None:
            yield "there is no such data key"

    def _access(self, step: Fact) -> Iterator[str]:
        holder = self._keys.get(str(step["key"]))
        if holder is None or holder.name != step["holder"]:
            yield "the key belongs to nobody for whom anything was sealed"
        elif not holder.key.signed(signed_bytes(step), _bytes(str(step["signature"]))):
            yield "the signature is not good"
        first = step["step"] == "request" and step["id"] == step["request"]
        asked = step if first else self._get("access", str(step["request"])) or {}
        if asked.get("step") != "request" or asked.get("holder") != step["requester"]:
            yield "there is no such request"
        same = ("person", "from_at", "to_at", "entries", "reason")
        if any(asked.get(name) != step[name] for name in same):
            yield "it is about something else than its request"
        own = step["key"] == asked.get("key")
        if own == (step["step"] == "approve"):
            yield "who asked cannot approve, and only who asked can open"

    def _known_keys(self) -> dict[str, Holder]:
        sets = (_holders(str(each["holders"])) for each in self._snapshot.records("holders"))
        return {each.key.id: each for found in sets if found is not None for each in found.holders}


def _holders(text: str) -> Holders | None:
    try:
        return Holders(
            tuple(
                Holder(name, "council" if role == "council" else "auditor", PublicKey.parse(key))
                for name, role, key in lines(text, 3)
            )
        )
    except ValueError:
        return None


def _number(record: Fact, name: str) -> int:
    value = record[name]
    return value if isinstance(value, int) else -1


def _plain(value: Cell) -> Json:
    return value.hex() if isinstance(value, bytes) else value


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""

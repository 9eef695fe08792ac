"""Reading what was sealed, which takes two people: one asks, another approves, the first opens.

Each step is signed by who takes it and is on disk before it has any effect. What two people together can
unlock is a data key: a person's day on one node; `opened` then shows only what the request named.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from sluiceway.audit.keyfile import PrivateKey
from sluiceway.audit.records import Access, Step, listed, row, signed_bytes
from sluiceway.audit.sealing import Sealer, entry_bound, part_bound
from sluiceway.audit.wrap import CannotOpen, Lock, release, unwrap
from sluiceway.errors import SluicewayError
from sluiceway.store.audit import Cell, Row, Snapshot
from sluiceway.store.moments import to_us


@dataclass(frozen=True, slots=True)
class Scope:
    """What a request is about: one person, a period by the start of the requests, some entries or all."""

    person: str
    from_at: datetime
    to_at: datetime
    entries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Opened:
    """One entry in clear: the metadata, and the redacted text of its parts as (role, text)."""

    entry: Mapping[str, Cell]
    request: tuple[tuple[str, str], ...] = field(repr=False)
    response: tuple[str, str] | None = field(repr=False)


def request(scope: Scope, reason: str, who: PrivateKey, actor: str, at: datetime) -> Access:
    """The first step. The reason is part of the log for good, so it should name a case, not its content."""
    if not reason.strip():
        raise SluicewayError("give a reason; it stays in the log and the person concerned may read it")
    number = secrets.token_hex(16)
    step = Access(
        id=number,
        at=to_us(at),
        step="request",
        request=number,
        requester=who.name,
        holder=who.name,
        key=who.public.id,
        person=scope.person,
        from_at=to_us(scope.from_at),
        to_at=to_us(scope.to_at),
        entries=listed(list(scope.entries)),
        reason=reason.strip(),
        releases="[]",
        actor=actor,
        signature="",
    )
    return _signed(step, who)


def approve(
    snapshot: Snapshot, number: str, who: PrivateKey, actor: str, at: datetime
) -> tuple[Access, list[tuple[str, Row]]]:
    """The second step, by somebody else: takes their layer off every data key the request covers."""
    asked = find(snapshot, number)
    if asked["holder"] == who.name or asked["key"] == who.public.id:
        raise SluicewayError("somebody else has to approve: two people open what is sealed, never one")
    keys = _data_keys(snapshot, asked)
    if not keys:
        raise SluicewayError("the request covers nothing that could be opened (nothing sealed, or shredded)")
    number_of_step = secrets.token_hex(16)
    released: list[Row] = []
    for data_key in keys:
        lock = Lock(data_key, str(asked["person"]), who.public.id, str(asked["key"]))
        layer = release(_wrap(snapshot, lock), lock, who)
        released.append({"approval": number_of_step, "data_key": data_key, "layer": layer})
    step = replace(
        _next_step(asked, "approve", who, actor, at),
        id=number_of_step,
        releases=listed([[str(each["data_key"]), _digest(each["layer"])] for each in released]),
    )
    return _signed(step, who), [("releases", each) for each in released]


def open_step(snapshot: Snapshot, number: str, who: PrivateKey, actor: str, at: datetime) -> Access:
    """The third step, by who asked; it has to be on disk before `opened` is called."""
    asked = find(snapshot, number)
    if asked["key"] != who.public.id:
        raise SluicewayError("only who asked can open, with the key they asked with")
    if not approvals(snapshot, number):
        raise SluicewayError("nobody has approved this request yet")
    if not _data_keys(snapshot, asked):
        raise CannotOpen("nothing of it is left: what this request covers was shredded, for good")
    return _signed(_next_step(asked, "open", who, actor, at), who)


def opened(snapshot: Snapshot, number: str, who: PrivateKey) -> Iterator[Opened]:
    """The entries of an approved request in clear. Refuses while no `open` step of this key is on disk."""
    steps = snapshot.records("access", request=number)
    if not any(each["step"] == "open" and each["key"] == who.public.id for each in steps):
        raise SluicewayError("opening was not recorded, so nothing is opened")
    asked, sealers = find(snapshot, number), _sealers(snapshot, number, who)
    until = max(int(str(each["at"])) for each in approvals(snapshot, number))
    for entry in _covered(snapshot, asked):
        if str(entry["data_key"]) in sealers and int(str(entry["recorded_at"])) <= until:
            yield _open(snapshot, entry, sealers[str(entry["data_key"])])


def find(snapshot: Snapshot, number: str) -> dict[str, Cell]:
    """The first step of a request. Raises SluicewayError."""
    for each in snapshot.records("access", id=number):
        if each["step"] == "request":
            return each
    raise SluicewayError("there is no such request; `sluiceway audit list` shows them")


def approvals(snapshot: Snapshot, number: str) -> list[dict[str, Cell]]:
    """Who approved a request."""
    return [each for each in snapshot.records("access", request=number) if each["step"] == "approve"]


def _next_step(asked: Mapping[str, Cell], step: Step, who: PrivateKey, actor: str, at: datetime) -> Access:
    values: dict[str, Any] = {
        **asked,
        "id": secrets.token_hex(16),
        "at": to_us(at),
        "step": step,
        "holder": who.name,
        "key": who.public.id,
        "releases": "[]",
        "actor": actor,
        "signature": "",
    }
    return Access(**values)


def _signed(step: Access, who: PrivateKey) -> Access:
    return replace(step, signature=who.sign(signed_bytes({**row(step)})).hex())


def _covered(snapshot: Snapshot, asked: Mapping[str, Cell]) -> list[dict[str, Cell]]:
    named: Sequence[str] = json.loads(str(asked["entries"]))
    period = int(str(asked["from_at"])), int(str(asked["to_at"]))
    found = snapshot.entries(str(asked["person"]), *period)
    return [each for each in found if each["content"] == "sealed" and (not named or str(each["id"]) in named)]


def _data_keys(snapshot: Snapshot, asked: Mapping[str, Cell]) -> list[str]:
    live = {str(each["id"]) for each in snapshot.live_data_keys()}
    return sorted({str(each["data_key"]) for each in _covered(snapshot, asked)} & live)


def _wrap(snapshot: Snapshot, lock: Lock) -> bytes:
    found = snapshot.erasable("wraps", data_key=lock.data_key, approver=lock.approver, reader=lock.reader)
    row_found = next(found, None)
    if row_found is None:
        raise CannotOpen(
            "these two cannot open this together: one of them was not in rules/auditors.yaml on that day, "
            "or both are of the works council"
        )
    return _bytes(row_found["wrap"])


def _sealers(snapshot: Snapshot, number: str, who: PrivateKey) -> dict[str, Sealer]:
    sealers: dict[str, Sealer] = {}
    for approval in approvals(snapshot, number):
        for each in snapshot.erasable("releases", approval=str(approval["id"])):
            data_key = str(each["data_key"])
            lock = Lock(data_key, str(approval["person"]), str(approval["key"]), who.public.id)
            sealers[data_key] = Sealer(unwrap(_bytes(each["layer"]), lock, who))
    return sealers


def _open(snapshot: Snapshot, entry: Mapping[str, Cell], sealer: Sealer) -> Opened:
    data_key = str(entry["data_key"])
    clean = {name: value for name, value in entry.items() if not isinstance(value, bytes)}
    manifest = json.loads(sealer.open(_ciphertext(snapshot, str(entry["id"])), entry_bound(clean)))

    def part(role: str, address: str) -> tuple[str, str]:
        plain = sealer.open(_ciphertext(snapshot, address), part_bound(data_key, address))
        return role, plain.decode()

    response = manifest["response"]
    request_parts = tuple(part(role, address) for role, address in manifest["request"])
    return Opened(entry, request_parts, None if response is None else part(*response))


def _ciphertext(snapshot: Snapshot, number: str) -> bytes:
    found = next(snapshot.erasable("sealed", id=number), None)
    if found is None:
        raise CannotOpen("its ciphertext is gone; `sluiceway audit verify` says whether it was shredded")
    return _bytes(found["ciphertext"])


def _bytes(value: Cell) -> bytes:
    assert isinstance(value, bytes)
    return value


def _digest(value: Cell) -> str:
    return sha256(_bytes(value)).hexdigest()

"""The facts that the audit keeps for ever, each one row and one leaf: what they hold and how a leaf is made.

Every field is a string, a whole number or null, because a leaf is the canonical JSON of its row. Times are
microseconds since the epoch, UTC. Lists inside are JSON in a string, written by `listed`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar, Literal

from sluiceway.audit.canonical import Json, canonical, tagged
from sluiceway.audit.merkle import leaf_hash
from sluiceway.store.audit import Cell, Leaf

type Content = Literal["none", "sealed", "content_lost", "withheld_residue", "withheld_error"]
type Step = Literal["request", "approve", "open"]
type Cause = Literal["person", "period", "retention"]


@dataclass(frozen=True, slots=True)
class HolderSet:
    """The people whose keys can open what is sealed from here on: [[name, role, public key], ...]."""

    kind: ClassVar[str] = "holders"
    id: str
    at: int
    holders: str


@dataclass(frozen=True, slots=True)
class Disclosure:
    """A person was given the notice. `notice` is its version, `channel` how they got it."""

    kind: ClassVar[str] = "disclosure"
    id: str
    at: int
    person: str
    rule: str
    notice: str
    text: str
    channel: str
    actor: str


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """And the person said so. `id` is the disclosure's."""

    kind: ClassVar[str] = "acknowledgement"
    id: str
    at: int
    person: str
    notice: str
    disclosed_at: int
    channel: str
    actor: str


@dataclass(frozen=True, slots=True)
class DataKey:
    """A data key of a person, a day (UTC) and a process boot: who can open it, never the key itself."""

    kind: ClassVar[str] = "data_key"
    id: str
    at: int
    person: str
    day: str
    node: str
    boot: str
    expires_at: int
    holders: str
    wraps: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One audited request: who, when, on what ground, and the hashes of what was sealed."""

    kind: ClassVar[str] = "entry"
    id: str
    request_id: str
    attempt: int
    started_at: int
    ended_at: int | None
    recorded_at: int
    person: str
    team: str
    key_class: str
    provider: str
    model: str | None
    client_name: str | None
    outcome: str | None
    status: int | None
    rule: str
    mode: str
    purpose: str
    agreement: str
    until: str
    until_at: int
    keep_days: int
    notice: str
    disclosure: str
    acknowledged_at: int
    content: Content
    data_key: str | None
    findings: str
    sealed: str


@dataclass(frozen=True, slots=True)
class Access:
    """A step towards reading, signed by who took it. `request` is the id of the first step."""

    kind: ClassVar[str] = "access"
    id: str
    at: int
    step: Step
    request: str
    requester: str
    holder: str
    key: str
    person: str
    from_at: int
    to_at: int
    entries: str
    reason: str
    releases: str
    actor: str
    signature: str


@dataclass(frozen=True, slots=True)
class Shred:
    """A data key was destroyed for good. `id` is the data key's."""

    kind: ClassVar[str] = "shred"
    id: str
    at: int
    cause: Cause
    reason: str
    actor: str


type Record = HolderSet | Disclosure | Acknowledgement | DataKey | Entry | Access | Shred


def row(record: Record) -> dict[str, str | int | None]:
    """The record's columns."""
    return asdict(record)


def leaf(kind: str, columns: Mapping[str, Cell]) -> Leaf:
    """The leaf of a row: the hash of its kind and its canonical JSON. Raises ValueError for a binary cell."""
    clean: dict[str, Json] = {}
    for name, value in columns.items():
        if isinstance(value, bytes):
            raise ValueError(f"{name}: a record holds no binary data")  # noqa: TRY004 - a cell of a database, not an argument
        clean[name] = value
    return Leaf(kind, str(columns["id"]), leaf_hash(tagged(kind, clean)))


def signed_bytes(access: Mapping[str, Cell]) -> bytes:
    """What a step's signature is over: all of the step but the signature."""
    clean: dict[str, Json] = {
        name: value for name, value in access.items() if name != "signature" and not isinstance(value, bytes)
    }
    return tagged("access", clean)


def listed(values: Sequence[Json] | Mapping[str, Json]) -> str:
    """A list or an object as a field holds it."""
    return canonical(values).decode()


def lines(text: Cell, width: int) -> list[list[str]]:
    """The rows of a list in a field; none where it cannot be read: somebody may have altered it."""
    try:
        rows = json.loads(str(text))
    except ValueError:
        return []
    found = rows if isinstance(rows, list) else []
    return [[str(cell) for cell in each] for each in found if isinstance(each, list) and len(each) == width]


def plain(text: str | None, limit: int = 200) -> str | None:
    """Words from outside as a record may hold them: printable, whole, and not longer than the limit."""
    if text is None:
        return None
    return "".join(c if c.isprintable() else "?" for c in text[:limit]).encode("utf-8", "replace").decode()

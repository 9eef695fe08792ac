"""A small company under audit: alice and bob are audited, carol and dave audit, erin is of the council."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sluiceway.audit.checkpoint import NodeKey
from sluiceway.audit.holders import Holders
from sluiceway.audit.keyfile import PrivateKey
from sluiceway.audit.log import Log
from sluiceway.audit.notice import acknowledge, disclose, notice
from sluiceway.audit.parts import Part, Redacted
from sluiceway.audit.recorder import Bounds, Recorder
from sluiceway.audit.shipping import CheckpointFile
from sluiceway.audit.subject import End, Subject
from sluiceway.audit.unlock import Scope, approve, open_step, opened, request
from sluiceway.audit.verdict import Verdict
from sluiceway.audit.verify import verify
from sluiceway.policy.kinds.audit import Audit
from sluiceway.store import Store
from sluiceway.types import Finding, KeyClass

KEY = b"a key for the tests of the audit"
NODE = "sluiceway/audit/test"
NOON = datetime(2026, 11, 15, 12, tzinfo=UTC)
SECRET = re.compile(r"sk-[a-z0-9]{8}")
NUMBER = re.compile(r"\b\d{3}-\d{2}-\d{4}\b")
AT_ONCE = Bounds(gather_s=0.0, retry_s=0.01, tidy_s=0.05)

RULE = Audit(
    name="incident",
    mode="redacted",
    purpose="Finding out how customer data left",
    agreement="Works agreement 7",
    until=date(2026, 12, 31),
    keep_days=30,
)
METADATA = RULE.model_copy(update={"name": "usage", "mode": "metadata"})

CAROL = PrivateKey("carol", "auditor", b"c" * 32)
DAVE = PrivateKey("dave", "auditor", b"d" * 32)
ERIN = PrivateKey("erin", "council", b"e" * 32)
FRANK = PrivateKey("frank", "council", b"f" * 32)
HOLDERS = Holders((CAROL.holder, DAVE.holder, ERIN.holder))


def redact(text: str) -> Redacted:
    """Takes out what looks like a social security number."""
    clean, count = NUMBER.subn("<US_SSN>", text)
    return Redacted(clean, {"US_SSN": count} if count else {})


def residue(text: str) -> Sequence[Finding]:
    """Sees API keys, which `redact` above does not."""
    return [Finding("SECRET", "test", each.start(), each.end()) for each in SECRET.finditer(text)]


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now


@dataclass
class World:
    """A store, its log and a recorder; `shipped` is the checkpoint file kept elsewhere."""

    folder: Path
    store: Store
    node: NodeKey
    clock: Clock = field(default_factory=Clock)
    holders: Holders = HOLDERS
    bounds: Bounds = AT_ONCE

    def __post_init__(self) -> None:
        self.log = Log(self.store.audit, self.node, self.shipping)
        self._recorder: Recorder | None = None

    @property
    def database(self) -> Path:
        return self.folder / "sluiceway.db"

    @property
    def shipping(self) -> CheckpointFile:
        return CheckpointFile(self.folder / "elsewhere.txt")

    @property
    def recorder(self) -> Recorder:
        if self._recorder is None:
            self._recorder = self.new_recorder("boot-1")
        return self._recorder

    def new_recorder(self, boot: str, **changes: object) -> Recorder:
        options: dict[str, object] = {"redact": redact, "residue": residue, **changes}
        return Recorder(self.log, self.holders, boot, clock=self.clock, bounds=self.bounds, **options)  # type: ignore[arg-type]  # as given

    def close(self) -> None:
        if self._recorder is not None:
            self._recorder.close()
            self._recorder = None
        self.store.close()

    def tell(self, person: str = "alice", rule: Audit = RULE) -> None:
        """Gives the notice and has it acknowledged, a minute apart; a minute later things go on."""
        given = notice(rule, self.holders, "the data protection officer")
        disclose(self.log, person, given, "cli", "root", self.clock())
        acknowledge(self.log, person, given.version, "portal", person, self.clock.move(minutes=1))
        self.clock.move(minutes=1)

    def subject(self, number: str = "r-1", person: str = "alice", rule: Audit = RULE) -> Subject:
        told = self.recorder.told(person, notice(rule, self.holders, "").version)
        assert told is not None
        return Subject.of(
            rule,
            told,
            zone=UTC,
            request_id=number,
            attempt=1,
            started_at=self.clock(),
            person=person,
            team="core",
            key_class=KeyClass.COMPANY,
            provider="anthropic",
            model="claude-sonnet-4-5",
            client_name="claude-code",
        )

    def ask(
        self,
        texts: Sequence[str],
        answer: str | None,
        number: str = "r-1",
        person: str = "alice",
        rule: Audit = RULE,
    ) -> Subject:
        """One audited request, start to end, on disk."""
        subject = self.subject(number, person, rule)
        asyncio.run(self.recorder.begin(subject))
        end = End(self.clock.move(seconds=2), "ok", 200, "claude-sonnet-4-5")
        parts = [Part("user", text) for text in texts]
        self.recorder.record(subject, end, parts, None if answer is None else Part("assistant", answer))
        assert self.recorder.flush(30)
        return subject

    def entries(self) -> list[dict[str, object]]:
        with self.store.audit.snapshot() as snapshot:
            return [dict(each) for each in snapshot.records("entry")]

    def verdict(self, shipped: Sequence[str] | None = None) -> Verdict:
        notes = self.shipping.read() if shipped is None else shipped
        with self.store.audit.snapshot() as snapshot:
            return verify(snapshot, [self.node.verifier], notes)

    def asked(self, who: PrivateKey = CAROL, person: str = "alice", entries: tuple[str, ...] = ()) -> str:
        scope = Scope(person, NOON - timedelta(days=1), NOON + timedelta(days=60), entries)
        step = request(scope, "incident 12", who, who.name, self.clock())
        self.log.append([step])
        return step.id

    def approved(self, number: str, who: PrivateKey = DAVE) -> None:
        with self.store.audit.snapshot() as snapshot:
            step, releases = approve(snapshot, number, who, who.name, self.clock.move(minutes=1))
        self.log.append([step], releases)

    def read(self, number: str, who: PrivateKey = CAROL) -> list[list[str]]:
        """The texts of each entry, after all three steps."""
        with self.store.audit.snapshot() as snapshot:
            step = open_step(snapshot, number, who, who.name, self.clock.move(minutes=1))
        self.log.append([step])
        with self.store.audit.snapshot() as snapshot:
            found = list(opened(snapshot, number, who))
        return [
            [text for _, text in (*each.request, *([each.response] if each.response else []))]
            for each in found
        ]


def run_sql(path: Path, *statements: str, foreign_keys: bool = False) -> None:
    """Hand-made SQL, as from the sqlite3 shell."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA foreign_keys = {int(foreign_keys)}")
        for each in statements:
            connection.execute(each)

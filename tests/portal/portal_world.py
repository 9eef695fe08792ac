"""A company with some weeks behind it: alice uses the portal, bob is somebody else, and names are hostile.

Run with a folder it writes the pages there, to look at: `python -m tests.portal.portal_world DIR`.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import create_engine, insert
from tests.audit.audit_world import CAROL, HOLDERS, KEY, NODE, NOON, Clock, World
from tests.report.seeded_ledger import row, values

from sluiceway import content
from sluiceway.audit.checkpoint import NodeKey
from sluiceway.audit.unlock import Scope, request
from sluiceway.policy import Policy, caps
from sluiceway.policy.kinds.audit import Audit
from sluiceway.policy.kinds.guard import Guard
from sluiceway.policy.kinds.route import Deny, Route, To
from sluiceway.policy.match import Match
from sluiceway.policy.model import Budget
from sluiceway.policy.scope import Scope as Whose
from sluiceway.portal import LoggedNotices, NoNotices, Notices, Portal, PortalParts
from sluiceway.settings.config import Retention
from sluiceway.settings.portal import PortalSettings
from sluiceway.settings.providers import Providers
from sluiceway.store import Store
from sluiceway.store.moments import to_us
from sluiceway.store.tables import counters, ledger
from sluiceway.types import Asked, Identity, LedgerRow, Page, Principal, Rejected, Spender, Unit

CONTACT = "#ai-platform"
EVIL = "</td><script>alert(1)</script><img src=x onerror=alert(2)>\u202e\"'"
ZONE = ZoneInfo("Europe/Berlin")
RULE = Audit(
    name="incident",
    match=Match(employee=("alice", "bob")),
    mode="redacted",
    purpose="Finding out how customer data left",
    agreement="Works agreement 7 <b>2026</b>",
    until=date(2026, 12, 31),
    keep_days=30,
)
OTHERS = RULE.model_copy(update={"name": "others", "match": Match(employee="carol")})
POLICY = Policy(
    budgets=(
        Budget(name="company-month", scope="company", limit_usd=2000, window="month"),
        Budget(name="core-month", scope=Whose(team="core"), limit_usd=50, window="month", contact="dave"),
        Budget(name="head-day", scope=Whose(employee="*"), limit_usd=5, window="day"),
        Budget(name="head-rate", scope=Whose(employee="*"), limit_requests=60, window="minute"),
        Budget(name="head-open", scope=Whose(employee="*"), limit_concurrent=4),
        Budget(name="bob-day", scope=Whose(employee="bob"), limit_usd=1, window="day"),
    ),
    routes=(
        Route(name="no-preview", match=Match(model="*-preview"), deny=Deny(reason="not <i>approved</i> yet")),
        Route(name="cheap", match=Match(team="core", model="claude-opus-*"), to=To(model="claude-haiku-4-5")),
        Route(name="bobs-own", match=Match(employee="bob"), deny=Deny(reason="nothing for bob")),
    ),
)
GUARDS = (Guard(name="no-secrets", detect=("SECRET",), action="block", advice="use the vault"),)


@dataclass(frozen=True)
class Guarded(Policy):
    """A policy with guard rules, as it will have them."""

    guard: tuple[Guard, ...] = GUARDS


def month() -> list[LedgerRow]:
    """Amounts in nano-dollars; alice: today 3 requests, 1 of unknown cost and 1 refused."""
    dollar = 10**9
    base = row(NOON - timedelta(hours=2), input_tokens=1000, output_tokens=200, cost_nusd=2 * dollar)
    return [
        replace(base, request_id="a1"),
        replace(base, request_id="a2", model_served=EVIL, cost_nusd=None, output_tokens=None, charged_nusd=7),
        replace(
            base,
            request_id="a3",
            outcome="refused",
            model_requested=EVIL,
            model_served=None,
            refusal_code="budget_spent",
            refusal_rule="head-day",
            input_tokens=None,
            output_tokens=None,
            cost_nusd=None,
        ),
        replace(base, request_id="a4", started_at=NOON - timedelta(days=9), cost_nusd=31_500_000_000),
        replace(base, request_id="a5", started_at=NOON - timedelta(days=9), key_class="personal"),
        replace(base, request_id="a6", started_at=NOON - timedelta(days=40)),
        replace(
            base, request_id="b1", principal="bob", model_served="bobs-secret-model", cost_nusd=99 * dollar
        ),
    ]


@dataclass
class Office:
    """A portal over a filled store, and how to ask it as somebody."""

    folder: Path
    notices_of: Sequence[Audit] = ()
    policy: Policy = field(default_factory=lambda: Guarded(POLICY.budgets, POLICY.routes))
    rows: list[LedgerRow] = field(default_factory=month)
    patience_s: float = 5.0
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        url = f"sqlite:///{self.folder / 'sluiceway.db'}"
        Store.open(url, key=KEY, boot="template", create=True).close()
        self._fill(url)
        self.store = Store.open(url, key=KEY, boot="boot-1", clock=lambda: to_us(self.clock()))
        self.alice = self._person("alice")
        self.bob = self._person("bob")
        self.world = World(self.folder, self.store, NodeKey(NODE, b"n" * 32), clock=self.clock)
        self.certs = self.folder / "certs"
        self.certs.mkdir()
        self.notices: Notices = NoNotices()
        if self.notices_of:
            self.notices = LoggedNotices(
                self.world.log, HOLDERS, lambda: self.notices_of, ZONE, CONTACT, self.clock
            )
        self.providers = Providers.load(content.folder("rules") / "providers.yaml")
        self.portal = Portal(
            PortalParts(
                self.store,
                lambda: self.policy,
                lambda: self.providers,
                lambda: self.notices,
                self.certs,
                "http://proxy.corp.example:8080",
                CONTACT,
                ZONE,
                KEY,
                Retention(),
                PortalSettings(),
                self.patience_s,
                self.clock,
            )
        )

    def _fill(self, url: str) -> None:
        engine = create_engine(url)
        who = Principal(1, "alice", "employee", "core")
        spent: dict[str, tuple[int, int]] = {"core-month": (44 * 10**9, 10**9), "head-day": (5 * 10**9, 0)}
        with engine.begin() as connection:
            connection.execute(insert(ledger), [values(each) for each in self.rows])
            for cap in caps(self.policy, Spender(who), NOON, ZONE):
                if cap.rule in spent:
                    used, reserved = spent[cap.rule]
                    unit: Unit = cap.unit
                    connection.execute(
                        insert(counters).values(
                            counter=cap.counter,
                            scope="[]",
                            unit=unit,
                            window=cap.window,
                            starts_at=to_us(cap.starts_at),
                            ends_at=None,
                            spent=used,
                            reserved=reserved,
                        )
                    )
        engine.dispose()

    def _person(self, name: str) -> Identity:
        _, token = self.store.people.add(name, "employee", "core")
        found = self.store.directory.lookup(name, token)
        assert isinstance(found, Identity)
        return found

    def ask(
        self,
        path: str,
        who: Identity | Rejected | None = None,
        method: str = "GET",
        body: bytes = b"",
        direct: bool = False,
        **headers: str,
    ) -> Page:
        """The page at a path; alice asks unless somebody else is named. Underscores become hyphens."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        asked = Asked(who or self.alice, method, path, fields, body, direct)
        return asyncio.run(self.portal.answer(asked))

    def html(self, path: str, **more: object) -> str:
        return self.ask(path, accept="text/html,*/*", **more).body.decode()  # type: ignore[arg-type]  # passed on

    def read_by_carol(self) -> None:
        """Alice is audited once; carol asks to read it, dave approves, carol reads."""
        self.world.ask(["a question"], "an answer", rule=RULE)
        self.clock.move(minutes=5)
        span = Scope("alice", NOON - timedelta(days=1), NOON + timedelta(days=1))
        asked = request(span, f"Incident 4711 {EVIL}", CAROL, "carol", self.clock())
        self.world.log.append([asked])
        self.world.approved(asked.id)
        self.world.read(asked.id)

    def close(self) -> None:
        self.portal.close()
        self.world.close()


def header(page: Page, name: str) -> str | None:
    return dict(page.headers).get(name)


def main(out: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        office = Office(Path(folder), notices_of=(RULE,))
        notice = office.notices.due(office.alice.principal)[0]
        (out / "due.html").write_text(office.html("/"))
        (out / "notice.html").write_text(office.html(notice.path))
        office.notices.acknowledge("alice", notice.version)
        (out / "acknowledged.html").write_text(office.html(notice.path))
        office.read_by_carol()
        (out / "me.html").write_text(office.html("/"))
        (out / "help.html").write_text(office.html("/help"))
        office.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Alerts: what is told, in which words, by which channel, once for each window, threshold and channel."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, TCPServer
from typing import Any

import psycopg
import pytest

from sluiceway.app.alerts.noticing import noticed, wants_any
from sluiceway.app.alerts.sending import Undelivered, send
from sluiceway.app.alerts.watch import AlertWatch
from sluiceway.app.alerts.wording import fields, text
from sluiceway.app.budgets import Standing, View
from sluiceway.policy import Policy
from sluiceway.policy.budgets import cap_of
from sluiceway.policy.model import Budget
from sluiceway.settings.alerts import File, Mail, Webhook
from sluiceway.store import Granted, Store, Want
from sluiceway.store.alerts import MAX_TRIES, Alert, Due
from sluiceway.store.moments import now_us
from sluiceway.types import Cap, LedgerRow, Outcome, UsageSource

AT = datetime(2026, 11, 10, 12, tzinfo=UTC)
TEAMS = {"alice": "core"}


def budget(**changes: Any) -> Budget:
    told = {"name": "core-month", "scope": {"team": "core"}, "limit_usd": 100, "window": "month"}
    return Budget.model_validate(told | changes)


def told(
    spent_usd: float, place: tuple[tuple[str, str], ...] = (("team", "core"),), **changes: Any
) -> list[Alert]:
    one, at = budget(**changes), AT
    view = View(Policy(budgets=(one,)), at, UTC, (), {})
    cap = cap_of(one, place, at, UTC)
    return list(noticed([Standing(one, cap, int(spent_usd * 10**9), 0)], view, TEAMS))


THRESHOLDS = {
    "below the first": (49.99, {"alert_at": [50, 80]}, []),
    "the first": (50, {"alert_at": [50, 80]}, [50]),
    "the highest that is reached": (85, {"alert_at": [50, 80, 100]}, [80]),
    "past the limit": (130, {"alert_at": [80, 100]}, [100]),
    "none asked for": (130, {}, []),
    "one that only warns is told of when it is used up": (100, {"on_exceed": "warn"}, [100]),
    "a rate is not": (100, {"window": "hour", "alert_at": [50]}, []),
}


@pytest.mark.parametrize(("spent", "changes", "reached"), THRESHOLDS.values(), ids=THRESHOLDS.keys())
def test_a_threshold_is_told_when_it_is_reached(spent: float, changes: Any, reached: list[int]) -> None:
    assert [alert.detail["threshold"] for alert in told(spent, **changes)] == reached


BURNING = {
    "too fast": (60, "2026-11-16T12:00:00+00:00"),  # 60 in 9.5 days: 100 in 15.83
    "it will last": (30, None),
    "too little to tell": (24, None),
    "used up already": (100, None),
}


@pytest.mark.parametrize(("spent", "ends"), BURNING.values(), ids=BURNING.keys())
def test_money_that_will_not_last_is_told(spent: float, ends: str | None) -> None:
    found = told(spent, alert_burn_rate=True)
    assert [alert.kind for alert in found] == (["burn_rate"] if ends else [])
    if ends:
        runs_out_at = datetime.fromisoformat(found[0].detail["runs_out_at"])
        assert abs(runs_out_at - datetime.fromisoformat(ends)) < timedelta(hours=9)


def test_an_hour_says_nothing_about_a_month() -> None:
    one = budget(alert_burn_rate=True)
    at = datetime(2026, 11, 1, 1, tzinfo=UTC)
    standing = Standing(one, cap_of(one, (("team", "core"),), at, UTC), 60 * 10**9, 0)
    assert list(noticed([standing], View(Policy(budgets=(one,)), at, UTC, (), {}), {})) == []


def test_a_rolling_window_is_told_of_once_in_its_length() -> None:
    names = set()
    for hours in range(24):
        one, at = (
            budget(window={"rolling": "24h"}, alert_at=[80]),
            AT.replace(hour=0) + timedelta(hours=hours),
        )
        standing = Standing(one, cap_of(one, (("team", "core"),), at, UTC), 90 * 10**9, 0)
        [alert] = noticed([standing], View(Policy(budgets=(one,)), at, UTC, (), {}), {})
        names.add(alert.once)
    assert len(names) == 1


def due(alert: Alert) -> Due:
    return Due(1, AT, alert, (), 0)


OF_ALICE = (("employee", "alice"),)


def test_words_say_how_much_of_what_and_what_follows() -> None:
    [alert] = told(80.5, alert_at=[80])
    assert text(due(alert), False, UTC) == (
        "The budget 'core-month' (team core; 100.00 USD a month) has reached 80 %: 80.50 USD of 100.00 USD. "
        "Its window ends 2026-12-01 00:00 UTC."
    )
    [alert] = told(100, alert_at=[100])
    assert text(due(alert), False, UTC).endswith("Requests are refused until 2026-12-01 00:00 UTC.")


def test_people_are_named_only_where_a_channel_asks_for_names() -> None:
    [alert] = told(90, OF_ALICE, scope={"employee": "*"}, alert_at=[80])
    assert "(one person in team core; 100.00" in text(due(alert), False, UTC)
    assert "alice" not in json.dumps(fields(due(alert), False, UTC))
    assert "(employee alice; 100.00" in text(due(alert), True, UTC)


def test_a_hostile_name_is_shown_and_does_nothing() -> None:
    detail = {
        "who": "alice",
        "team": "core",
        "client": "x\n\x1b[2J",
        "provider": "openai",
        "model": "m" * 999,
    }
    loop = Alert("once", "loop", detail | {"times": 9, "stopped": False, "request_id": "sw_1"})
    said = text(due(loop), False, UTC)
    assert "\n" not in said
    assert "\x1b" not in said
    assert len(said) < 600


class Hooks:
    """A webhook's server: `status` is what it answers, `got` what came."""

    def __init__(self) -> None:
        self.status, self.got = 200, []
        hooks = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                hooks.got.append((self.path, json.loads(body)))
                self.send_response(hooks.status)
                self.send_header("location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def channel(self) -> Webhook:
        return Webhook(webhook=f"http://127.0.0.1:{self.server.server_port}/hook?key=s3cret")


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    started = Hooks()
    yield started
    started.server.shutdown()
    started.server.server_close()


def test_a_webhook_gets_text_and_fields(hooks: Hooks) -> None:
    [alert] = told(90, alert_at=[80])
    send(hooks.channel, "subject", fields(due(alert), False, UTC))
    [(path, body)] = hooks.got
    assert path == "/hook?key=s3cret"
    assert body["text"].startswith("The budget 'core-month'")
    assert (body["kind"], body["threshold"], body["spent"]) == ("threshold", 80, 90 * 10**9)


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_webhook_that_says_no_is_not_followed_and_its_secret_not_told(hooks: Hooks, status: int) -> None:
    hooks.status = status
    with pytest.raises(Undelivered, match=f"it answered {status}") as caught:
        send(hooks.channel, "s", {"text": "t"})
    assert "s3cret" not in f"{caught.value}{hooks.channel!r}{hooks.channel.channel}"
    assert len(hooks.got) == 1


def test_a_mail_is_plain_text_to_all_of_them() -> None:
    """A mail server in its simplest form: says yes to everything and keeps the message."""
    got: list[bytes] = []

    class Session(StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 hello\r\n")
            while line := self.rfile.readline():
                if line.lower().startswith(b"data"):
                    self.wfile.write(b"354 go on\r\n")
                    lines = iter(self.rfile.readline, b".\r\n")
                    got.append(b"".join(lines))
                self.wfile.write(b"221 bye\r\n" if line.lower().startswith(b"quit") else b"250 yes\r\n")
                if line.lower().startswith(b"quit"):
                    return

    with TCPServer(("127.0.0.1", 0), Session) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        box = {"host": "127.0.0.1", "port": server.server_address[1], "from": "ai@corp.example"}
        box |= {"to": ["a@corp.example", "b@corp.example"], "starttls": False}
        send(Mail.model_validate({"mail": box}), "Sluiceway: budget core", {"text": "It has reached 80 %."})
        server.shutdown()
    message = message_from_bytes(got[0])
    assert (message["To"], message["Subject"]) == ("a@corp.example, b@corp.example", "Sluiceway: budget core")
    assert message.get_payload() == "It has reached 80 %.\r\n"


def test_a_mail_server_without_tls_gets_no_mail() -> None:
    class Session(StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 hello\r\n")
            while self.rfile.readline():
                self.wfile.write(b"250 yes\r\n")

    with TCPServer(("127.0.0.1", 0), Session) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        box = {
            "host": "127.0.0.1",
            "port": server.server_address[1],
            "from": "a@x.example",
            "to": ["b@x.example"],
        }
        with pytest.raises(Undelivered):
            send(Mail.model_validate({"mail": box}), "s", {"text": "t"})
        server.shutdown()


class Clock:
    """Microseconds that a test sets."""

    def __init__(self) -> None:
        self.us = int(AT.timestamp() * 1_000_000)

    def __call__(self) -> int:
        return self.us


def opened(url: str, clock: Callable[[], int], boot: str = "boot") -> Store:
    return Store.open(url, key=b"k" * 32, boot=boot, create=True, clock=clock)


def watch(store: Store, *channels: Any, policy: Policy | None = None) -> AlertWatch:
    return AlertWatch(store, channels, UTC, lambda: policy or Policy(), lambda raises: None)


ALERT = Alert("once", "loop", {"who": "alice", "team": "core", "client": None, "provider": "p", "model": "m",
                               "times": 3, "stopped": True, "request_id": "sw_1"})  # fmt: skip


async def test_an_alert_is_sent_once_whoever_notices_it_and_after_a_restart(
    store_url: str, tmp_path: Path
) -> None:
    clock, file = Clock(), File(file=tmp_path / "alerts.jsonl")
    for boot in ("one", "two"):
        store = opened(store_url, clock, boot)
        for _ in range(2):
            one = watch(store, file)
            one.tell(ALERT)
            await one.look()
        store.close()
        clock.us += 3600 * 1_000_000
    assert len(file.file.read_text().splitlines()) == 1


async def charged(store: Store, request_id: str, usd: int, cap: Cap) -> None:
    row = LedgerRow(
        request_id=request_id,
        started_at=datetime.now(UTC),
        principal="alice",
        principal_kind="employee",
        team="core",
        provider="openai",
        host="api.openai.com",
        operation="chat",
    )
    nusd = usd * 10**9
    answer = await store.ledger.admit(row, Want(nusd, nusd), (cap,), 0)
    assert isinstance(answer, Granted)
    ended = replace(row, outcome=Outcome.OK, ended_at=row.started_at, charged_nusd=nusd, cost_nusd=nusd)
    await store.ledger.settle(answer.reservation, replace(ended, usage_source=UsageSource.ESTIMATED))


async def test_of_two_nodes_that_look_at_once_one_tells_and_counts_what_both_spent(
    postgres_url: str, tmp_path: Path, hooks: Hooks
) -> None:
    """Each node spends a third of the limit: 66 %, of which neither would tell by itself."""
    file, policy = File(file=tmp_path / "alerts.jsonl"), Policy(budgets=(budget(alert_at=[50, 80]),))
    cap = cap_of(policy.budgets[0], (("team", "core"),), datetime.now(UTC), UTC)
    stores = [opened(postgres_url, now_us, boot) for boot in ("a", "b")]
    for number, store in enumerate(stores):
        await charged(store, f"r{number}", 33, cap)
    watches = [watch(store, file, hooks.channel, policy=policy) for store in stores]
    for _ in range(10):
        for one in watches:
            one.tell(ALERT)
        await asyncio.gather(*(one.look() for one in watches))
    told = [json.loads(line) for line in file.file.read_text().splitlines()]
    assert sorted(each["kind"] for each in told) == ["loop", "threshold"]
    assert [each["spent"] for each in told if each["kind"] == "threshold"] == [66 * 10**9]
    assert sorted(body["kind"] for _, body in hooks.got) == ["loop", "threshold"]
    for store in stores:
        store.close()


async def test_of_two_nodes_that_reach_for_an_alert_at_the_same_moment_one_has_it(postgres_url: str) -> None:
    """Both have seen that it is due, and wait for its row, when it becomes free."""
    stores = [opened(postgres_url, Clock(), boot) for boot in ("a", "b")]
    stores[0].alerts.add([ALERT])
    ours = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    blocked = f"{ours} AND wait_event_type = 'Lock'"
    with psycopg.connect(postgres_url) as other, psycopg.connect(postgres_url, autocommit=True) as third:
        other.execute("SELECT 1 FROM alerts FOR UPDATE")
        taking = [asyncio.create_task(asyncio.to_thread(store.alerts.take)) for store in stores]
        async with asyncio.timeout(30):
            while third.execute(blocked).fetchone() != (2,):  # noqa: ASYNC110 - the server is elsewhere
                await asyncio.sleep(0.01)
        other.rollback()
        assert sorted([len(taken) for taken in await asyncio.gather(*taking)]) == [0, 1]
    for store in stores:
        store.close()


async def test_what_a_node_took_and_did_not_send_before_it_died_the_other_sends(
    postgres_url: str, tmp_path: Path
) -> None:
    clock, file = Clock(), File(file=tmp_path / "alerts.jsonl")
    stores = [opened(postgres_url, clock, boot) for boot in ("a", "b")]
    stores[0].alerts.add([ALERT])
    assert len(stores[0].alerts.take()) == 1
    await watch(stores[1], file).look()
    assert not file.file.exists()
    clock.us += 121 * 1_000_000
    await watch(stores[1], file).look()
    assert len(file.file.read_text().splitlines()) == 1
    for store in stores:
        store.close()


async def test_a_channel_that_fails_is_tried_again_and_the_other_not_told_twice(
    store_url: str, tmp_path: Path, hooks: Hooks, caplog: pytest.LogCaptureFixture
) -> None:
    clock, file = Clock(), File(file=tmp_path / "alerts.jsonl")
    store = opened(store_url, clock)
    hooks.status = 500
    one = watch(store, hooks.channel, file)
    one.tell(ALERT)
    await one.look()
    await one.look()  # not due yet
    assert len(hooks.got) == 1
    hooks.status, clock.us = 200, clock.us + 11 * 1_000_000
    await one.look()
    clock.us += 3600 * 1_000_000
    await one.look()
    assert (len(hooks.got), len(file.file.read_text().splitlines())) == (2, 1)
    assert "it answered 500" in caplog.text
    assert "s3cret" not in caplog.text
    store.close()


async def test_a_channel_that_never_works_is_given_up(
    store_url: str, hooks: Hooks, caplog: pytest.LogCaptureFixture
) -> None:
    clock, hooks.status = Clock(), 500
    store = opened(store_url, clock)
    one = watch(store, hooks.channel)
    one.tell(ALERT)
    with caplog.at_level(logging.WARNING):
        for _ in range(MAX_TRIES + 3):
            await one.look()
            clock.us += 24 * 3600 * 1_000_000
    assert len(hooks.got) == MAX_TRIES
    assert "is given up after 6 tries" in caplog.text
    store.close()


async def test_what_is_taken_and_not_finished_becomes_due_again(store_url: str, tmp_path: Path) -> None:
    """A process dies between taking an alert and sending it."""
    clock, file = Clock(), File(file=tmp_path / "alerts.jsonl")
    store = opened(store_url, clock)
    store.alerts.add([ALERT])
    assert len(store.alerts.take()) == 1
    await watch(store, file).look()
    assert not file.file.exists()
    clock.us += 121 * 1_000_000
    await watch(store, file).look()
    assert len(file.file.read_text().splitlines()) == 1
    store.close()


async def test_more_than_anybody_can_read_is_dropped_and_said(
    store_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = opened(store_url, Clock())
    one = watch(store)
    for number in range(1100):
        one.tell(replace(ALERT, once=str(number)))
        one.exhausted(Cap(str(number), (), "day", AT, None, 1))
    await one.look()
    assert "100 alerts were dropped" in caplog.text
    store.close()


async def test_the_task_looks_takes_up_raises_and_stops(store_url: str, tmp_path: Path) -> None:
    store, seen = opened(store_url, Clock()), asyncio.Event()
    one = AlertWatch(store, [File(file=tmp_path / "a")], UTC, Policy, lambda raises: seen.set(), every_s=0.01)
    one.know(())
    one.start()
    one.tell(ALERT)
    async with asyncio.timeout(20):
        while not (tmp_path / "a").exists():  # noqa: ASYNC110 - a thread writes it
            await asyncio.sleep(0.01)
    await one.stop()
    assert not seen.is_set()
    store.close()


def test_without_anything_to_tell_no_counter_is_read() -> None:
    assert not wants_any(Policy(budgets=(budget(),)))
    assert wants_any(Policy(budgets=(budget(alert_at=[50]),)))
    assert wants_any(Policy(budgets=(budget(on_exceed="warn"),)))

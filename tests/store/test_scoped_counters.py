"""Counters by key, provider, model, client and conversation: what they cover, and windows that move on."""

from __future__ import annotations

import asyncio
import random
from collections import Counter as Count
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from databases import Database
from store_world import KEY, MONTH, NOON, attempt, company, counter, ended, granted, spend

from sluiceway.store import Busy, Granted, Spent, Store, Want, balances, migrate
from sluiceway.store.balances import ledger_sums
from sluiceway.store.engines import engine_of
from sluiceway.types import Cap, Outcome

ROWS: tuple[tuple[int, dict[str, object]], ...] = (
    (1, {"model_routed": "claude-opus-4-1", "provider": "anthropic", "key_fingerprint": "f00d"}),
    (2, {"model_routed": "Claude-Opus-5", "provider": "bedrock", "client_name": "codex"}),
    (4, {"model_routed": "claude_opus-4", "provider": "anthropic", "conversation_id": "c-1"}),
    (8, {"model_routed": "gpt-5%1", "provider": "openai", "conversation_id": "c-1", "principal": "bob"}),
    (16, {"model_routed": None, "provider": "openai", "team": "ops"}),
)
SCOPES = {
    "a provider": ([("provider", "anthropic")], 5),
    "a model, whatever its case": ([("model", "claude-opus-5")], 2),
    "a pattern": ([("models", "claude-opus-*")], 3),
    "a pattern with one letter open": ([("models", "claude?opus-?")], 2 + 4),
    "an underscore is no pattern": ([("models", "claude_opus-*")], 4),
    "a percent sign is none": ([("models", "gpt-5%1")], 8),
    "everything that is called something": ([("models", "*")], 15),
    "a key": ([("key", "f00d")], 1),
    "a client": ([("client", "codex")], 2),
    "somebody's conversation": ([("conversation", "c-1"), ("employee", "bob")], 8),
    "a team at a provider": ([("team", "core"), ("provider", "openai")], 8),
    "a team's models at a provider": (
        [("team", "core"), ("provider", "anthropic"), ("models", "claude-opus-*")],
        1,
    ),
    "nobody's": ([("key", "beef")], 0),
}


def scoped(*scope: tuple[str, str], limit: int = 1000, **changes: object) -> Cap:
    return replace(company(limit), scope=scope, **changes)  # type: ignore[arg-type]  # names of fields


def lifetime(cap: Cap) -> Cap:
    return replace(cap, window="lifetime", starts_at=datetime(1970, 1, 1, tzinfo=UTC), ends_at=None)


def of(scope: list[tuple[str, str]]) -> dict[str, object]:
    """The columns of a row that is of a scope."""
    names = {"key": "key_fingerprint", "client": "client_name", "conversation": "conversation_id"}
    names |= {"model": "model_routed", "models": "model_routed", "employee": "principal"}
    return {names.get(kind, kind): value.replace("*", "x").replace("?", "x") for kind, value in scope}


@pytest.mark.parametrize("opened_first", [False, True], ids=["opened late", "opened first"])
@pytest.mark.parametrize(("scope", "spent"), SCOPES.values(), ids=SCOPES.keys())
async def test_a_counter_covers_the_same_rows_in_sql_and_in_memory(
    store: Store, database: Database, scope: list[tuple[str, str]], spent: int, opened_first: bool
) -> None:
    cap = scoped(*scope)
    ask = attempt("ask", **of(scope))
    if opened_first:
        first = granted(await store.ledger.admit(replace(ask, request_id="first"), Want(0, 0), (cap,), 0))
        await store.ledger.settle(first.reservation, ended(replace(ask, request_id="first"), 0))
    for nusd, columns in ROWS:
        await spend(store, f"r{nusd}", nusd, **columns)  # type: ignore[arg-type]  # names of fields
    granted(await store.ledger.admit(ask, Want(0, 0), (cap,), 0))
    assert counter(database, cap) == (spent, 0)
    assert store.verify() == []


async def test_the_end_of_a_row_cannot_move_it_to_another_budget(store: Store, database: Database) -> None:
    """A provider that answers as another model, or an end that says another key, changes no counter."""
    cap = scoped(("models", "claude-opus-*"))
    row = attempt("r1", model_routed="claude-opus-4-1", provider="anthropic")
    answer = granted(await store.ledger.admit(row, Want(5, 5), (cap,), 0))
    moved = replace(
        ended(row, 5), model_routed="gpt-5", model_served="claude-opus-4-1-20250805", provider="x"
    )
    await store.ledger.settle(answer.reservation, moved)
    assert counter(database, cap) == (5, 0)
    assert store.verify() == []


@pytest.mark.parametrize(
    ("scope", "spent"),
    [([("provider", "anthropic")], 5), ([("models", "claude-opus-*")], 3), ([("key", "f00d")], 1)],
    ids=["provider", "models", "key"],
)
async def test_a_lifetime_counts_rows_that_are_gone_in_every_scope(
    store: Store, database: Database, scope: list[tuple[str, str]], spent: int
) -> None:
    long_ago = MONTH - timedelta(days=500)
    for nusd, columns in ROWS:
        await spend(store, f"r{nusd}", nusd, started_at=long_ago, **columns)  # type: ignore[arg-type]  # names
    store.retention.delete_rows(MONTH - timedelta(days=400))
    cap = lifetime(scoped(*scope))
    granted(await store.ledger.admit(attempt("ask", **of(scope)), Want(0, 0), (cap,), 0))
    assert counter(database, cap) == (spent, 0)
    assert store.verify() == []


def test_what_was_carried_before_is_carried_on_under_no_provider(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    if engine == "postgres":
        url = request.getfixturevalue("postgres").create()
    database = engine_of(url)
    database.make()
    with database.migrating() as connection:
        from alembic import command

        config = migrate._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0008")
        carried = "INSERT INTO carried VALUES ('alice', 'employee', 'core', '', '', 7, 1, 2)"
        connection.exec_driver_sql(carried)
    Store.open(url, key=KEY, boot="b").close()
    with closing(database.reader()) as reader:
        found = reader.execute("SELECT principal, provider, nusd FROM carried").fetchall()
    assert found == [("alice", "", 7)]


def rolling(hours: int, limit: int = 1000) -> Cap:
    """The last 24 hours as of so many hours after noon."""
    step = NOON + timedelta(hours=hours)
    return Cap("roll", (), "rolling_24h", step - timedelta(hours=24), step + timedelta(hours=1), limit)


async def test_what_is_older_than_a_rolling_window_is_given_back(store: Store) -> None:
    """10 a step for 24 steps fill a limit of 240; after that there is room for 10 at each step, no more."""
    for hours in range(40):
        at, cap = NOON + timedelta(hours=hours, minutes=30), rolling(hours, 240)
        row = attempt(f"r{hours}", started_at=at)
        answer = await store.ledger.admit(row, Want(10, 10), (cap,), 0)
        if (
            hours == 24
        ):  # the step that began at noon yesterday still counts: it is not 24 hours old as a whole
            assert isinstance(answer, Spent)
            assert (answer.spent, answer.resets_at) == (240, NOON + timedelta(hours=25))
            continue
        await store.ledger.settle(granted(answer).reservation, ended(row, 10))
        more = await store.ledger.admit(replace(row, request_id=f"x{hours}"), Want(10, 10), (cap,), 0)
        assert isinstance(more, Spent if hours > 22 else Granted)
        if isinstance(more, Granted):
            await store.ledger.settle(more.reservation, ended(replace(row, request_id=f"x{hours}"), 0))
    assert store.verify() == []


@pytest.fixture
def summed(monkeypatch: pytest.MonkeyPatch) -> list[timedelta]:
    """How long each stretch of the ledger is that is added up."""
    lengths: list[timedelta] = []

    def sums(*arguments: Any) -> tuple[int, int]:
        lengths.append(timedelta(microseconds=arguments[4] - arguments[3]))
        return ledger_sums(*arguments)

    monkeypatch.setattr(balances, "ledger_sums", sums)
    return lengths


async def test_a_rolling_window_moves_on_by_a_small_sum(
    store: Store, database: Database, summed: list[timedelta]
) -> None:
    """Of the ledger only what fell out and what came in is added up."""
    for hours in range(24):
        await spend(store, f"r{hours}", 10, started_at=NOON + timedelta(hours=hours))
    await spend(store, "a", 0, rolling(23), started_at=NOON + timedelta(hours=23))
    summed.clear()
    late = attempt("b", started_at=NOON + timedelta(hours=24))
    granted(await store.ledger.admit(late, Want(0, 0), (rolling(24),), 0))
    assert summed == [timedelta(hours=1)] * 2
    assert counter(database, rolling(24)) == (240, 0)
    assert store.verify() == []


@pytest.mark.parametrize("engine", ["postgres"])
async def test_a_rolling_window_moves_on_with_what_other_nodes_did_to_it(
    reopen: Callable[..., Store], database: Database, summed: list[timedelta]
) -> None:
    """Each node makes every second step, after the other has charged, and still holds, money on the last."""
    stores, held = (reopen("a"), reopen("b")), {}
    for hours in range(30):
        store, at = stores[hours % 2], NOON + timedelta(hours=hours)
        row, cap = attempt(f"r{hours}", started_at=at), rolling(hours, 10**6)
        summed.clear()
        held[hours] = granted(await store.ledger.admit(row, Want(50, 50), (cap,), 0)).reservation
        assert summed == ([timedelta(hours=1)] * 2 if hours else [timedelta(hours=25)])
        if hours >= 3:
            early = attempt(f"r{hours - 3}", started_at=at - timedelta(hours=3))
            await stores[(hours - 3) % 2].ledger.settle(held[hours - 3], ended(early, hours))
        assert stores[0].verify() == []


@pytest.mark.parametrize("engine", ["postgres"])
async def test_a_rolling_window_whose_last_step_was_deleted_is_added_up_anew(
    store: Store, database: Database, summed: list[timedelta]
) -> None:
    for hours in range(24):
        await spend(store, f"r{hours}", 10, rolling(hours), started_at=NOON + timedelta(hours=hours))
    store.retention.delete_rows(NOON + timedelta(hours=3))
    summed.clear()
    await spend(store, "b", 0, rolling(27), started_at=NOON + timedelta(hours=27))
    assert summed == [timedelta(hours=25)]
    assert store.verify() == []


SPENDERS = [
    {"principal": who, "team": team, "model_routed": model, "provider": provider}
    for who, team in (("alice", "core"), ("bob", "core"), ("carol", "ops"))
    for model, provider in (("claude-opus-4-1", "anthropic"), ("gpt-5.1", "openai"))
]


@pytest.mark.parametrize("seed", range(4))
async def test_nobody_is_finally_refused_while_money_is_only_reserved_in_any_scope(
    reopen: Callable[..., Store], seed: int
) -> None:
    """Many at once under caps that cross each other, each worth what is asked for on it in the end. Everybody
    reserves five times what it costs, so that all is reserved long before it is spent; all are served."""
    store, chance = reopen(), random.Random(seed)
    asked = [dict(chance.choice(SPENDERS), conversation_id=f"c-{chance.randrange(4)}") for _ in range(60)]
    worth = Count[tuple[tuple[str, str], ...]]()
    for columns in asked:
        worth.update(places(columns))
    caps = {place: scoped(*place, limit=worth[place] * 10 + 40) for place in worth}

    async def one(number: int, columns: dict[str, str]) -> str:
        row = attempt(f"r{number}", **columns)
        mine = [caps[place] for place in places(columns)]
        while True:
            answer = await store.ledger.admit(row, Want(50, 10), mine, 30)
            if not isinstance(answer, Busy):
                break
        assert isinstance(answer, Granted), answer
        await asyncio.sleep(0)
        await store.ledger.settle(answer.reservation, ended(row, 10))
        return "served"

    served = await asyncio.gather(*(one(number, columns) for number, columns in enumerate(asked)))
    assert served == ["served"] * len(asked)
    assert store.verify() == []


def places(columns: dict[str, str]) -> list[tuple[tuple[str, str], ...]]:
    who, model = ("employee", columns["principal"]), ("model", columns["model_routed"])
    team, provider = ("team", columns["team"]), ("provider", columns["provider"])
    return [(who,), (team, provider), (model,), (("conversation", columns["conversation_id"]), who), ()]


async def test_a_cap_that_only_warns_is_counted_and_holds_nobody(store: Store, database: Database) -> None:
    watch = scoped(("provider", "anthropic"), limit=10, on_exceed="warn")
    for number in range(3):
        row = attempt(f"r{number}")
        answer = granted(await store.ledger.admit(row, Want(10, 10), (watch,), 0))
        assert answer.passed == ((watch,) if number else ())
        assert (answer.remaining_nusd, answer.limited) == (None, False)
        await store.ledger.settle(answer.reservation, ended(row, 10, Outcome.OK))
    assert counter(database, watch) == (30, 0)
    await store.ledger.look([watch])
    assert store.ledger.used_up((watch,), Want(10, 10)) is None


USED_UP = {
    "spent": (100, {}, True),
    "too little left to start": (95, {}, True),
    "enough": (90, {}, False),
    "a rate comes back": (100, {"window": "hour"}, False),
    "one that leads elsewhere": (100, {"on_exceed": "degrade", "degrade_to": "m"}, False),
}


@pytest.mark.parametrize(("nusd", "changes", "used_up"), USED_UP.values(), ids=USED_UP.keys())
async def test_a_cheap_look_says_what_is_used_up(
    store: Store, nusd: int, changes: dict[str, object], used_up: bool
) -> None:
    cap = scoped(limit=100, **changes)
    assert store.ledger.used_up((cap,), Want(10, 10)) is None  # nobody knows yet
    await spend(store, "r1", nusd, cap)
    await store.ledger.look([cap])
    found = store.ledger.used_up((cap,), Want(10, 10))
    assert (found is not None) == used_up
    if found is not None:
        assert (found.cap, found.spent) == (cap, nusd)


async def test_what_is_only_reserved_is_not_used_up(store: Store) -> None:
    cap = scoped(limit=100)
    granted(await store.ledger.admit(attempt("r1"), Want(100, 100), (cap,), 0))
    assert store.ledger.used_up((cap,), Want(10, 10)) is None


async def test_a_figure_is_known_to_be_so_or_not_known(reopen: Callable[..., Store]) -> None:
    """Another node may have moved it: then it is read before it is believed, and never a zero."""
    store = reopen()
    other = reopen("boot-2") if store._engine.shared else store
    cap = scoped(("models", "claude-opus-*"), limit=100)
    opus = {"model_routed": "claude-opus-5"}
    assert store.ledger.spent(cap) is None
    await spend(store, "r1", 10, cap, **opus)  # type: ignore[arg-type]  # names of fields
    await spend(other, "r2", 20, **opus)  # type: ignore[arg-type]  # names of fields
    assert store.ledger.spent(cap) in (None, 30)
    await store.ledger.look([cap])
    assert store.ledger.spent(cap) == 30


@pytest.mark.parametrize("engine", ["postgres"])
async def test_a_row_gets_more_on_a_counter_that_another_node_deleted_as_over(
    reopen: Callable[..., Store], database: Database
) -> None:
    """The window ended long ago and the other node counts nothing on it; the row's stream still runs."""
    stores, cap, row = (reopen("a"), reopen("b")), rolling(0, 100), attempt("r1")
    held = granted(await stores[0].ledger.admit(row, Want(30, 30), (cap,), 0)).reservation
    stores[1]._run(stores[1]._writer._clear)  # type: ignore[union-attr]  # open for writing
    assert counter(database, cap) is None
    assert await stores[0].ledger.top_up(held, 90) == 70
    assert counter(database, cap) == (0, 100)
    assert stores[0].verify() == []


@pytest.mark.parametrize("engine", ["postgres"])
async def test_a_pattern_that_no_counter_has_any_more_is_forgotten(
    reopen: Callable[..., Store], database: Database
) -> None:
    stores = reopen("a"), reopen("b")
    gone, kept = (
        Cap(rule, (("models", f"{rule}-*"),), "day", NOON, NOON + timedelta(days=1), 100)
        for rule in ("claude", "gpt")
    )
    for rule, cap in (("claude", gone), ("gpt", kept)):
        await spend(stores[0], rule, 10, cap, company(100), model_routed=f"{rule}-5")
    with closing(database.connect()) as connection:
        connection.execute("DELETE FROM counters WHERE counter = ?", (gone.counter,))
        stores[1]._run(stores[1]._writer._clear)  # type: ignore[union-attr]  # open for writing
        shapes = {shape for (shape,) in connection.execute("SELECT shape FROM counter_shapes")}
    assert shapes == {"[]", '[["models","gpt-*"]]'}
    for number, store in enumerate(stores):  # and it is made again when a rule asks for it again
        await spend(store, f"again-{number}", 10, gone, model_routed="claude-5")
    assert counter(database, gone) == (30, 0)
    assert stores[0].verify() == []

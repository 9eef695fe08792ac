"""A folder under `cases/` is a test: its request is read, its recorded answer metered whole and in pieces."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.wire.form_files import request_of
from tests.wire.frame_files import stream_of
from tests.wire.smallest import GOOD, PATHS, WITHOUT_STREAMS

from sluiceway.content import folder
from sluiceway.settings.providers import Providers, match
from sluiceway.types import Answer, Provider, Usage, UsageSource
from sluiceway.wire import DIALECTS, Reading, Tap, Target, by_name
from sluiceway.wire.dialect import ReadsHeaders
from sluiceway.wire.eventstream import CONTENT_TYPE

CASES = sorted(path.parent for path in Path(__file__).parent.glob("cases/*/*/expect.json"))
PIECES = (1, 2, 3, 7, 64)
SHIPPED = Providers.load(folder("rules") / "providers.yaml")
USUAL = ("asked", "listed")


def name_of(case: Path) -> str:
    return f"{case.parent.name}-{case.name}"


class Case:
    """One folder, read."""

    def __init__(self, folder: Path) -> None:
        self.dialect = by_name(folder.parent.name)
        self.expect: dict[str, Any] = orjson.loads((folder / "expect.json").read_bytes())
        self.request, self.headers = request_of(folder)
        self.kind, self.answer = _answer(folder)
        client = folder / "client.sse"
        self.for_client = client.read_bytes() if client.exists() else self.answer

    def read(self) -> Reading:
        target = Target("POST", self.expect["path"], self.expect.get("query", ""))
        add_usage = self.provider is None or self.provider.quirks.stream_usage == "asked"
        headers = {**self.headers, **self.expect.get("headers", {})}
        return self.dialect.read(target, headers, self.request, add_usage)

    @property
    def provider(self) -> Provider | None:
        """The shipped provider whose traffic the case is, where it matters; None: anybody's."""
        name = self.expect.get("provider")
        return None if name is None else SHIPPED.by_name[name]

    def tap(self) -> Tap:
        status = self.expect.get("status", 200)
        tap = self.dialect.tap(self.read().call, status, self.expect.get("content_type", self.kind))
        if isinstance(tap, ReadsHeaders):
            tap.headers(self.expect.get("answer_headers", {}))
        return tap

    def usage(self) -> Usage:
        wanted = dict(self.expect["usage"])
        source = UsageSource(wanted.pop("source", "none"))
        return Usage(**{"tool_units": {}, **wanted}, source=source)


def _answer(folder: Path) -> tuple[str, bytes]:
    """The content type and the bytes of a case's answer."""
    if (stream := folder / "response.sse").exists():
        return "text/event-stream; charset=utf-8", stream.read_bytes()
    if (frames := folder / "response.frames.json").exists():
        return CONTENT_TYPE, stream_of(frames)
    return "application/json", (folder / "response.json").read_bytes()


def run(tap: Tap, answer: bytes, size: int) -> tuple[bytes, Answer]:
    pieces = [answer[at : at + size] for at in range(0, len(answer), size)]
    client = b"".join([*map(tap.feed, pieces), tap.finish()])
    return client, tap.answer()


@pytest.fixture(params=CASES, ids=name_of)
def case(request: pytest.FixtureRequest) -> Case:
    return Case(request.param)


def test_the_request_is_read_as_expected(case: Case) -> None:
    call = case.read().call
    wanted = case.expect.get("call", {})
    assert {name: getattr(call, name) for name in wanted} == wanted
    assert call.dialect == case.dialect.name


def test_the_answer_is_metered_exactly_and_the_client_gets_its_bytes(case: Case) -> None:
    client, answer = run(case.tap(), case.answer, max(1, len(case.answer)))
    wanted = dict(case.expect["answer"])
    cost = wanted.pop("cost_usd", None)
    assert {name: getattr(answer, name) for name in wanted} == wanted
    assert answer.cost_usd == (None if cost is None else Decimal(cost))
    assert answer.usage == case.usage()
    assert client == case.for_client


@pytest.mark.parametrize("size", PIECES)
def test_pieces_of_any_size_change_neither_the_count_nor_the_bytes(case: Case, size: int) -> None:
    whole = run(case.tap(), case.answer, max(1, len(case.answer)))
    assert run(case.tap(), case.answer, size) == whole


def test_the_path_of_a_case_is_metered_at_its_provider(case: Case) -> None:
    if case.provider is not None:
        route = match(case.provider, "POST", case.expect["path"])
        assert route is not None
        assert route.dialect == case.dialect.name


def test_the_forwarded_bytes_are_the_clients_unless_usage_was_added(case: Case) -> None:
    reading = case.read()
    if reading.call.usage_added:
        assert orjson.loads(reading.body)["stream_options"]["include_usage"] is True
    else:
        assert reading.body == case.request


def test_a_chunk_with_nothing_to_hide_comes_back_as_the_same_object(case: Case) -> None:
    tap = case.tap()
    if case.for_client == case.answer and case.answer and not case.expect.get("begun"):
        assert tap.feed(case.answer) is case.answer


@pytest.mark.parametrize("dialect", [dialect.name for dialect in DIALECTS])
def test_a_dialect_without_cases_fails_the_build(dialect: str) -> None:
    folders = [case for case in CASES if case.parent.name == dialect]
    assert any((case / "response.json").exists() for case in folders)
    streams = ("response.sse", "response.frames.json")
    streamed = any((case / stream).exists() for case in folders for stream in streams)
    assert dialect in WITHOUT_STREAMS or streamed
    has_smallest = dialect in GOOD and dialect in PATHS
    assert has_smallest or dialect.endswith("_files"), "write its smallest request in tests/wire/smallest.py"


def test_a_quirk_without_a_case_fails_the_build() -> None:
    shown = {orjson.loads((case / "expect.json").read_bytes()).get("provider") for case in CASES}
    differing = {p.name for p in SHIPPED.by_name.values() if (p.quirks.stream_usage, p.quirks.cost) != USUAL}
    assert differing <= shown

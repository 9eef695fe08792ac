"""A folder with `frames.txt` is a test: what each side said on a socket, and the turns that it comes to."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from sluiceway.types import Answer, Call, Usage, UsageSource
from sluiceway.wire import SOCKETS, Target, socket_by_name
from sluiceway.wire.socket import Session

CASES = sorted(path.parent for path in Path(__file__).parent.glob("cases/*/*/frames.txt"))


@dataclass
class Turn:
    """One turn as the session told of it."""

    does: str
    call: Call
    answer: Answer = field(default_factory=Answer)
    ended: bool = False
    status: int = 200


def played(session: Session, frames: list[tuple[str, bytes]]) -> list[Turn]:
    """The turns in the order in which they began. All that the client sent goes on as it was read."""
    turns: dict[str, Turn] = {}
    for side, data in frames:
        if side == ">":
            frame = session.read(data)
            name, out = session.take(frame, frame.reading)
            assert orjson.loads(out).items() >= orjson.loads(data).items()
            if name is not None:
                turns[name] = Turn(frame.does, frame.reading.call)
            continue
        heard = session.hear(data)
        if heard.begun is not None:
            turns[heard.turn or ""] = Turn("begun", heard.begun)
        if heard.ended:
            ended = turns[heard.turn or ""]
            ended.answer, ended.ended = session.meter(heard.turn or "").answer(), True
            ended.status = heard.status
            session.forget(heard.turn or "")
    for name, turn in turns.items():
        if not turn.ended:
            turn.answer = session.meter(name).answer()
    return list(turns.values())


@pytest.fixture(params=CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def case(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


def frames_of(case: Path) -> list[tuple[str, bytes]]:
    lines = (case / "frames.txt").read_bytes().splitlines()
    return [(line[:1].decode(), line[2:]) for line in lines]


def expected(case: Path) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads((case / "turns.json").read_bytes())
    return found


def session_of(case: Path) -> Session:
    target = Target("GET", "/", expected(case).get("query", ""))
    return socket_by_name(case.parent.name).session(target, None)


def usage(wanted: dict[str, Any]) -> Usage:
    counts = {name: value for name, value in wanted.items() if name != "source"}
    return Usage(**{"tool_units": {}, **counts}, source=UsageSource(wanted.get("source", "none")))


def test_the_turns_of_a_socket_are_told_apart_and_metered_exactly(case: Path) -> None:
    turns = played(session_of(case), frames_of(case))
    wanted = expected(case)["turns"]
    assert [turn.does for turn in turns] == [each["does"] for each in wanted]
    for turn, want in zip(turns, wanted, strict=True):
        assert turn.answer.usage == usage(want["usage"])
        said, asked = want["answer"], want.get("call", {})
        assert {name: getattr(turn.answer, name) for name in said} == said
        assert {name: getattr(turn.call, name) for name in asked} == asked
        assert (turn.ended, turn.status) == (want["ended"], want.get("status", 200))


def test_pretty_printed_frames_count_the_same(case: Path) -> None:
    def pretty(side: str, data: bytes) -> tuple[str, bytes]:
        try:
            return side, orjson.dumps(orjson.loads(data), option=orjson.OPT_INDENT_2)
        except orjson.JSONDecodeError:
            return side, data

    plain = played(session_of(case), frames_of(case))
    indented = played(session_of(case), [pretty(*frame) for frame in frames_of(case)])
    assert indented == plain


def test_no_socket_is_without_cases() -> None:
    counted = {dialect.name: sum(case.parent.name == dialect.name for case in CASES) for dialect in SOCKETS}
    assert min(counted.values()) >= 5

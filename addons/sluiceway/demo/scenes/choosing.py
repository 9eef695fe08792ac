"""Routes by task: a poem and a piece of code, asked of one model, answered by two that cost less."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import shorten

from sluiceway.demo.people.bob import ASKED, TASKS
from sluiceway.demo.play import Parts, rows
from sluiceway.demo.scenes.line import Line, claim
from sluiceway.demo.stage import Stage
from sluiceway.types import to_usd

WANTED = {"creative": "gpt-5-nano", "coding": "gpt-5-mini"}
WHICH = {"creative": "the cheapest", "coding": "the cheapest of the medium tier"}


def choosing(stage: Stage, parts: Parts) -> Iterator[Line]:
    """What each prompt was taken for, where it went, and what that saved."""
    found = {row.task: row for row in rows(stage) if row.model_requested == ASKED and row.task in TASKS}
    cost = sum(row.cost_nusd or 0 for row in found.values())
    instead = sum(row.cost_as_requested_nusd or 0 for row in found.values())
    for task in TASKS:
        row, way = found[task], parts["bob"].first(f"GPT, {task}").got
        yield claim(
            way == f"openai/{WANTED[task]}" and row.model_routed == WANTED[task],
            f"bob asked {ASKED}: “{shorten(TASKS[task], 40, placeholder=' ...')}” is {task}; "
            f"{WHICH[task]} answered, {row.model_routed}",
        )
    yield claim(
        0 < cost < instead,
        f"together ${to_usd(cost):.5f} in place of ${to_usd(instead):.5f}: "
        f"{100 * (instead - cost) // instead} % saved",
    )

"""A mirror: another model gets copies, nobody waits for it or sees its answers, the report compares."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from sluiceway.demo.people.carol import COMMENTS, MIRRORED
from sluiceway.demo.play import Parts, rows
from sluiceway.demo.scenes.line import Line, claim
from sluiceway.demo.stage import Stage
from sluiceway.types import to_usd

RULE, COPIED = "try-gemini", "gemini-2.5-flash-lite"


def mirroring(stage: Stage, parts: Parts) -> Iterator[Line]:
    """carol tries nothing; the rule does."""
    heard = [each for each in parts["carol"].heard if each.what == "GPT, mirrored"]
    every = rows(stage)
    copies = {row.request_id.removesuffix("-mirror"): row for row in every if row.project == RULE}
    own = {row.request_id: row for row in every if row.request_id in copies}
    yield claim(
        len(heard) == len(COMMENTS)
        and all(each.got and each.got.endswith(f"openai/{MIRRORED}") for each in heard),
        f"carol had her {len(heard)} answers from {MIRRORED}, and no header or word of anything else",
    )
    yield claim(
        len(own) == len(copies) == len(COMMENTS)
        and all(row.outcome == "ok" and row.model_routed == COPIED for row in copies.values()),
        f"a copy of each went to {COPIED}, on the rule's own budget; the report compares: "
        f"{_figures(own.values())} against {_figures(copies.values())}",
    )


def _figures(side: Collection[Any]) -> str:
    cost, duration_ms = sum(row.cost_nusd or 0 for row in side), sum(row.duration_ms or 0 for row in side)
    return f"${to_usd(cost):.5f} and {duration_ms / max(1, len(side)):.0f} ms"

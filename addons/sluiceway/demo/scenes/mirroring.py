"""A mirror: another model gets copies, nobody waits for it or sees its answers, the report compares."""

from __future__ import annotations

from collections.abc import Iterator

from sluiceway.demo.people.carol import COMMENTS, MIRRORED
from sluiceway.demo.play import Parts, rows
from sluiceway.demo.scenes.line import Line, claim
from sluiceway.demo.stage import Stage
from sluiceway.types import to_usd

RULE = "try-gemini"


def mirroring(stage: Stage, parts: Parts) -> Iterator[Line]:
    """carol tries nothing; the rule does."""
    heard = [each for each in parts["carol"].heard if each.what == "GPT, mirrored"]
    every = rows(stage)
    copies = {row.request_id.removesuffix("-mirror"): row for row in every if row.project == RULE}
    own = {row.request_id: row for row in every if row.request_id in copies}
    yield claim(
        len(heard) == len(COMMENTS)
        and all(each.got and each.got.endswith(f"openai/{MIRRORED}") for each in heard),
        f"carol had {len(heard)} answers, {heard[0].got}; nothing else reached her",
    )
    told = [
        f"{name} ${to_usd(sum(row.cost_nusd or 0 for row in side.values())):.5f}, "
        f"{sum(row.duration_ms or 0 for row in side.values()) / max(1, len(side)):.0f} ms"
        for name, side in ((MIRRORED, own), ("gemini-2.5-flash-lite", copies))
    ]
    yield claim(
        len(own) == len(copies) == len(COMMENTS)
        and all(row.outcome == "ok" and row.provider == "google" for row in copies.values()),
        f"a copy of each went to Google, on the budget of the rule '{RULE}'; the report compares "
        f"{told[0]} with {told[1]}",
    )

"""Hot reload: a rules file with a slip changes nothing and says where; mended, it is in force at once."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sluiceway.demo.play import Parts
from sluiceway.demo.scenes.line import Line, claim, shown
from sluiceway.demo.stage import Stage

BROKEN = "version: 1\nbudgets:\n  - {name: data-open, scope: {team: data}, limit_usdd: 2, window: month}\n"
NAME = "50-more.yaml"


def reloading(stage: Stage, parts: Parts) -> Iterator[Line]:
    """While the others work."""
    file = stage.deployment.settings.rules / "policy" / NAME
    before = _version(stage)
    file.write_text(BROKEN)
    refused = stage.operator.type("reload")
    yield claim(
        refused.code == 1 and f"{NAME}:3:" in refused.err and _version(stage) == before,
        "a slip in a rules file: `sluiceway reload` says where, and the old rules stay in force:",
    )
    yield shown(re.sub(rf"\S*/{NAME}", NAME, refused.err).removeprefix("sluiceway: "))
    file.write_text(BROKEN.replace("usdd", "usd"))
    mended = stage.operator.type("reload")
    yield claim(
        mended.code == 0 and _version(stage) != before, f"mended: {mended.out.strip()}, without a restart"
    )


def _version(stage: Stage) -> str:
    return str(stage.operator.type("status", "--json").json["policy_version"])

"""The guard: a secret is stopped, an e-mail address goes out masked and comes back whole."""

from __future__ import annotations

import json
from collections.abc import Iterator

from sluiceway.demo.people.bob import SECRET
from sluiceway.demo.people.carol import ADDRESS
from sluiceway.demo.play import Parts
from sluiceway.demo.scenes.line import Line, claim, shown
from sluiceway.demo.stage import Stage


def guarding(stage: Stage, parts: Parts) -> Iterator[Line]:
    """What the providers got is looked at byte by byte."""
    bodies = list(stage.providers.bodies)
    blocked = parts["bob"].first("a secret")
    yield claim(
        "no-secrets" in blocked.said
        and SECRET not in blocked.said
        and not any(SECRET.encode() in body for body in bodies),
        "bob pasted a token; it reached no provider, and his client showed:",
    )
    yield shown(blocked.said)
    asked = parts["carol"].first("an e-mail address")
    got = [body for body in bodies if b"I shall write to" in body]
    text = json.loads(got[0])["messages"][-1]["content"] if got else ""
    yield claim(
        got and not any(ADDRESS.encode() in body for body in got) and ADDRESS in (asked.got or ""),
        f"carol wrote {ADDRESS}; the provider got, and she read in the answer:",
    )
    yield shown(f"provider: {text}")
    yield shown(f"carol: {asked.got}")

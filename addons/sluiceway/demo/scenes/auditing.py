"""The audit: told first, kept after, read by two together, proved unaltered, destroyed for good."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from sluiceway.demo.company import PASSPHRASE, auditor_key, passphrase
from sluiceway.demo.people.alice import CONFIDED
from sluiceway.demo.people.asking import browse
from sluiceway.demo.play import Parts, rows
from sluiceway.demo.scenes.line import Line, claim, shown
from sluiceway.demo.stage import Stage
from sluiceway.demo.terminal import Said

SEALED_S = 30.0


def auditing(stage: Stage, parts: Parts) -> Iterator[Line]:
    """From the notice to the shredder."""
    yield from _told(stage, parts)
    number = _as(stage, "carol", "request", "alice", "--reason", "an agent ran in circles").json["request"]
    alone = _as(stage, "carol", "open", number), _as(stage, "carol", "approve", number)
    yield claim(
        all(said.code == 1 for said in alone),
        "carol asks to read them, and alone she can neither open nor approve:",
    )
    yield shown(alone[1].err)
    dave = _as(stage, "dave", "approve", number)
    lines = _as(stage, "carol", "open", number).out.splitlines()
    texts = [part["text"] for line in lines for part in json.loads(line)["request"]]
    text = next((each for each in texts if each.startswith("Draft a reply")), "")
    clear = " ".join(lines)
    yield claim(
        dave.code == 0 and text and "bob@example.com" not in clear and "DE8937" not in clear,
        f"dave of the council approves; carol reads all {len(lines)} records of alice's, redacted:",
    )
    yield shown(f"alice wrote: {CONFIDED}")
    yield shown(f"carol reads: {text}")
    yield from _after(stage, number)


def _told(stage: Stage, parts: Parts) -> Iterator[Line]:
    first, page = parts["alice"].first("Claude, first"), parts["alice"].first("the portal")
    yield claim(
        not first.ok and "audit/notice" in first.said, "alice's first request was answered with the notice:"
    )
    yield shown(first.said)
    kept, entries = [row for row in rows(stage) if row.audit == "redacted"], _sealed(stage)
    yield claim(
        page.ok and kept and {row.principal for row in kept} == {"alice"} and entries == len(kept),
        f"she acknowledged it on the portal; what she asked after that was kept ({entries} records), "
        "nobody else's",
    )


def _after(stage: Stage, number: str) -> Iterator[Line]:
    me = json.loads(browse("http://sluiceway.internal/api/me", stage.proxy_urls["alice"]))
    readings = me["audit"]["readings"]
    yield claim(
        readings and readings[0]["opened_at"],
        "alice sees on the portal who read them, when and for what reason",
    )
    good = stage.operator.type("audit", "verify")
    yield claim(good.code == 0, f"`sluiceway audit verify`: {good.out.splitlines()[-1]}")
    words = ("audit", "shred", "--person", "alice", "--reason", "the demo is over", "--yes")
    gone = stage.operator.type(*words)
    again, still = _as(stage, "carol", "open", number), stage.operator.type("audit", "verify")
    yield claim(
        gone.code == 0 and "Draft a reply" not in again.all and still.code == 0,
        f"`sluiceway audit shred`: {gone.out.strip()}; nobody reads them any more; the log still verifies",
    )
    yield shown(again.all)


def _as(stage: Stage, name: str, *words: str) -> Said:
    """An auditor types, at their own machine in a company."""
    key = ("--key", str(auditor_key(stage.folder, name)))
    return stage.operator.type("audit", *words, *key, "--json", variables={PASSPHRASE: passphrase(name)})


def _sealed(stage: Stage) -> int:
    """How many records are sealed, once all that was asked so far is."""
    wanted, until = sum(row.audit == "redacted" for row in rows(stage)), time.monotonic() + SEALED_S
    while True:
        with stage.deployment.store(writable=False) as store, store.audit.snapshot() as snapshot:
            found = sum(each["content"] == "sealed" for each in snapshot.entries(None, 0, 2**62))
        if found >= wanted or time.monotonic() > until:
            return found
        time.sleep(0.3)

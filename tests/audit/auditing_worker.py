"""Run by test_on_postgres: one of two workers that audit requests, until its input ends or it is killed.

Says `begun <id>` when a request's trace is on disk, and `kept <id>` when it is sealed.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from pathlib import Path

from audit_world import KEY, NODE, World

from sluiceway.audit.checkpoint import NodeKey
from sluiceway.audit.parts import Part
from sluiceway.audit.subject import End
from sluiceway.store import Store


def say(what: str, number: str) -> None:
    print(what, number, flush=True)


async def main(url: str, folder: Path) -> None:
    boot = f"{os.getpid()}-worker"
    world = World(folder, Store.open(url, key=KEY, boot=boot), NodeKey(NODE, b"n" * 32))
    recorder, over = world.new_recorder(boot), threading.Event()
    world._recorder = recorder
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    world.clock.move(minutes=5)  # people were told before
    number = 0
    while not over.is_set():
        world.clock.move(seconds=1)
        subjects = []
        for _ in range(3):
            number += 1
            subjects.append(world.subject(f"{boot}-{number}"))
            await recorder.begin(subjects[-1])
            say("begun", subjects[-1].id)
        for subject in subjects:
            end = End(world.clock(), "ok", 200, "claude-sonnet-4-5")
            recorder.record(subject, end, [Part("user", f"question {subject.id}")], None)
        assert await asyncio.to_thread(recorder.flush, 60)
        for subject in subjects:
            say("kept", subject.id)
    world.close()


asyncio.run(main(sys.argv[1], Path(sys.argv[2])))

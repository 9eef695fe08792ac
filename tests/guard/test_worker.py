"""Workers: what is long is scanned elsewhere, and a failure is never taken for "nothing found"."""

from __future__ import annotations

import asyncio
import os
import resource
import signal

import pytest

from sluiceway.guard.company import Recognizer, Recognizers
from sluiceway.guard.load import scanner
from sluiceway.guard.scan import built_in, scan
from sluiceway.guard.worker import AT_ONCE_CHARACTERS, MEMORY_BYTES, Failed, Workers, may_pass

MAIL = "write to alice@example.com"
LONG = MAIL + " x" * AT_ONCE_CHARACTERS
ENOUGH_S = 60.0  # a machine that is busy may be slow to start a process


async def at_work(workers: Workers) -> None:
    """Until a scan has been handed to a worker (which is stopped, and will not answer)."""
    for _ in range(1000):
        await asyncio.sleep(0)
        if workers.waiting:
            return


async def test_a_short_text_is_scanned_without_any_process():
    workers = Workers(built_in("inline"))  # not started
    assert await workers.scan_many([MAIL, "nothing"], "inline", ENOUGH_S) == (scan(MAIL, "inline"), ())


async def test_a_worker_finds_what_would_be_found_here():
    async with Workers(built_in("inline")) as workers:
        texts = [LONG, "漢字 alice@example.com", "\ud800"]
        assert await workers.scan_many(texts, "inline", ENOUGH_S) == tuple(scan(t, "inline") for t in texts)
        spoken = "I met Alice Moreau"
        assert await workers.scan_many([spoken], "audit", ENOUGH_S) == (scan(spoken, "audit"),)


async def test_a_worker_uses_the_companys_recognisers():
    own = Recognizers(version=1, recognizers=(Recognizer(name="badge", type="BADGE", regex=r"\bE-\d{6}\b"),))
    async with Workers(scanner("inline", own), own.model_dump_json()) as workers:
        (findings,) = await workers.scan_many(["E-204417 " + " x" * AT_ONCE_CHARACTERS], "inline", ENOUGH_S)
        assert [finding.type for finding in findings] == ["BADGE"]


async def test_a_killed_worker_is_replaced():
    async with Workers(built_in("inline")) as workers:
        await workers.scan_many([LONG], "inline", ENOUGH_S)
        (pid,) = workers.pids
        os.kill(pid, signal.SIGKILL)
        answers = [await workers.scan_many([LONG], "inline", ENOUGH_S) for _ in range(2)]
        assert answers[0] in (Failed("worker_lost"), (scan(LONG, "inline"),))
        assert answers[1] == (scan(LONG, "inline"),)
        assert workers.pids != (pid,)


async def test_a_worker_killed_at_its_work_fails_and_says_so():
    async with Workers(built_in("inline")) as workers:
        await workers.scan_many([LONG], "inline", ENOUGH_S)
        (pid,) = workers.pids
        os.kill(pid, signal.SIGSTOP)  # so that it cannot answer before it is killed
        scanning = asyncio.ensure_future(workers.scan_many([LONG], "inline", ENOUGH_S))
        await at_work(workers)
        os.kill(pid, signal.SIGKILL)
        assert await scanning == Failed("worker_lost")
        assert await workers.scan_many([LONG], "inline", ENOUGH_S) == (scan(LONG, "inline"),)


async def test_a_late_worker_fails_and_its_answer_never_meets_the_next_text():
    async with Workers(built_in("inline")) as workers:
        await workers.scan_many([LONG], "inline", ENOUGH_S)
        (pid,) = workers.pids
        os.kill(pid, signal.SIGSTOP)
        assert await workers.scan_many([LONG], "inline", 0.05) == Failed("deadline")
        other = "no mail here" + " x" * AT_ONCE_CHARACTERS
        assert await workers.scan_many([other], "inline", ENOUGH_S) == ((),)


async def test_a_request_that_is_cancelled_leaves_no_worker_behind_half_used():
    async with Workers(built_in("inline")) as workers:
        await workers.scan_many([LONG], "inline", ENOUGH_S)
        os.kill(workers.pids[0], signal.SIGSTOP)
        scanning = asyncio.ensure_future(workers.scan_many([LONG], "inline", ENOUGH_S))
        await at_work(workers)
        scanning.cancel()
        with pytest.raises(asyncio.CancelledError):
            await scanning
        assert await workers.scan_many([MAIL + LONG], "inline", ENOUGH_S) == (scan(MAIL + LONG, "inline"),)


async def test_no_process_is_left_at_the_end():
    async with Workers(built_in("inline"), count=2) as workers:
        pids = workers.pids
        assert len(pids) == 2
    assert workers.pids == ()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


RULES = {
    "no rule asks": ([], True),
    "detect, open": ([("detect", "open")], True),
    "detect, closed": ([("detect", "closed")], False),
    "mask, closed": ([("mask", "closed")], False),
    "mask passes nothing even if it says open": ([("mask", "open")], False),
    "block passes nothing even if it says open": ([("block", "open")], False),
    "the strictest decides": ([("detect", "open"), ("block", "closed")], False),
}


@pytest.mark.parametrize(("rules", "passes"), RULES.values(), ids=RULES.keys())
def test_after_a_failed_scan_only_detection_may_let_a_request_go_on(rules, passes):
    assert may_pass(rules) is passes


async def test_processes_begun_in_the_background_serve_who_comes_before_they_are_ready():
    workers = Workers(built_in("inline"), count=2)
    workers.begin()
    assert await workers.scan_many([LONG], "inline", ENOUGH_S) == (scan(LONG, "inline"),)
    await workers.end()
    assert workers.pids == ()


async def test_retired_workers_serve_who_waits_and_then_end():
    workers = Workers(built_in("inline"))
    workers.begin()
    waiting = [asyncio.ensure_future(workers.scan_many([LONG], "inline", ENOUGH_S)) for _ in range(3)]
    await at_work(workers)
    await workers.retire()
    assert await asyncio.gather(*waiting) == [(scan(LONG, "inline"),)] * 3
    assert workers.pids == ()
    assert await workers.scan_many([LONG], "inline", 0.05) == Failed("deadline")


async def test_a_worker_has_a_bounded_memory():
    async with Workers(built_in("inline")) as workers:
        await workers.scan_many([LONG], "inline", ENOUGH_S)
        (pid,) = workers.pids
        assert resource.prlimit(pid, resource.RLIMIT_AS) == (MEMORY_BYTES, MEMORY_BYTES)

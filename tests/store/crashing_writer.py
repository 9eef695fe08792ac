"""Run by test_crash_recovery: admits and settles, saying what was acknowledged, until it is killed."""

from __future__ import annotations

import asyncio
import itertools
import sys

from store_world import KEY, attempt, company, ended, person

from sluiceway.store import Granted, Store, Want


async def main(url: str, boot: str) -> None:
    store = Store.open(url, key=KEY, boot=boot)
    numbers = itertools.count()

    async def client(name: str) -> None:
        for number in numbers:
            row = attempt(f"{boot}-{number}", name)
            caps = (company(10**9), person(10**9, name))
            answer = await store.ledger.admit(row, Want(20, 10), caps, 60)
            assert isinstance(answer, Granted)
            print(f"admitted {row.request_id}", flush=True)
            await asyncio.sleep(0)
            await store.ledger.settle(answer.reservation, ended(row, 13))
            print(f"settled {row.request_id}", flush=True)

    await asyncio.gather(*(client(f"p{number}") for number in range(20)))


asyncio.run(main(*sys.argv[1:3]))

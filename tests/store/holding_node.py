"""Run by test_shared_failures: holds reservations until it is killed.

Without a name it is called as the product's processes are, by its number.
"""

from __future__ import annotations

import asyncio
import os
import sys

from store_world import KEY, attempt, company, granted

from sluiceway.store import Store, Want


async def main(url: str, boot: str, many: int) -> None:
    store = Store.open(url, key=KEY, boot=boot)
    for number in range(many):
        granted(await store.ledger.admit(attempt(f"{boot}-{number}"), Want(1, 1), (company(100),), 0))
    print("holding", flush=True)
    await asyncio.sleep(600)


asyncio.run(main(sys.argv[1], sys.argv[2] or f"{os.getpid()}-held", int(sys.argv[3])))

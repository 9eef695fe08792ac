"""Run by test_spool: spools two whole requests and one that is under way, until it is killed."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from store_world import attempt, ended

from sluiceway.store.spool import Spool

spool = Spool(Path(sys.argv[1]), "worker-3")
for name in ("r1", "r2", "r3"):
    spool.opened(attempt(name, spends=False))
for name in ("r1", "r2"):
    spool.ended(ended(attempt(name, spends=False), 0))
print("spooled", flush=True)
time.sleep(600)

"""How many examples a property is tried with: a quarter in `make test`, all of them in `make fuzz`."""

from __future__ import annotations

import os

# `make fuzz` and `make audit-mutations` set it; its number is that of tests/wire/test_fuzz.py.
ALL = "SLUICEWAY_FUZZ" in os.environ


def examples(number: int) -> int:
    return number if ALL else -(-number // 4)

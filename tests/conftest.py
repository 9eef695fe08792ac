"""How all tests run: the longest files begin first, and no property has a stopwatch."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from tests.properties import examples

# Time is measured by `make bench` alone: a busy machine is no failure.
settings.register_profile(
    "ours", max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ours")

# Each file runs on one worker, so a long one that begins last is waited for by the other. Longest first.
LONGEST = ("machine/test_doctor.py",)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get("/".join(item.path.parts[-2:]), len(place)))

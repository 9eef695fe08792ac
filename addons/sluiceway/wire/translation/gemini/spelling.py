"""Fields by their name in camel case or in snake case: Google's JSON takes both (proto3 JSON mapping)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

_CAPITAL = re.compile(r"([A-Z])")


@lru_cache(maxsize=256)
def snake(camel: str) -> str:
    """`inline_data` of `inlineData`."""
    return _CAPITAL.sub(lambda found: f"_{found[1].lower()}", camel)


def get(document: Mapping[str, Any], camel: str) -> Any:
    """The field's value however it is written, None when absent."""
    found = document.get(camel)
    return document.get(snake(camel)) if found is None else found


def plain(document: Mapping[str, Any], camels: Iterable[str]) -> dict[str, Any]:
    """The document with these fields in camel case, and the rest as it is."""
    known = {snake(camel): camel for camel in camels}
    return {known.get(name, name): value for name, value in document.items()}

"""The one byte form of every record that is hashed, signed or bound to a ciphertext: RFC 8785 JSON.

JSON because an auditor can read it and every language can write it; of RFC 8785 only the easy part is needed,
since there are no fractions: strings, whole numbers, null, lists, and objects with ASCII names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

FORM = "sluiceway-audit-v1"
MAX_SAFE = 2**53 - 1  # what every JSON reader holds exactly

type Json = int | str | Sequence[Json] | Mapping[str, Json] | None


def canonical(value: Json) -> bytes:
    """The value's canonical JSON. Raises ValueError for what has none."""
    _check(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def tagged(purpose: str, value: Json) -> bytes:
    """Canonical JSON behind a line that says what it is for: no hash or signature fits two purposes."""
    return f"{FORM}/{purpose}\n".encode() + canonical(value)


def _check(value: Json) -> None:
    if isinstance(value, bool | float):
        raise ValueError("only whole numbers, text, null, lists and objects have a canonical form here")  # noqa: TRY004 - bytes that cannot be made, whatever the type
    if isinstance(value, int) and abs(value) > MAX_SAFE:
        raise ValueError("a number is too large for JSON")
    if isinstance(value, Mapping):
        if not all(key.isascii() for key in value):
            raise ValueError("names of members must be ASCII")
        value = list(value.values())
    if isinstance(value, Sequence) and not isinstance(value, str):
        for each in value:
            _check(each)

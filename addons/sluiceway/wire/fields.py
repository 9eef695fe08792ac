"""Typed access to JSON: strict for requests (a wrong type is refused), lenient for answers (then unknown)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import orjson

from sluiceway.errors import WireError

MAX_COUNT = 2**53  # the largest integer every JSON reader agrees on
MAX_LABEL = 256
MAX_CHOICES = 128  # OpenAI's own bound on `n`; Gemini's is 8
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")
_WORD = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
_DECODER = json.JSONDecoder(parse_int=int)
_NOTHING: Mapping[str, Any] = {}


def need_model(document: Mapping[str, Any]) -> str:
    """The model asked for: present, a printable name. Raises WireError."""
    model = document.get("model")
    if not isinstance(model, str) or not model:
        raise WireError("model: a non-empty string is required")
    if len(model) > MAX_LABEL or _UNPRINTABLE.search(model):
        raise WireError(f"model: must be at most {MAX_LABEL} printable ASCII characters")
    return model


def flag(document: Mapping[str, Any], name: str) -> bool:
    """A boolean that is false when absent or null."""
    value = document.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise WireError(f"{name}: must be true or false")
    return value


def whole(document: Mapping[str, Any], name: str, where: str = "") -> int | None:
    """A positive whole number, None when absent or null. 8.0 is 8, as providers read it."""
    value = document.get(name)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < MAX_COUNT:
        raise WireError(f"{where}{name}: must be a positive whole number")
    return value


def choices(document: Mapping[str, Any], name: str, where: str = "") -> int:
    """How many answers are asked for at once; 1 when absent."""
    wanted = whole(document, name, where) or 1
    if wanted > MAX_CHOICES:
        raise WireError(f"{where}{name}: must be at most {MAX_CHOICES}")
    return wanted


def need_list(document: Mapping[str, Any], name: str) -> list[Any]:
    """A list that must be there."""
    value = document.get(name)
    if not isinstance(value, list):
        raise WireError(f"{name}: a list is required")
    return value


def maybe_list(document: Mapping[str, Any], name: str) -> list[Any]:
    """A list, empty when absent or null."""
    value = document.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise WireError(f"{name}: must be a list")
    return value


def maybe_object(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object, empty when absent or null."""
    value = document.get(name)
    if value is None:
        return _NOTHING
    if not isinstance(value, dict):
        raise WireError(f"{name}: must be an object")
    return value


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else _NOTHING


def items(value: object) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def count(value: object) -> int | None:
    """The value if it can be a token count, else None. Some providers write whole counts as 13.0 (Cohere)."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < MAX_COUNT:
        return None
    return value


def first_count(*told: object) -> int | None:
    """The first of several spellings that holds a count."""
    return next((known for known in map(count, told) if known is not None), None)


def newer(told: Mapping[str, Any], later: Mapping[str, Any], depth: int = 2) -> Mapping[str, Any]:
    """What a stream has told so far, brought up to date: the last value of each field counts, and null says
    nothing. Objects within are brought up to date likewise, `depth` levels down."""
    if not told or not later:
        return later or told
    merged = dict(told)
    for name, value in later.items():
        if depth and isinstance(value, dict) and isinstance(before := told.get(name), dict):
            merged[name] = newer(before, value, depth - 1)
        elif value is not None:
            merged[name] = value
    return merged


def label(value: object, limit: int = MAX_LABEL) -> str | None:
    """A name from outside (model, id, tier, version): printable ASCII and bounded, else None."""
    if not isinstance(value, str) or not value or len(value) > limit or _UNPRINTABLE.search(value):
        return None
    return value


def word(value: object) -> str | None:
    """A provider's own error type or code if it is one short word, else None: never free text."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None


def total(*parts: int | None) -> int | None:
    """The sum of the parts that are known, None if none is."""
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def load(data: bytes) -> Any:
    """The JSON in `data`, None if it is none."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None


def last_object(data: bytes, name: str) -> Mapping[str, Any]:
    """The last object called `name` in JSON whose middle may be missing, an empty one if there is none.

    Quotes inside a JSON string are escaped, so `"name":` cannot be generated text."""
    at = data.rfind(b'"' + name.encode() + b'"')
    start = data.find(b"{", at) if at >= 0 else -1
    if start < 0 or data[at + len(name) + 2 : start].strip() != b":":
        return _NOTHING
    try:
        found, _ = _DECODER.raw_decode(data[start:].decode(errors="replace"))
    except ValueError:
        return _NOTHING
    return mapping(found)

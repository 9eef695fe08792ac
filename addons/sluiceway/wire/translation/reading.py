"""What readers of requests share: checked access that names the field, and arguments in their two forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from sluiceway.errors import WireError
from sluiceway.wire.body import MAX_DEPTH
from sluiceway.wire.fields import load
from sluiceway.wire.mend import close_json
from sluiceway.wire.translation.losses import Losses

# Anthropic's own advice for arguments that are no JSON (docs, Fine-grained tool streaming).
INVALID = "INVALID_JSON"


def need_object(value: object, where: str) -> Mapping[str, Any]:
    """The value if it is an object. Raises WireError."""
    if not isinstance(value, dict):
        raise WireError(f"{where}: an object is required")
    return value


def need_text(document: Mapping[str, Any], name: str, where: str) -> str:
    """A string that must be there. Raises WireError."""
    value = document.get(name)
    if not isinstance(value, str):
        raise WireError(f"{where}.{name}: a string is required")
    return value


def maybe_text(document: Mapping[str, Any], name: str, where: str = "") -> str | None:
    """A string, None when absent or null. Raises WireError."""
    value = document.get(name)
    if value is None or isinstance(value, str):
        return value
    raise WireError(f"{where}{name}: must be a string")


def maybe_number(document: Mapping[str, Any], name: str) -> float | None:
    """A number, None when absent or null. Raises WireError."""
    value = document.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WireError(f"{name}: must be a number")
    return value


def maybe_whole(document: Mapping[str, Any], name: str) -> int | None:
    """A whole number of either sign, None when absent or null. Raises WireError."""
    value = document.get(name)
    if isinstance(value, bool) or not (value is None or isinstance(value, int)):
        raise WireError(f"{name}: must be a whole number")
    return value


def maybe_flag(document: Mapping[str, Any], name: str, where: str = "") -> bool | None:
    """A boolean, None when absent or null. Raises WireError."""
    value = document.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise WireError(f"{where}{name}: must be true or false")


def words(value: object, where: str) -> tuple[str, ...]:
    """A list of strings, or one string. Raises WireError."""
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise WireError(f"{where}: must be a list of strings")
    return tuple(value)


def drop_unknown(document: Mapping[str, Any], known: frozenset[str], losses: Losses) -> None:
    """Counts fields that nobody here knows, without their names: those are the client's words."""
    unknown = sum(1 for name, value in document.items() if name not in known and value is not None)
    if unknown:
        losses.drop("(unknown fields)", "their meaning is not known", unknown)


def arguments_of(value: object) -> str:
    """Arguments that an API has as an object, as text; "" where they are nested too deep to be written."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return ""


def object_of(arguments: str) -> dict[str, Any]:
    """Arguments as an object, whatever a model wrote: "" is {}, JSON that broke off is closed, another value
    than an object is put into one, and what is no JSON at all is kept as text."""
    text = arguments.strip()
    if not text:
        return {}
    if text.count("{") + text.count("[") > MAX_DEPTH:  # rarely: so many brackets that it may be too deep
        try:
            orjson.dumps(load(text.encode(errors="replace")))
        except orjson.JSONEncodeError:
            return {INVALID: arguments}
    found = load(text.encode(errors="replace"))
    if isinstance(found, dict):
        return found
    if found is None and text != "null":
        raw = text.encode(errors="replace")
        mended = load(raw + close_json(raw)) if text.startswith("{") else None
        return mended if isinstance(mended, dict) else {INVALID: arguments}
    return {} if found is None else {"value": found}

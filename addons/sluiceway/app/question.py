"""A request that is asked about, not sent: `rules explain` reads it from a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import orjson

from sluiceway.errors import WireError
from sluiceway.types import KeyClass


class Carried(StrEnum):
    """Whose credential a request is said to carry; `none`: none, or the word `sluiceway`."""

    COMPANY = "company"
    PERSONAL = "personal"
    SUBSCRIPTION = "subscription"
    UNKNOWN = "unknown"
    NONE = "none"

    @property
    def key_class(self) -> KeyClass | None:
        """As a class of keys; None: there is no key."""
        return None if self is Carried.NONE else KeyClass(self.value)


@dataclass(frozen=True, slots=True)
class Question:
    """A request to explain. `url` is the provider's; `headers` by lower-case name. `carried` None: what the
    headers hold, and the company's key where they hold none."""

    principal: str
    url: str
    body: bytes = field(repr=False)
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    carried: Carried | None = None


def question_of(text: bytes, principal: str, url: str | None, carried: Carried | None = None) -> Question:
    """A question from a file: a provider's request body together with `url`, or an object with `url`, `body`
    and, if need be, `method` and `headers`. Raises WireError saying what is missing."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise WireError(f"the request is not JSON (line {error.lineno}, column {error.colno})") from None
    if not isinstance(document, dict):
        raise WireError("the request is not a JSON object")
    if url is not None:
        return Question(principal, url, text, carried=carried)
    address, body, headers = document.get("url"), document.get("body"), document.get("headers", {})
    if not isinstance(address, str) or not isinstance(body, dict):
        raise WireError('give --url, or a request that is an object with "url" and "body"')
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise WireError("headers: must be an object of texts")
    lower = {str(name).lower(): value for name, value in headers.items()}
    method = str(document.get("method", "POST")).upper()
    return Question(principal, address, orjson.dumps(body), method, lower, carried)

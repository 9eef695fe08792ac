"""Requests that a client signed with a key of AWS's: what of them must reach the provider as it is.

Signature Version 4 covers the method, path, query, body and every header that its SignedHeaders name (AWS IAM
user guide, "Signature Version 4"). Whoever changes one of these without the key gets a 403 from AWS, so the
request goes out as it came, or not at all. With the company's key in the signature's place it is free again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from multidict import CIMultiDict, CIMultiDictProxy

from sluiceway.errors import Refused
from sluiceway.gateway import refusals

_SCHEMES = ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256")
_FIELD = re.compile(r"(Credential|SignedHeaders)=([^,\s]+)")


def is_signed(headers: CIMultiDictProxy[str]) -> bool:
    """Whether the client signed the request."""
    return any(_is_signature(value) for value in headers.getall("authorization", ()))


def access_key(value: str) -> str | None:
    """The id of the key that signed, which is no secret and the same in every request; None: no signature."""
    return _fields(value).get("Credential", "").partition("/")[0] or None if _is_signature(value) else None


def keep(fields: CIMultiDict[str], came: CIMultiDictProxy[str]) -> None:
    """Puts the signed headers back as they came into the `fields` that will go out. Refused where one was
    dropped: it holds for one connection only, or names us, and the signature does not hold without it."""
    for name in signed_headers(came.getall("authorization", ())):
        values = came.getall(name, [])
        if name == "content-length":
            continue  # the sender writes it, for the same body
        if (values and name not in fields) or (name == "host" and len(values) > 1):
            raise Refused(refusals.signed_header(name))
        if values != fields.getall(name, []):
            fields.popall(name, None)
            fields.extend((name, value) for value in values)


def signed_headers(authorization: Iterable[str]) -> tuple[str, ...]:
    """The lower-case names of the headers a signature covers."""
    found = [_fields(value).get("SignedHeaders", "") for value in authorization if _is_signature(value)]
    return tuple(name.lower() for names in found for name in names.split(";") if name)


def _is_signature(value: str) -> bool:
    return value.lstrip().startswith(_SCHEMES)


def _fields(value: str) -> dict[str, str]:
    return dict(_FIELD.findall(value))

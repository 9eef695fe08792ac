"""Checks the AWS signature of a request (Signature Version 4): what was changed on its way gets a 403.

Facts from AWS's IAM user guide ("Create a signed request"). Every simulated account has the same secret key.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import quote

from sluiceway.demo.exchange import Asked, Rejected

SECRET_KEY = "the-secret-key-of-every-simulated-account"  # noqa: S105 - there is nothing behind it
SCHEME = "AWS4-HMAC-SHA256"
_FIELD = re.compile(r"(Credential|SignedHeaders|Signature)=([^,\s]+)")
_BLANKS = re.compile(r"\s+")


def check(asked: Asked) -> None:
    """Rejects a request whose signature does not fit, or that has neither a signature nor an API key."""
    value = asked.headers.get("authorization", "")
    if value.startswith(SCHEME):
        if not hmac.compare_digest(_signature(asked, _fields(value)), _fields(value).get("Signature", "")):
            message = "The request signature we calculated does not match the signature you provided."
            raise Rejected(403, message, code="InvalidSignatureException")
        return
    key = value.removeprefix("Bearer ") if value.startswith("Bearer ") else asked.headers.get("x-api-key", "")
    if not key:
        raise Rejected(403, "Missing Authentication Token", code="MissingAuthenticationTokenException")
    if "wrong" in key or "invalid" in key:
        raise Rejected(403, "Authentication failed: the API key is not valid.", code="AccessDeniedException")


def _fields(value: str) -> dict[str, str]:
    return dict(_FIELD.findall(value))


def _signature(asked: Asked, fields: Mapping[str, str]) -> str:
    """What the signature has to be, by what arrived."""
    _, *scope = fields.get("Credential", "").split("/")
    when = asked.headers.get("x-amz-date", "")
    to_sign = "\n".join((SCHEME, when, "/".join(scope), sha256(_canonical(asked, fields)).hexdigest()))
    key = f"AWS4{SECRET_KEY}".encode()
    for part in (*scope, to_sign):
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex()


def _canonical(asked: Asked, fields: Mapping[str, str]) -> bytes:
    names = fields.get("SignedHeaders", "").split(";")
    found = [f"{name}:{_BLANKS.sub(' ', asked.headers.get(name, '')).strip()}\n" for name in names]
    path, _, query = asked.target.partition("?")
    lines = (
        asked.method,
        quote(path, safe="/~"),
        "&".join(sorted(query.split("&"))),
        "".join(found),
        ";".join(names),
        sha256(asked.raw).hexdigest(),
    )
    return "\n".join(lines).encode()

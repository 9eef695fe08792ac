"""Google's token endpoint: an access token for a claim that a service account signed (RFC 7523)."""

from __future__ import annotations

from email.utils import formatdate
from urllib.parse import parse_qs

import orjson

from sluiceway.demo.exchange import Asked, Rejected, Reply, new_id
from sluiceway.demo.headers import Headers
from sluiceway.demo.memory import Memory

PROVIDER = "google-oauth"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_CODES = {400: "invalid_grant", 401: "invalid_client", 403: "access_denied", 503: "temporarily_unavailable"}


def token(asked: Asked, memory: Memory) -> Reply:
    """POST /token."""
    form = parse_qs(asked.raw.decode(errors="replace"))
    if form.get("grant_type") != [_GRANT]:
        raise Rejected(400, "Invalid grant_type: ", code="unsupported_grant_type")
    given = memory.accounts.token_for(form.get("assertion", [""])[0], asked.now)
    says = {"access_token": given, "expires_in": memory.accounts.lasts_s, "token_type": "Bearer"}
    return Reply(200, new_id(""), headers(asked.now), body=orjson.dumps(says))


def error_body(rejected: Rejected) -> dict[str, str]:
    """A no in the words of RFC 6749, section 5.2."""
    code = rejected.code or _CODES.get(rejected.status, "internal_failure")
    return {"error": code, "error_description": rejected.message}


def headers(now: int) -> Headers:
    """With its own clock, which may not be ours."""
    return (("date", formatdate(now, usegmt=True)), ("cache-control", "private"), ("server", "scaffolding"))

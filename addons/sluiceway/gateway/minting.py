"""One exchange with Google's token endpoint: a signed claim out, an access token back (RFC 7523).

It leaves as requests to providers do: admitted, through the parent proxy where there is one, over verified
TLS. Nothing that Google writes is passed on but the token and an error code of RFC 6749.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode

import aiohttp
import orjson
from multidict import CIMultiDict
from yarl import URL

from sluiceway.audit.service_account import LIFETIME_S, TOKEN_HOST, TOKEN_URL, ServiceAccount
from sluiceway.gateway.upstream import Failed, Upstream

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ANSWER_S, ANSWER_BYTES = 5.0, 64 * 1024
# Google refuses claims that are dated minutes off; a clock that is off by no more than this is not why.
SKEW_S = 30
CLOCK = "clock"
# RFC 6749 section 5.2, and what Google adds: words that may be shown and logged.
ERRORS = frozenset(
    (
        *("invalid_request", "invalid_client", "invalid_grant", "unauthorized_client"),
        *("unsupported_grant_type", "invalid_scope", "access_denied", "disabled_client"),
        *("admin_policy_enforced", "internal_failure", "temporarily_unavailable"),
    )
)
HEADERS = {
    "host": TOKEN_HOST,
    "content-type": "application/x-www-form-urlencoded",
    "accept": "application/json",
    "accept-encoding": "identity",
}
_TOKEN = re.compile(r"[\x21-\x7e]{20,8192}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Minted:
    """An access token, and for how many seconds it is good."""

    token: str = field(repr=False)
    lasts_s: float


class NotMinted(Exception):
    """No token. `why` is a code of ours or of RFC 6749; `final`: the same again brings the same answer.
    `skew_s`: how far Google's clock is ahead of ours, where that is why."""

    def __init__(self, why: str, *, final: bool = False, skew_s: int = 0) -> None:
        super().__init__(why)
        self.why, self.final, self.skew_s = why, final, skew_s


class Google:
    """Mints tokens. Where this machine's clock is found wrong, later claims are dated by Google's."""

    def __init__(self, upstream: Upstream, clock: Callable[[], float] = time.time) -> None:
        self._upstream, self._clock = upstream, clock
        self._skew_s = 0

    async def mint(self, account: ServiceAccount) -> Minted:
        """One try. Raises NotMinted."""
        claim = await asyncio.to_thread(account.claim, int(self._clock()) + self._skew_s)
        form = urlencode({"grant_type": GRANT, "assertion": claim}).encode()
        fields = CIMultiDict(HEADERS)
        try:
            async with asyncio.timeout(ANSWER_S):
                answer = await self._upstream.send("POST", URL(TOKEN_URL), fields, form, ANSWER_S)
                body = await _body(answer)
        except Failed as failed:
            raise NotMinted(failed.refusal.code) from None
        except TimeoutError:
            raise NotMinted("first_byte_timeout") from None
        except (aiohttp.ClientError, OSError):
            raise NotMinted("connection_lost") from None
        try:
            return minted(answer.status, body)
        except NotMinted as error:
            raise self._by_the_clock(error, answer.headers) from None

    def _by_the_clock(self, error: NotMinted, headers: Mapping[str, str]) -> NotMinted:
        """The same, unless our clock is why: then the next claim is dated better, and worth another try."""
        if error.why != "invalid_grant":
            return error
        skew_s = ahead_s(headers, self._clock())
        if skew_s is None or abs(skew_s - self._skew_s) <= SKEW_S:
            return error
        self._skew_s = skew_s if abs(skew_s) > SKEW_S else 0
        return NotMinted(CLOCK, skew_s=skew_s)


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    """All of it, within its bound; the connection is given back or dropped."""
    body = bytearray()
    try:
        while (piece := await answer.content.readany()) or not answer.content.at_eof():
            body += piece
            if len(body) > ANSWER_BYTES:
                raise NotMinted("malformed_answer")
    finally:
        answer.release() if answer.content.at_eof() else answer.close()
    return bytes(body)


def minted(status: int, body: bytes) -> Minted:
    """What an answer says. Raises NotMinted; a token that could not stand in a header is none."""
    try:
        says = orjson.loads(body)
    except orjson.JSONDecodeError:
        says = None
    if status != 200:
        raise _no(status, says)
    if not isinstance(says, dict):
        raise NotMinted("malformed_answer")
    token, lasts_s = says.get("access_token"), says.get("expires_in")
    bearer = str(says.get("token_type", "Bearer")).lower() == "bearer"
    if not (isinstance(token, str) and _TOKEN.fullmatch(token) and bearer):
        raise NotMinted("malformed_answer")
    if isinstance(lasts_s, bool) or not isinstance(lasts_s, int) or lasts_s <= 0:
        raise NotMinted("malformed_answer")
    return Minted(token, float(min(lasts_s, LIFETIME_S)))


def _no(status: int, says: object) -> NotMinted:
    """Google's faults and its rate limits pass; what it says of the claim stays."""
    passes = status >= 500 or status in (408, 429)
    code = says.get("error") if isinstance(says, dict) else None
    known = code if isinstance(code, str) and code in ERRORS else str(status)
    return NotMinted(known, final=not passes)


def ahead_s(headers: Mapping[str, str], now_s: float) -> int | None:
    """How far the clock behind an answer's Date is ahead of ours; None: it does not say."""
    try:
        at = parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        return None
    return round(at.replace(tzinfo=at.tzinfo or UTC).timestamp() - now_s)

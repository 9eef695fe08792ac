"""The way to the portal: requests for http://sluiceway.internal/, and those made to the proxy's own port.

Neither ever leaves the machine: whatever names the portal is answered here, right or wrong. Recognising is
done when a request's headers are there, answering when its (small) body is, so that forms can be sent.
"""

from __future__ import annotations

import weakref
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from mitmproxy import http

from sluiceway.errors import WireError
from sluiceway.front.names import Destination, parse_authority
from sluiceway.front.plain import is_direct
from sluiceway.front.visit import answer, fail_closed
from sluiceway.types import Asked, Identity, Page, Rejected

HOST = "sluiceway.internal"
WHERE = f"Sluiceway: its portal is at http://{HOST}/ (http, not https)."
BODY_BYTES = 64 * 1024


class Portal(Protocol):
    """What the front needs to know of the portal."""

    def is_public(self, path: str) -> bool: ...

    def answer(self, asked: Asked) -> Awaitable[Page]: ...


@dataclass(frozen=True, slots=True)
class _Caller:
    identity: Identity | Rejected | None
    direct: bool


def names_portal(destination: Destination) -> bool:
    """Whether a destination is the portal's name, or one below it that nobody else has either."""
    return destination.host == HOST or destination.host.endswith(f".{HOST}")


class Door:
    """Takes requests from `Identify` and is the addon that answers them."""

    def __init__(self, portal: Portal | None) -> None:
        self._portal = portal
        self._callers: weakref.WeakKeyDictionary[http.HTTPFlow, _Caller] = weakref.WeakKeyDictionary()

    def admit(
        self,
        flow: http.HTTPFlow,
        destination: Destination | None,
        identify: Callable[[], Identity | Rejected | None],
    ) -> bool:
        """Whether this is the portal's to answer; then it was refused, or waits for its body. `destination`
        None: Host could not be read. `identify` answers the flow itself where there are no credentials."""
        direct = is_direct(flow.request)
        if not direct and (destination is None or not names_portal(destination)):
            return False
        if self._portal is None:
            flow.response = answer(404, "Sluiceway: this is a proxy; it has no portal.")
        elif not direct and destination is not None and (wrong := _wrong_address(flow, destination)):
            flow.response = wrong
        elif too_large := _too_large(flow.request.headers):
            flow.response = too_large
        else:
            self._let_in(flow, self._portal, direct, identify)
        if flow.response is not None:
            flow.request.headers.pop("expect", None)  # no `100 Continue` to a body that nobody will read
        return True

    def _let_in(
        self,
        flow: http.HTTPFlow,
        portal: Portal,
        direct: bool,
        identify: Callable[[], Identity | Rejected | None],
    ) -> None:
        identity = None
        if not direct and not portal.is_public(_path(flow)):
            identity = identify()
            if identity is None:
                return
        self._callers[flow] = _Caller(identity, direct)

    @fail_closed
    async def request(self, flow: http.HTTPFlow) -> None:
        caller = self._callers.pop(flow, None)
        if caller is None or flow.response is not None:
            return
        assert self._portal
        headers = {name.lower(): value for name, value in flow.request.headers.items()}
        headers.pop("proxy-authorization", None)
        body = flow.request.raw_content or b""
        asked = Asked(caller.identity, flow.request.method, _path(flow), headers, body, caller.direct)
        flow.response = _response(await self._portal.answer(asked), asked.method)


def _path(flow: http.HTTPFlow) -> str:
    return flow.request.path.partition("?")[0]


def _wrong_address(flow: http.HTTPFlow, destination: Destination) -> http.Response | None:
    """Another port, a name below the portal's, or a Host that says something else than the address."""
    if destination.host != HOST or destination.port != 80 or flow.request.scheme != "http":
        return answer(404, WHERE)
    host = flow.request.headers.get("host")
    try:
        agrees = host is None or parse_authority(host, 80) == destination
    except WireError:
        agrees = False
    return None if agrees else answer(421, f"{WHERE} The Host header names something else.")


def _too_large(headers: http.Headers) -> http.Response | None:
    """Judged before the body is read. Its framing was checked by mitmproxy."""
    if "transfer-encoding" in headers:
        return answer(411, "Sluiceway: say how long the body is (Content-Length).")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdecimal()):
        return answer(400, "Sluiceway: this Content-Length is not one number.")
    if len(length) > 18 or int(length) > BODY_BYTES:
        return answer(413, f"Sluiceway: at most {BODY_BYTES // 1024} KB are read here.")
    return None


def _response(page: Page, method: str) -> http.Response:
    fields: Mapping[str, str] = dict(page.headers)
    if method != "HEAD":
        return http.Response.make(page.status, page.body, fields)
    response = http.Response.make(page.status, b"", fields)
    if page.body:
        response.headers["content-length"] = str(len(page.body))
    else:
        del response.headers["content-length"]
    return response

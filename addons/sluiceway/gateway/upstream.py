"""The way out: pooled, verified TLS connections to providers, dialled only where admission allows."""

from __future__ import annotations

import asyncio
import io
import socket
import ssl
from asyncio import sslproto
from collections.abc import AsyncIterable
from pathlib import Path
from typing import Protocol

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from multidict import CIMultiDict
from yarl import URL

from sluiceway.gateway.provider_socket import ProviderSocket, only_upgraded
from sluiceway.gateway.server import SOCKET_CLOSE_S
from sluiceway.types import Refusal, RefusalKind

# 256 KiB of read buffer per TLS connection is asyncio's default; 32 KiB halves the memory of a stream.
TLS_READ_BUFFER_BYTES = 32 * 1024
# Below the idle limits providers use, so that a POST seldom meets a connection just closed.
POOL_IDLE_S = 15.0
# A larger body goes out in pieces; aiohttp warns of writing more than this at once.
AT_ONCE_BYTES = 1024 * 1024


class Lookup(Protocol):
    """Checked addresses of a host and port, or the reason why there are none."""

    async def __call__(self, host: str, port: int) -> tuple[tuple[str, int], ...] | str: ...


class NotAdmitted(OSError):
    """The destination is not one we may connect to; the text says why."""


class Failed(Exception):
    """No answer fit for the client came; `refusal` is what it gets instead.

    `sent`: the provider may have seen the request and bill it. `status`: of an answer that broke off.
    """

    def __init__(self, refusal: Refusal, *, sent: bool, status: int | None = None) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal
        self.sent = sent
        self.status = status


class _Resolver(AbstractResolver):
    """Gives aiohttp the addresses that admission checked, so that what was checked is what is dialled."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._lookup(host, port)
        if isinstance(found, str):
            raise NotAdmitted(found)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=at,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address, at in found
        ]

    async def close(self) -> None:
        pass


class Upstream:
    """One pool for all providers. `send` returns once the answer's headers are there."""

    def __init__(
        self,
        lookup: Lookup,
        *,
        trusted_ca: Path | None,
        proxy: str | None,
        connect_s: float,
        first_byte_s: float,
    ) -> None:
        sslproto.SSLProtocol.max_size = TLS_READ_BUFFER_BYTES
        context = ssl.create_default_context()
        if trusted_ca is not None:
            context.load_verify_locations(trusted_ca)
        self._proxy = URL(proxy) if proxy else None
        self._first_byte_s = first_byte_s
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=context,
                resolver=_Resolver(lookup),
                use_dns_cache=False,
                limit=0,
                keepalive_timeout=POOL_IDLE_S,
            ),
            timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=connect_s, sock_read=None),
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
            auto_decompress=False,
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            max_line_size=16 * 1024,
            max_field_size=64 * 1024,
        )
        self._sockets = aiohttp.ClientSession(
            connector=self._session.connector,
            connector_owner=False,
            timeout=self._session.timeout,
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
            auto_decompress=False,
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            ws_response_class=ProviderSocket,  # type: ignore[arg-type]  # aiohttp names only decode_text=True
            middlewares=(only_upgraded,),
            max_line_size=16 * 1024,
            max_field_size=64 * 1024,
        )

    async def send(
        self,
        method: str,
        url: URL,
        headers: CIMultiDict[str],
        body: bytes | AsyncIterable[bytes] | None,
    ) -> aiohttp.ClientResponse:
        """Sends one request. Raises Failed when no answer's headers came, never an aiohttp error."""
        data = io.BytesIO(body) if isinstance(body, bytes) and len(body) > AT_ONCE_BYTES else body
        try:
            async with asyncio.timeout(self._first_byte_s):
                return await self._session.request(
                    method, url, headers=headers, data=data, allow_redirects=False, proxy=self._proxy
                )
        except (aiohttp.ClientError, OSError, ValueError) as error:  # a TimeoutError is an OSError
            raise self._failed(error, url.raw_host or "") from None

    async def open_socket(
        self, url: URL, headers: CIMultiDict[str], protocols: list[str], compress: bool, limit_bytes: int
    ) -> ProviderSocket:
        """Opens a WebSocket. Raises Declined with the answer of a provider that does not want one, and Failed
        as `send` does. Text comes as bytes, and close frames are left to the caller."""
        try:
            async with asyncio.timeout(self._first_byte_s):
                opened = await self._sockets.ws_connect(
                    url,
                    headers=headers,
                    protocols=protocols,
                    autoclose=False,
                    timeout=aiohttp.ClientWSTimeout(ws_close=SOCKET_CLOSE_S),
                    compress=15 if compress else 0,
                    max_msg_size=limit_bytes,
                    proxy=self._proxy,
                    decode_text=False,
                )
        except (aiohttp.ClientError, OSError, ValueError) as error:  # a TimeoutError is an OSError
            raise self._failed(error, url.raw_host or "") from None
        assert isinstance(opened, ProviderSocket)
        return opened

    def _failed(self, error: Exception, host: str) -> Failed:
        """What went wrong, without the texts of foreign exceptions: they quote the provider's bytes."""
        cause = getattr(error, "os_error", None) or error
        if isinstance(cause, NotAdmitted):
            return _no_answer("not_admitted", str(cause))
        if isinstance(error, (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError)):
            problem = _certificate_problem(error)
            return _no_answer("bad_certificate", f"the certificate of {host} cannot be trusted ({problem})")
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return _no_answer(
                "connect_timeout", f"{host} did not accept a connection in time", kind=RefusalKind.TIMEOUT
            )
        if isinstance(error, TimeoutError):
            message = f"{host} did not answer within {self._first_byte_s:g} s"
            return _no_answer("first_byte_timeout", message, kind=RefusalKind.TIMEOUT, sent=True)
        if isinstance(error, aiohttp.ClientConnectorError):
            reason = error.strerror or type(cause).__name__
            return _no_answer("connect_error", f"{host} could not be reached ({reason})")
        if isinstance(error, aiohttp.ClientHttpProxyError):
            message = f"the parent proxy did not let the connection to {host} through ({error.status})"
            return _no_answer("parent_proxy", message)
        message = f"{host} ended the connection before it answered, or its answer is not HTTP"
        return _no_answer("connection_lost", message, sent=True)

    async def close(self) -> None:
        await self._sockets.close()
        await self._session.close()


def _no_answer(
    code: str, message: str, *, kind: RefusalKind = RefusalKind.UNREACHABLE, sent: bool = False
) -> Failed:
    return Failed(Refusal(kind, code, f"Sluiceway: no answer from the provider: {message}."), sent=sent)


def _certificate_problem(error: Exception) -> str:
    cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return cause.verify_message
    if isinstance(cause, ssl.SSLError):
        return (cause.reason or "TLS error").replace("_", " ").lower()
    return type(cause).__name__

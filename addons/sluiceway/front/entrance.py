"""Hands one client connection to mitmproxy, as mitmproxy's own server instances do, with our Master."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mitmproxy import connection
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.master import Master
from mitmproxy.proxy.layers.modes import HttpProxy
from mitmproxy.proxy.mode_servers import ProxyConnectionHandler
from mitmproxy.proxy.mode_specs import ProxyMode


async def admit(
    master: Master,
    proxyserver: Proxyserver,
    mode: ProxyMode,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    note: Callable[[connection.Client], None] = lambda client: None,
) -> None:
    """Carries the connection to its end. `note` hears of the client before its first byte is read."""
    handler = ProxyConnectionHandler(master, reader, writer, master.options, mode)
    handler.layer = HttpProxy(handler.layer.context)
    note(handler.client)
    with proxyserver.register_connection(handler.client.id, handler):
        await handler.handle_client()


def mode_at(host: str, port: int) -> ProxyMode:
    """mitmproxy's name for an ordinary proxy at this address."""
    return ProxyMode.parse(f"regular@{host}:{port}")

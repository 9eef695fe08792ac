"""Watches for people who were disabled or whose token, port or lease has ended, and cuts their raw tunnels.

Decrypted connections need no watching: each of their requests is checked by the gateway.
"""

from __future__ import annotations

import asyncio
import logging

from mitmproxy import connection
from mitmproxy.addons.proxyserver import Proxyserver

from sluiceway.front.visit import Parts, Visits
from sluiceway.types import Identity

logger = logging.getLogger(__name__)

POLL_S = 1.0


class Revocations:
    """One task from `start` to `stop`. It also brings in what other processes changed about people."""

    def __init__(self, parts: Parts, visits: Visits, proxyserver: Proxyserver) -> None:
        self._parts = parts
        self._visits = visits
        self._proxyserver = proxyserver
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._watch())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _watch(self) -> None:
        failing = ""
        while True:
            await asyncio.sleep(POLL_S)
            try:
                await self._parts.store.refresh_directory()
                self._cut_revoked()
            except Exception as error:
                why = type(error).__name__
                if why != failing:  # once: a database may be away for hours
                    logger.error("watching for revocations failed, until further notice: %s", why)
                failing = why
                continue
            if failing:
                logger.warning("revocations are watched again")
            failing = ""

    def _cut_revoked(self) -> None:
        directory = self._parts.store.directory
        for client, visit in self._visits.tunnels():
            who = visit.identity
            if isinstance(who, Identity) and directory.problem(who, client.peername[0]) is not None:
                cut(self._proxyserver, client)


def cut(proxyserver: Proxyserver, client: connection.Client) -> None:
    """Closes a client's connection, if it is still open."""
    handler = proxyserver.connections.get(client.id)
    if handler is not None and client in handler.transports:
        handler.close_connection(client)

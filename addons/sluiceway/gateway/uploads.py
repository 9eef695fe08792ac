"""Uploaded files: those of requests for a batch are read, all others pass as they come, however large.

A field of the form says which it is, and nearly all clients send it before the file. Where it is not among
the first bytes, the form is read whole, within the limit of bodies.
"""

from __future__ import annotations

from dataclasses import replace

from sluiceway.errors import Refused, WireError
from sluiceway.gateway import body, decoding, refusals
from sluiceway.gateway.exchange import Exchange
from sluiceway.settings.providers import UNMETERED
from sluiceway.wire import multipart
from sluiceway.wire.openai_batches import PURPOSE

HEAD_BYTES = 8192


async def sort_out(exchange: Exchange, idle_s: float) -> None:
    """Takes the upload of a file that is for no batch out of what is metered."""
    if exchange.dialect is None or exchange.route is None or exchange.operation != "batch_file":
        return
    request = exchange.request
    if not decoding.is_plain(request.headers.get("content-encoding", "")):
        return
    try:
        exchange.begun = await body.beginning(request, _is_enough, idle_s)
    except WireError as error:
        raise Refused(refusals.unreadable(error)) from None
    if multipart.first_text(exchange.begun, "purpose") not in (None, PURPOSE):
        exchange.route = replace(exchange.route, dialect=None, operation=UNMETERED)
        exchange.dialect = None


def _is_enough(begun: bytes) -> bool:
    return len(begun) >= HEAD_BYTES or multipart.first_text(begun, "purpose") is not None

"""Uploaded files: those of requests for a batch are read, all others pass as they come, however large.

Which they are their first bytes say: OpenAI's forms have a field for it, which nearly all clients send before
the file (else the form is read whole, within the limit of bodies); of Gemini's, which come bare, the first
line. A file that is uploaded in pieces is not read, and a batch of it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sluiceway.errors import Refused, WireError
from sluiceway.gateway import body, decoding, refusals
from sluiceway.gateway.exchange import Exchange
from sluiceway.settings.providers import UNMETERED
from sluiceway.wire import gemini_batches, multipart, openai_batches

HEAD_BYTES = 8192


@dataclass(frozen=True, slots=True)
class _Sort:
    """How uploads of one kind are told apart: as soon as a beginning is `told`, whether it is `for_batch`."""

    told: Callable[[bytes], bool]
    for_batch: Callable[[bytes], bool]
    in_pieces: Callable[[Mapping[str, str]], bool] = lambda headers: False


async def sort_out(exchange: Exchange, idle_s: float) -> None:
    """Takes the upload of a file that is for no batch out of what is metered."""
    sort = _SORTS.get(exchange.dialect.name) if exchange.dialect is not None else None
    request = exchange.request
    if sort is None or not decoding.is_plain(request.headers.get("content-encoding", "")):
        return
    if not sort.in_pieces(request.headers):
        try:
            exchange.begun = await body.beginning(
                request, lambda begun: len(begun) >= HEAD_BYTES or sort.told(begun), idle_s
            )
        except WireError as error:
            raise Refused(refusals.unreadable(error)) from None
        if sort.for_batch(exchange.begun):
            return
    assert exchange.route
    exchange.route = replace(exchange.route, dialect=None, operation=UNMETERED)
    exchange.dialect = None


def _purpose(begun: bytes) -> str | None:
    return multipart.first_text(begun, "purpose")


def _in_pieces(headers: Mapping[str, str]) -> bool:
    """Google's resumable uploads: begun by one request, and the content in others, mostly in one."""
    command = headers.get("x-goog-upload-command", "")
    return "finalize" not in command or headers.get("x-goog-upload-offset", "0") != "0"


_SORTS: Mapping[str, _Sort] = {
    "openai_files": _Sort(
        lambda begun: _purpose(begun) is not None,
        lambda begun: _purpose(begun) in (None, openai_batches.PURPOSE),
    ),
    "gemini_files": _Sort(lambda begun: b"\n" in begun, gemini_batches.holds_requests, _in_pieces),
}

"""The answer on its way back: chunks pass at once, the tap counts them, and a cap can end the stream."""

from __future__ import annotations

import asyncio
import logging

import aiohttp
from aiohttp import web

from sluiceway.errors import WireError
from sluiceway.gateway import decoding, headers
from sluiceway.gateway.allowance import Allowance
from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.server import Relayed
from sluiceway.gateway.settlement import Settlement
from sluiceway.gateway.upstream import Failed
from sluiceway.gateway.watch import Watch
from sluiceway.types import Outcome, Refusal, RefusalKind
from sluiceway.wire.dialect import Tap

logger = logging.getLogger(__name__)

# A decoded answer this large is more than any model writes: the stream ends there.
DECODED_ANSWER_BYTES = 256 * 1024 * 1024
CUT_SHORT = "the provider ended its answer before it was complete"
SILENT = "the provider sent nothing for too long"


class Flow:
    """One answer's passage: the provider's chunks in, the client's chunks out, the tap beside them.

    Raises Failed if nothing fit for the client came, WireError for an answer that must not be passed on.
    """

    def __init__(
        self,
        exchange: Exchange,
        answer: aiohttp.ClientResponse,
        allowance: Allowance | None,
        contact: str,
        idle_s: float,
    ) -> None:
        self._exchange = exchange
        self._answer = answer
        self._allowance = allowance
        self._contact = contact
        self._tap = self._make_tap()
        # The chunk with the usage the client did not ask for is taken out of its stream.
        self._altered = bool(exchange.call and exchange.call.usage_added) and self._is_good
        self._decoder = self._make_decoder() if self._tap else None
        self._plain_bytes = 0
        self._reply = self._make_reply()
        self._watch = Watch(idle_s, answer, exchange.request)
        self._outcome = Outcome.CLIENT_CANCELLED
        self._whole = False

    async def relay(self, settlement: Settlement) -> web.StreamResponse:
        """Passes the answer on. Settles, whatever happens, before it returns or raises (unless it raises
        Failed: then somebody else answers, and settles by that)."""
        try:
            reply = await self._run()
        except Failed:
            raise
        except asyncio.CancelledError, ConnectionError:
            self._settle(settlement)
            raise
        except Exception:
            self._outcome = Outcome.INTERNAL_ERROR
            self._settle(settlement)
            raise
        else:
            self._settle(settlement)
            return reply
        finally:
            self._watch.stop()
            if not self._whole:
                self._answer.close()  # an unfinished answer must not go back to the pool

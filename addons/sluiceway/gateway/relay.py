"""The answer on its way back: chunks pass at once, the tap counts them, and a cap can end the stream."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import cache
from typing import cast

import aiohttp
from aiohttp import web

from sluiceway.errors import WireError
from sluiceway.gateway import decoding, headers, refusals
from sluiceway.gateway.allowance import Allowance
from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.restoring import Restoring
from sluiceway.gateway.scrub import Scrubber
from sluiceway.gateway.server import Relayed
from sluiceway.gateway.settlement import Settlement
from sluiceway.gateway.telling import told
from sluiceway.gateway.upstream import Failed
from sluiceway.gateway.watch import Watch
from sluiceway.types import Answer, Outcome, Refusal
from sluiceway.wire import eventstream
from sluiceway.wire.answer_parts import is_readable
from sluiceway.wire.dialect import ReadsHeaders, Tap
from sluiceway.wire.later import Follower, Job, follow, is_whole

logger = logging.getLogger(__name__)

_STREAMS = frozenset({"text/event-stream", eventstream.CONTENT_TYPE})
# A decoded answer this large is more than any model writes: it ends there.
DECODED_ANSWER_BYTES = 256 * 1024 * 1024


@cache  # of a handful of classes; to look whether one has a method is slow
def _reads_headers(kind: type) -> bool:
    return issubclass(kind, ReadsHeaders)


class Flow:
    """One answer's passage: the provider's chunks in, the client's chunks out, the tap beside them.

    A metered stream reaches the client without content-encoding and length, because we may have to take the
    usage chunk out of it or to write its end, and so does an answer into which masked values are put back;
    all others pass byte for byte.
    """

    def __init__(
        self,
        exchange: Exchange,
        answer: aiohttp.ClientResponse,
        *,
        contact: str,
        idle_s: float,
        allowance: Allowance | None = None,
        head: bytes = b"",
        begun: Callable[[], None] | None = None,
    ) -> None:
        self._begun = begun  # called once, when the client has the first bytes
        self._head = head  # was read already, and comes first
        self._exchange = exchange
        self._answer = answer
        self._allowance = allowance
        self._contact = contact
        self._watch = Watch(idle_s, answer, exchange.request)
        key = exchange.company_key
        self._scrubber = None if key is None else Scrubber(key.secret)
        self.on_job: Callable[[Job], None] | None = None  # told of a job that is over
        self._follower: Follower | None = None
        self._held: list[bytes] = []
        self._settlement: Settlement | None = None
        self._tap: Tap | None = None
        self._restoring: Restoring | None = None
        self._decoder: decoding.Decoder | None = None
        self._plain_bytes = 0  # of the last chunk, decoded
        self._outcome = Outcome.CLIENT_CANCELLED
        self._whole = False
        self._unanswered = False
        self._interrupted = False

    async def relay(self, settlement: Settlement) -> web.StreamResponse:
        """Passes the answer on, and settles before it returns or raises. Only Failed is left to the caller,
        who then answers in the provider's place and settles by that."""
        self._settlement = settlement
        settlement.began(self._answer.status, self._answer.headers.items())
        try:
            return await self._run(self._open())
        except (Failed, ConnectionError):
            raise
        except Exception:
            self._outcome = Outcome.INTERNAL_ERROR
            raise
        finally:
            self._watch.stop()
            if not self._whole:
                self._answer.close()  # an unfinished answer must not go back to the pool
            if not self._unanswered:
                self._settle(settlement)
            self._tell_job()

    def interrupt(self) -> None:
        """The drain is over: the answer ends here, as the provider's would with an error of its own."""
        self._interrupted = True
        self._answer.close()  # wakes whoever reads it

    @property
    def _is_good(self) -> bool:
        return 200 <= self._answer.status < 300

    @property
    def _is_metered_stream(self) -> bool:
        call = self._exchange.call
        return call is not None and call.stream and self._is_good

    @property
    def _is_rewritten(self) -> bool:
        crosses = self._exchange.crossing is not None
        return self._is_metered_stream or self._restoring is not None or crosses

    def _open(self) -> Relayed:
        """The tap and its decoder for this answer, and the head of the client's."""
        exchange, answer = self._exchange, self._answer
        whole = is_whole(answer.status, exchange.query, exchange.request.headers)
        if exchange.route is not None and exchange.route.collects and whole:
            self._follow(exchange.route.collects)
        if exchange.dialect is not None and exchange.call is not None:
            self._tap = exchange.dialect.tap(exchange.call, answer.status, answer.content_type)
            if _reads_headers(type(self._tap)):
                told = {name.lower(): value for name, value in answer.headers.items()}
                cast(ReadsHeaders, self._tap).headers(told)
            dialect, call, kind = exchange.dialect, exchange.call, answer.content_type
            if (crossing := exchange.crossing) is not None:
                self._tap = crossing.tap(self._tap, answer.status, kind, exchange.request_id)
                dialect, call, kind = crossing.dialect, crossing.call, crossing.kind(answer.status, kind)
            if exchange.trail is not None and self._is_good:
                clean = None if self._scrubber is None else self._scrubber.header
                self._tap = exchange.trail.hearing(self._tap, dialect, call, kind, clean)
            encoding = answer.headers.get("content-encoding", "")
            if not decoding.is_plain(encoding):
                self._decoder = decoding.decoder(encoding, DECODED_ANSWER_BYTES)
                if self._decoder is None and self._is_good:
                    raise self._fail(refusals.UNREADABLE_ANSWER)
            if exchange.originals and self._is_good and is_readable(kind):
                self._restoring = Restoring(exchange.originals, dialect, call, kind)
        try:
            fields = headers.to_client(answer.headers, exchange.own_headers().items())
        except WireError:
            raise self._fail(refusals.MALFORMED_ANSWER) from None
        status, reason = answer.status, answer.reason
        if exchange.crossing is not None:
            fields, reason = exchange.crossing.fields(fields, status, answer.content_type), None
            status = exchange.crossing.status(status)
        if self._scrubber is not None:
            if not self._is_rewritten and not decoding.is_plain(answer.headers.get("content-encoding", "")):
                raise self._fail(refusals.UNREADABLE_ANSWER)  # we asked for a plain one
            fields, reason = self._scrubber.headers(fields), reason and self._scrubber.header(reason)
        if self._is_rewritten:
            fields.popall("content-length", None)
            fields.popall("content-encoding", None)
        return Relayed(status, reason, fields)

    def _follow(self, form: str) -> None:
        """Reads along what an earlier request used; an encoding that nobody asked for hides it."""
        encoding = self._answer.headers.get("content-encoding", "")
        if not decoding.is_plain(encoding):
            self._decoder = decoding.decoder(encoding, DECODED_ANSWER_BYTES)
            if self._decoder is None:
                return
        self._tap = self._follower = follow(form, self._exchange.path, self._answer.content_type)

    def _tell_job(self) -> None:
        job = self._follower.job() if self._follower else None
        if job is not None and self.on_job is not None:
            self.on_job(job)

    async def _put_off(self, out: bytes, more: bool) -> bytes:
        """Before a client learns of a job in the background, its row waits for it on disk: so much of the
        answer is held back."""
        call = self._exchange.call
        waits = call is not None and (call.background or call.operation == "batch_file")
        if call is None or not waits or not self._is_good or not self._tap:
            return out
        seen = self._tap.answer()
        if self._settlement and seen.response_id and not seen.complete:
            await self._settlement.put_off(self._answer.status, seen)
        if call.stream:
            return out
        self._held.append(out)
        return b"" if more else b"".join(self._held)

    async def _run(self, reply: Relayed) -> web.StreamResponse:
        request = self._exchange.request
        if self._answer.content_type in _STREAMS and not self._answer.content.total_bytes:
            await reply.begin(request)  # the client's clock may start with the headers
        while True:
            try:
                out, more = await self._next()
            except (aiohttp.ClientError, OSError, WireError):
                out, more = self._broken(reply), False
            out = await self._put_off(out, more)
            if self._scrubber is not None:
                out = self._scrubber.feed(out) + (b"" if more else self._scrubber.rest())
            self._watch.writing()
            if not more:
                break
            if out:
                await reply.prepare(request)
                await reply.write(out)
                self._note_begun()
        await reply.prepare(request)
        await reply.write_eof(out)
        self._note_begun()
        return reply

    def _note_begun(self) -> None:
        if self._begun is None:
            return
        seen = self._seen()
        if self._is_good and (seen is None or seen.error_type is None):
            self._begun()
        self._begun = None

    async def _next(self) -> tuple[bytes, bool]:
        """The client's bytes for the provider's next ones, and whether more follow."""
        content = self._answer.content
        self._watch.reading()
        chunk = self._head or await content.readany()
        self._head = b""
        if not self._exchange.first_s:
            self._exchange.first_s = time.monotonic()
        out = self._show(chunk)
        if content.at_eof():
            return self._restored(out + self._finish(), last=True), False
        if await self._is_spent():
            return self._restored(out + self._cut(), last=True), False
        return self._restored(out), True

    def _restored(self, out: bytes, last: bool = False) -> bytes:
        """The client's bytes with masked values put back, where there are any."""
        if self._restoring is None:
            return out
        restored = self._restoring.feed(out)
        return restored + self._restoring.finish() if last else restored

    def _show(self, chunk: bytes) -> bytes:
        """Shows a chunk to the tap; what the client gets for it."""
        self._plain_bytes = len(chunk)
        if self._tap is None:
            return chunk
        if self._decoder is None:
            return self._tap.feed(chunk)
        self._plain_bytes, shown = 0, []
        for piece in self._decoder.feed(chunk):
            self._plain_bytes += len(piece)
            plain = self._tap.feed(piece)
            if self._is_rewritten:
                shown.append(plain)
        return b"".join(shown) if self._is_rewritten else chunk

    async def _is_spent(self) -> bool:
        """Whether the caps carry no more of this stream. One whose ending was seen costs no more."""
        if self._allowance is None or self._tap is None:
            return False
        covered = await self._allowance.covers(self._tap, self._plain_bytes)
        return not covered and not self._tap.answer().complete

    def _finish(self) -> bytes:
        """The provider's answer has ended by itself, which is not always its dialect's ending."""
        self._whole = True
        rest = self._tap.finish() if self._tap else b""
        self._outcome = self._final_outcome()
        return rest

    def _final_outcome(self) -> Outcome:
        seen = self._seen()
        if not self._is_good and (seen is not None or self._answer.status >= 400):
            return Outcome.UPSTREAM_ERROR
        if seen is None or seen.complete or not self._is_metered_stream:
            return Outcome.OK
        return Outcome.UPSTREAM_ERROR if seen.error_type else Outcome.TRUNCATED

    def _cut(self) -> bytes:
        """The cap is reached: the stream ends the way the provider ends one at its token limit."""
        assert self._tap and self._allowance
        self._outcome = Outcome.CAPPED
        self._answer.close()  # at once: the provider bills what it sends while the client takes this
        return self._tap.cut(self._allowance.last_words())

    def _broken(self, reply: Relayed) -> bytes:
        """The provider's side died: say so in its own form, or drop the connection where there is none."""
        refusal = self._breakage()
        if not reply.prepared:
            raise self._fail(refusal)
        seen = self._seen()
        if seen is not None and seen.complete and reply.content_length is None:
            self._outcome = Outcome.OK
            return self._restored(b"", last=True)
        self._outcome = Outcome.TRUNCATED
        ending = self._tap.fail(told(refusal, self._contact), self._exchange.request_id) if self._tap else b""
        if not ending:
            # A JSON answer cut in the middle: only a broken connection tells the client the truth.
            raise ConnectionResetError(refusal.code)
        return self._restored(ending, last=True)

    def _breakage(self) -> Refusal:
        if self._interrupted:
            return refusals.RESTARTING
        return refusals.SILENT if self._watch.expired else refusals.BROKEN_OFF

    def _fail(self, refusal: Refusal) -> Failed:
        self._unanswered = True
        return Failed(refusal, sent=True, status=self._answer.status)

    def _seen(self) -> Answer | None:
        """What is known of the answer; None where nothing is metered."""
        if self._exchange.call is None:
            return None
        return self._tap.answer() if self._tap else Answer()

    def _settle(self, settlement: Settlement) -> None:
        """By what the tap saw. A client that hung up after the provider's ending had its whole answer."""
        seen = self._seen()
        if self._outcome is Outcome.CLIENT_CANCELLED and seen is not None and seen.complete and self._is_good:
            self._outcome = Outcome.OK
        settlement.answered(self._answer.status, self._outcome, seen)

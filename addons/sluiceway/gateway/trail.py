"""What the audit keeps of one request: announced on disk before it is sent, handed over when its row ends.

Text is held in memory from the sending to the end, within the recorder's bound, and nowhere else; under a
rule that keeps metadata only, none is held. An answer too long to hold is kept up to there, and says so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence

from sluiceway.audit.parts import Part
from sluiceway.audit.recorder import Recorder
from sluiceway.audit.subject import End, Subject
from sluiceway.errors import StoreError
from sluiceway.types import Call, LedgerRow
from sluiceway.wire.answer_parts import is_readable
from sluiceway.wire.answer_text import TextCollector
from sluiceway.wire.dialect import Dialect, Tap

logger = logging.getLogger("sluiceway.audit")

KEPT_CHARACTERS = 4 << 20  # of one answer
CUT = "\n[Sluiceway: the answer went on; no more of it is kept]"
_UNDER_WAY: set[asyncio.Task[None]] = set()  # the loop itself keeps no hold on its tasks


class Trail:
    """One audited request. `sent`: it went on its way; what never did is not kept."""

    def __init__(self, recorder: Recorder, subject: Subject, parts: Sequence[Part]) -> None:
        self.subject = subject
        self.sent = False
        self._recorder = recorder
        self._held_bytes = sum(part.size_bytes for part in parts)
        self._held = bool(parts) and recorder.hold(self._held_bytes)
        self._parts: Sequence[Part] = parts if self._held else ()
        self._lost = bool(parts) and not self._held
        self._collector: TextCollector | None = None
        self._begun: asyncio.Task[None] | None = None
        self._clean: Callable[[str], str] | None = None

    @property
    def state(self) -> str:
        """The word for `x-sluiceway-audit` and the ledger."""
        return self.subject.mode if self.sent else "off"

    async def begin(self) -> None:
        """On disk when this returns. Raises StoreError."""
        self._begun = asyncio.get_running_loop().create_task(self._recorder.begin(self.subject))
        await asyncio.shield(self._begun)
        self.sent = True

    def hearing(
        self,
        tap: Tap,
        dialect: Dialect,
        call: Call,
        content_type: str,
        clean: Callable[[str], str] | None = None,
    ) -> Tap:
        """A tap that also collects the answer's text, where it is kept. `clean` takes the company's key out
        of it, should the provider have echoed it."""
        self._clean = clean
        if self.subject.mode != "redacted" or self._lost or not is_readable(content_type):
            return tap
        self._collector = TextCollector(dialect, call, content_type, KEPT_CHARACTERS)
        return _Hearing(tap, self._collector)

    def ended(self, row: LedgerRow) -> None:
        """The row has ended, and with it what is kept. Called once, on the loop; never raises."""
        if self.sent:
            self._record(End(row.ended_at, str(row.outcome), row.status, row.model_served))
        elif self._begun is not None:
            _soon(self._abandon(self._begun))
        self._parts = ()
        if self._held:
            self._recorder.release(self._held_bytes)
            self._held = False

    def _record(self, end: End) -> None:
        if self._lost:
            self._recorder.lose(self.subject, end)
        else:
            self._recorder.record(self.subject, end, self._parts, self._heard())

    def _heard(self) -> Part | None:
        if self._collector is None:
            return None
        self._collector.finish()
        blocks = self._collector.texts()
        if not blocks and not self._collector.truncated:
            return None
        texts = (each.text if each.kind == "text" else f"[{each.kind}]\n{each.text}" for each in blocks)
        text = "\n".join(texts) + (CUT if self._collector.truncated else "")
        return Part("assistant", text if self._clean is None else self._clean(text))

    async def _abandon(self, begun: asyncio.Task[None]) -> None:
        await asyncio.wait((begun,))  # the client may have gone while the disk was at work
        if begun.cancelled() or begun.exception() is not None:
            return
        try:
            await self._recorder.abandon(self.subject)
        except StoreError:
            logger.error("a request that was not sent could not be taken out of the audit")


class _Hearing:
    """A tap whose answer is listened to."""

    def __init__(self, tap: Tap, collector: TextCollector) -> None:
        self._tap, self._collector = tap, collector
        self.cut, self.fail, self.answer = tap.cut, tap.fail, tap.answer

    @property
    def between_events(self) -> bool:
        return self._tap.between_events

    def feed(self, chunk: bytes) -> bytes:
        return self._heard(self._tap.feed(chunk))

    def finish(self) -> bytes:
        return self._heard(self._tap.finish())

    def _heard(self, out: bytes) -> bytes:
        if out:
            self._collector.feed(out)
        return out


def _soon(work: Coroutine[None, None, None]) -> None:
    task = asyncio.get_running_loop().create_task(work)
    _UNDER_WAY.add(task)
    task.add_done_callback(_UNDER_WAY.discard)

"""Money for one stream while it runs: watches its output against its reservation and tops that up in time."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from math import ceil

from sluiceway.errors import StoreError
from sluiceway.gateway.parts import GatewayParts
from sluiceway.gateway.reservation import LONGEST_TOKENS, Estimate, again
from sluiceway.store.records import Granted
from sluiceway.types import Answer, Call
from sluiceway.wire.dialect import Metered

# Topping up looks this far ahead, so that a stream seldom waits for the store.
AHEAD_TOKENS = 256
# A token is at least this many decoded bytes of a stream: what may pass before the next look.
STREAM_BYTES_PER_TOKEN = 2
NEVER = 2**63


class Allowance:
    """What one stream may still say. Only for streams under caps: others run to their end.

    More money is asked for while the stream goes on, so that what the provider sends is read as it comes: of
    what piles up while one waits, the provider bills all. Once the caps have no more, the stream ends before
    the chunk that would pass them, not with it.
    """

    def __init__(self, parts: GatewayParts, granted: Granted, guess: Estimate, call: Call) -> None:
        self._parts = parts
        self._reservation = granted.reservation
        self._guess = guess
        self._call = call
        self._nusd = granted.nusd if granted.remaining_nusd is not None else None
        self._tokens = granted.tokens if granted.remaining_tokens is not None else None
        self._began_s = time.monotonic()
        self._chunks = self._passed_bytes = self._look_at_bytes = 0
        self._asking: asyncio.Task[None] | None = None
        self._ask_took_s = 0.0
        self._is_spent = False  # the caps had less than was asked for last
        self._is_away = False  # the ledger could not be asked

    async def covers(self, tap: Metered, length: int) -> bool:
        """Whether the stream may go on after these `length` decoded bytes, which the tap has seen. False: end
        it here."""
        self._chunks += 1
        self._passed_bytes += length
        if self._passed_bytes < self._look_at_bytes:
            return True
        answer = tap.answer()
        seen = self._seen_tokens(answer)
        left = self._affordable() - seen
        if self._whole_answer_is_reserved():
            self._look_at_bytes = NEVER  # all that the provider may send is paid for
            return left >= 0
        if left >= AHEAD_TOKENS:
            self._look_at_bytes = self._passed_bytes + (left - AHEAD_TOKENS) * STREAM_BYTES_PER_TOKEN
            return True
        due = self._due(self._shown_tokens(answer), length)
        asking = self._ask(seen, left, due)
        if left < due:
            await asking
            left = self._affordable() - seen
            if left < 0 and not self._is_spent:  # that was asked before this chunk came: not for all of it
                await self._ask(seen, left, due)
                left = self._affordable() - seen
        return left >= (due if self._is_spent else 0)

    def last_words(self) -> str:
        """What a stream is told that ends here: by which budget, until when, whom to ask."""
        if self._is_away:
            return (
                "[Sluiceway: the ledger cannot be written at the moment, so this answer ends here. "
                f"Try again in a little while. Ask {self._parts.contact} if it stays so.]"
            )
        by_money = LONGEST_TOKENS * 1000 if self._nusd is None else self._guess.affordable(self._nusd)
        unit = "tokens" if self._affordable() < by_money else "usd"
        known = self._parts.store.ledger.spent
        holding = [cap for cap in self._reservation.caps if cap.unit == unit and cap.holds]
        cap = min(holding, key=lambda each: each.limit - (known(each) or 0), default=None)
        if cap is None:
            return f"[Sluiceway: a budget is used up, so this answer ends here. Ask {self._parts.contact}.]"
        contact = self._parts.rules.policy.contact(cap.rule) or self._parts.contact
        return (
            f"[Sluiceway: the budget '{cap.rule}' is used up, so this answer ends here."
            f"{again(cap, self._parts)} Ask {contact}.]"
        )

    def _due(self, shown_tokens: int, length: int) -> int:
        """What may come before the next look: a chunk like the last or like most, and what is sent while the
        store is asked."""
        last = shown_tokens * length / max(1, self._passed_bytes)
        elapsed_s = max(time.monotonic() - self._began_s, self._ask_took_s, 0.001)
        return ceil(max(last, shown_tokens / self._chunks, shown_tokens * self._ask_took_s / elapsed_s))

    def _ask(self, seen_tokens: int, left_tokens: int, due_tokens: int) -> asyncio.Task[None]:
        """Asks for a good piece more, and what the stream has run ahead of its money by: one chunk may hold a
        lot. One question at a time."""
        if self._asking is None or self._asking.done():
            wanted = max(AHEAD_TOKENS * 2, seen_tokens // 4, due_tokens) + max(0, -left_tokens)
            self._asking = asyncio.get_running_loop().create_task(self._top_up(wanted))
        return self._asking

    async def _top_up(self, wanted_tokens: int) -> None:
        began_s, more = time.monotonic(), self._parts.store.ledger.top_up
        spent = away = False
        try:
            if self._nusd is not None:
                nusd = int(wanted_tokens * self._guess.token_nusd) + 1
                got = await more(self._reservation, nusd)
                self._nusd += got
                spent = got < nusd
            if self._tokens is not None:
                got = await more(self._reservation, wanted_tokens, "tokens")
                self._tokens += got
                spent = spent or got < wanted_tokens
        except StoreError:
            spent = away = True  # no more money can be had while the ledger cannot be written
        self._is_spent, self._is_away = spent, away
        self._ask_took_s = time.monotonic() - began_s

    def _seen_tokens(self, answer: Answer) -> int:
        """Output so far, by the provider's count where it gives one on the way, else by its bytes. Input that
        turns out larger than it was guessed is made good here."""
        told = answer.usage.input_tokens
        if told is not None and told > self._guess.input_tokens:
            each = self._guess.input_nusd / max(1, self._guess.input_tokens)
            self._guess = replace(self._guess, input_tokens=told, input_nusd=int(told * each) + 1)
        seen = self._shown_tokens(answer)
        if self._call.max_output_tokens is not None:
            seen = min(seen, self._call.max_output_tokens * self._call.choices)
        return max(seen, answer.usage.output_tokens or 0)

    def _shown_tokens(self, answer: Answer) -> int:
        """Output by its bytes."""
        return self._parts.learned.output_from_bytes(answer.output_bytes, self._call.model or "")

    def _whole_answer_is_reserved(self) -> bool:
        limited = self._call.max_output_tokens is not None
        return limited and self._affordable() >= self._guess.most_tokens

    def _affordable(self) -> int:
        """Output tokens that what is reserved pays for, by money and by count."""
        by_money = LONGEST_TOKENS * 1000 if self._nusd is None else self._guess.affordable(self._nusd)
        return by_money if self._tokens is None else min(by_money, self._tokens - self._guess.input_tokens)

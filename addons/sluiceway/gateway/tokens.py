"""Access tokens for company keys that are service accounts: minted, kept, and renewed before they end.

A token is renewed in the background some minutes before its end, if it was used at all; the old one serves
meanwhile. One renewal runs at a time for each account, with few tries, and after those nobody tries for a
while: however many ask, Google is asked seldom. Tokens live in memory alone; each process mints its own.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from sluiceway.audit.keyring import CompanyKey, KeyRing
from sluiceway.audit.service_account import ServiceAccount
from sluiceway.gateway.minting import CLOCK, Minted, NotMinted

logger = logging.getLogger(__name__)

# How long before its end a token is renewed, and by how much earlier at random: nodes that were started
# together do not all ask together.
MARGIN_S, JITTER_S = 300.0, 120.0
LEAST_S = 15.0  # a token with less than this left may end on its way
TRIES, FIRST_PAUSE_S = 4, 0.5
# After a round of tries has failed; doubled each time.
REST_S, LONGEST_REST_S = 5.0, 120.0
WAIT_S = 10.0  # the longest that a request waits for a token
ONCE_S = 60.0  # one 401 in so long a time may be the token's fault
NONE_IN_TIME, FAULT = "no_token_in_time", "internal_error"
_DICE = random.Random(secrets.randbits(256))  # noqa: S311 - spreads requests, guards nothing


@dataclass(frozen=True, slots=True)
class TokenState:
    """How one key's token stands. `problem`: why the last round of tries failed, a code."""

    label: str
    provider: str
    renewed_at: datetime | None
    good_until_at: datetime | None
    problem: str | None


@dataclass(slots=True)
class _Held:
    """One account and its token: `ready` is the key with it. Times in `_s` are on the monotonic clock."""

    key: CompanyKey = field(repr=False)
    ready: CompanyKey | None = field(default=None, repr=False)
    good_until_s: float = 0.0
    renewed_at: datetime | None = None
    good_until_at: datetime | None = None
    used: bool = False  # since it was minted
    renewal: asyncio.Task[None] | None = None
    timer: asyncio.TimerHandle | None = None
    problem: str | None = None
    rounds_failed: int = 0
    rests_until_s: float = 0.0
    discarded_s: float = float("-inf")

    def stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class Tokens:
    """All tokens of the process. On the event loop only."""

    def __init__(
        self,
        mint: Callable[[ServiceAccount], Awaitable[Minted]],
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._mint, self._clock, self._pause = mint, clock, pause
        self._held: dict[str, _Held] = {}

    async def filled(self, key: CompanyKey, within_s: float = WAIT_S) -> CompanyKey:
        """The key with a token that is good now. Raises NotMinted where none can be had."""
        if key.account is None:
            return key
        held = self._held.get(key.fingerprint)
        if held is None:
            held = self._held[key.fingerprint] = _Held(replace(key, secret=""))
        if self._good(held) is None:
            await self._wait(held, min(within_s, WAIT_S))
        if (ready := self._good(held)) is None:
            raise NotMinted(held.problem or NONE_IN_TIME)
        held.used = True
        return ready

    async def refilled(self, key: CompanyKey) -> CompanyKey | None:
        """The provider answered 401 to this token: the key with another. None: the token is not why."""
        held = self._held.get(key.fingerprint)
        if held is not None and held.ready is not None and held.ready.secret == key.secret:
            if self._clock() - held.discarded_s < ONCE_S:
                return None
            held.discarded_s, held.ready = self._clock(), None
            held.stop_timer()
        return await self.filled(key)

    def follow(self, keys: KeyRing) -> None:
        """These are the keys from now on; the tokens of all others are forgotten."""
        known = {each.fingerprint for each in keys.usable}
        for gone in [each for each in self._held if each not in known]:
            self._forget(self._held.pop(gone))

    def states(self, keys: KeyRing) -> list[TokenState]:
        """Of every key that is an account."""
        held = self._held
        return [_state(each, held.get(each.fingerprint)) for each in keys.usable if each.account is not None]

    async def close(self) -> None:
        """Forgets all; nothing runs on."""
        renewals = [held.renewal for held in self._held.values() if held.renewal is not None]
        for held in self._held.values():
            self._forget(held)
        self._held.clear()
        await asyncio.gather(*renewals, return_exceptions=True)

    def _good(self, held: _Held) -> CompanyKey | None:
        return held.ready if self._clock() < held.good_until_s else None

    async def _wait(self, held: _Held, within_s: float) -> None:
        """Until there is a token, a round of tries has failed, or it takes too long: that goes on for
        others."""
        if held.renewal is None and self._clock() < held.rests_until_s:
            return
        try:
            async with asyncio.timeout(within_s):
                await asyncio.wait((self._renewing(held),))
        except TimeoutError:
            pass

    def _renewing(self, held: _Held) -> asyncio.Task[None]:
        if held.renewal is None:
            held.stop_timer()
            held.renewal = asyncio.get_running_loop().create_task(self._renew(held))
        return held.renewal

    async def _renew(self, held: _Held) -> None:
        try:
            minted = await self._minted(held)
        except NotMinted as error:
            self._failed(held, error.why)
        except Exception as error:
            # Only the class: the texts of foreign exceptions may quote what they choked on.
            logger.error("an access token could not be asked for: %s", type(error).__name__)
            self._failed(held, FAULT)
        else:
            self._took(held, minted)
        finally:
            held.renewal = None

    async def _minted(self, held: _Held) -> Minted:
        """One round of tries. Raises NotMinted, the last reason."""
        assert held.key.account
        for left in reversed(range(TRIES)):
            try:
                return await self._mint(held.key.account)
            except NotMinted as error:
                if error.why == CLOCK:
                    logger.warning("this machine's clock is %+d s off Google's; set it", -error.skew_s)
                if error.final or not left:
                    raise
            await self._pause(_drawn(FIRST_PAUSE_S * 2 ** (TRIES - 1 - left)))
        raise AssertionError("unreachable")

    def _took(self, held: _Held, minted: Minted) -> None:
        if held.problem is not None:
            logger.warning("the company key '%s' has an access token again", held.key.label)
        now_at = datetime.now(UTC)
        held.ready = replace(held.key, secret=minted.token)
        held.good_until_s = self._clock() + minted.lasts_s - LEAST_S
        held.renewed_at, held.good_until_at = now_at, now_at + timedelta(seconds=minted.lasts_s)
        held.used, held.problem, held.rounds_failed = False, None, 0
        early_s = MARGIN_S + _DICE.uniform(0, JITTER_S)
        self._later(held, max(minted.lasts_s / 2, minted.lasts_s - early_s))

    def _failed(self, held: _Held, why: str) -> None:
        if why != held.problem:
            logger.warning("no access token for the company key '%s': %s", held.key.label, why)
        held.problem = why
        rest_s = _drawn(min(REST_S * 2**held.rounds_failed, LONGEST_REST_S))
        held.rounds_failed = min(held.rounds_failed + 1, 8)
        held.rests_until_s = self._clock() + rest_s
        if self._good(held) is not None:
            self._later(held, rest_s)

    def _later(self, held: _Held, delay_s: float) -> None:
        if self._held.get(held.key.fingerprint) is held:
            held.timer = asyncio.get_running_loop().call_later(delay_s, self._due, held)

    def _due(self, held: _Held) -> None:
        """Time to renew. One that nobody used is let go: whoever comes next waits a moment for another."""
        held.timer = None
        if held.used:
            self._renewing(held)
        elif held.renewal is None:
            self._held.pop(held.key.fingerprint, None)

    def _forget(self, held: _Held) -> None:
        held.stop_timer()
        held.ready = None
        if held.renewal is not None:
            held.renewal.cancel()


def _drawn(about_s: float) -> float:
    return about_s * _DICE.uniform(0.75, 1.25)


def _state(key: CompanyKey, held: _Held | None) -> TokenState:
    if held is None:
        return TokenState(key.label, key.provider, None, None, None)
    until_at = held.good_until_at if held.ready is not None else None
    return TokenState(key.label, key.provider, held.renewed_at, until_at, held.problem)

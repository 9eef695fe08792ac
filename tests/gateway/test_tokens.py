"""Access tokens over hours of a clock that is set: renewed in time, seldom asked for, never sent too late."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties import examples

from sluiceway.audit.keyring import CompanyKey, KeyRing
from sluiceway.audit.service_account import ServiceAccount
from sluiceway.gateway.minting import Minted, NotMinted
from sluiceway.gateway.tokens import ONCE_S, TRIES, WAIT_S, Tokens

ACCOUNT = ServiceAccount("gateway@acme-1.iam.gserviceaccount.com", "not looked at", None)
KEY = CompanyKey("main-vertex", "vertex", "f" * 16, "", ACCOUNT)
PLAIN = CompanyKey("plain", "vertex", "e" * 16, "ya29.a-plain-key")
HOUR_S = 3600.0


class Leaping(selectors.DefaultSelector):
    """Does not wait: the loop's clock leaps to when the next timer is due."""

    now_s = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout > 0:
            self.now_s += timeout
        return super().select(0)


@dataclass
class Google:
    """Mints by what it is told: a token each time, unless `fails` says why not. `takes_s`: for an answer."""

    loop: asyncio.AbstractEventLoop
    takes_s: float = 0.1
    lasts_s: float = HOUR_S
    fails: list[NotMinted | None] = field(default_factory=list)
    always: NotMinted | None = None
    asked_s: list[float] = field(default_factory=list)
    ends_s: dict[str, float] = field(default_factory=dict)
    running: int = 0

    async def mint(self, account: ServiceAccount) -> Minted:
        assert account is ACCOUNT
        assert self.running == 0, "one renewal at a time"
        self.running += 1
        self.asked_s.append(self.loop.time())
        try:
            await asyncio.sleep(self.takes_s)
        finally:
            self.running -= 1
        if (fault := self.fails.pop(0) if self.fails else self.always) is not None:
            raise fault
        token = f"ya29.token-{len(self.ends_s)}"
        self.ends_s[token] = self.loop.time() + self.lasts_s
        return Minted(token, self.lasts_s)


type Scene = Callable[[Tokens, Google], Awaitable[None]]


@contextmanager
def leaping() -> Iterator[asyncio.Runner]:
    selector = Leaping()

    class Loop(asyncio.SelectorEventLoop):
        def time(self) -> float:
            return selector.now_s

    with asyncio.Runner(loop_factory=lambda: Loop(selector)) as runner:
        yield runner


def play(scene: Scene, **google: Any) -> Google:
    """Runs a scene to its end; what Google saw."""
    with leaping() as runner:
        loop = runner.get_loop()
        told = Google(loop, **google)
        tokens = Tokens(told.mint, loop.time)

        async def played() -> None:
            await scene(tokens, told)
            await tokens.close()
            assert asyncio.all_tasks() == {asyncio.current_task()}, "nothing runs on"

        runner.run(played())
    return told


async def why_not(tokens: Tokens, within_s: float = WAIT_S) -> str:
    with pytest.raises(NotMinted) as refused:
        await tokens.filled(KEY, within_s)
    return refused.value.why


def test_a_key_that_is_no_account_goes_out_as_it_is() -> None:
    async def scene(tokens: Tokens, google: Google) -> None:
        assert await tokens.filled(PLAIN) is PLAIN

    assert play(scene).asked_s == []


def test_it_is_renewed_before_its_end_and_the_old_one_serves_meanwhile() -> None:
    async def scene(tokens: Tokens, google: Google) -> None:
        began_s = google.loop.time()
        first = await tokens.filled(KEY)
        google.takes_s = 190.0
        await asyncio.sleep(HOUR_S - 300 + 1)
        assert google.running == 1
        assert await tokens.filled(KEY) is first
        await asyncio.sleep(200)
        assert (await tokens.filled(KEY)).secret == "ya29.token-1"
        assert HOUR_S - 420 <= google.asked_s[1] - began_s <= HOUR_S - 299

    assert len(play(scene).asked_s) == 2


def test_nodes_that_began_together_do_not_renew_together() -> None:
    async def scene(tokens: Tokens, google: Google) -> None:
        await tokens.filled(KEY)
        await asyncio.sleep(HOUR_S)

    assert len({play(scene).asked_s[1] for _ in range(8)}) > 4


def test_one_that_nobody_uses_is_not_renewed() -> None:
    async def scene(tokens: Tokens, google: Google) -> None:
        await tokens.filled(KEY)
        await asyncio.sleep(1.5 * HOUR_S)  # renewed once, for who asked; not again
        assert len(google.asked_s) == 2
        await asyncio.sleep(24 * HOUR_S)
        assert len(google.asked_s) == 2
        assert (await tokens.filled(KEY)).secret == "ya29.token-2"

    play(scene)


def test_many_who_wait_have_one_minted_and_one_who_leaves_stops_nobody() -> None:
    async def scene(tokens: Tokens, google: Google) -> None:
        asking = [asyncio.create_task(tokens.filled(KEY)) for _ in range(20)]
        await asyncio.sleep(0.05)
        asking[0].cancel()
        found = await asyncio.gather(*asking[1:])
        assert {each.secret for each in found} == {"ya29.token-0"}

    assert len(play(scene).asked_s) == 1


def test_who_cannot_wait_is_told_and_the_token_comes_for_the_next() -> None:
    async def scene(tokens: Tokens, google: Google) -> None:
        assert await why_not(tokens, within_s=1) == "no_token_in_time"
        await asyncio.sleep(30)
        assert (await tokens.filled(KEY)).secret == "ya29.token-0"

    assert len(play(scene, takes_s=20.0).asked_s) == 1


@pytest.mark.parametrize(
    ("fault", "asked"),
    [(NotMinted("500"), TRIES), (NotMinted("invalid_grant", final=True), 1)],
    ids=["may pass", "final"],
)
def test_after_a_round_of_tries_nobody_tries_for_a_while(fault: NotMinted, asked: int) -> None:
    async def scene(tokens: Tokens, google: Google) -> None:
        for _ in range(50):
            assert await why_not(tokens) == fault.why
        assert len(google.asked_s) == asked
        for _ in range(int(HOUR_S)):
            await asyncio.sleep(1)
            assert await why_not(tokens) == fault.why
        assert len(google.asked_s) < 60 * TRIES
        google.always = None
        await asyncio.sleep(300)
        assert (await tokens.filled(KEY)).secret == "ya29.token-0"
        (state,) = tokens.states(KeyRing(usable=(KEY, PLAIN)))
        assert (state.label, state.problem) == ("main-vertex", None)

    play(scene, always=fault)


def test_while_it_cannot_be_renewed_the_old_one_serves_until_its_end() -> None:
    async def scene(tokens: Tokens, google: Google) -> None:
        await tokens.filled(KEY)
        google.always = NotMinted("connect_error")
        await asyncio.sleep(HOUR_S - 60)
        assert (await tokens.filled(KEY)).secret == "ya29.token-0"
        (state,) = tokens.states(KeyRing(usable=(KEY,)))
        assert (state.problem, state.good_until_at is not None) == ("connect_error", True)
        await asyncio.sleep(60)
        assert await why_not(tokens) == "connect_error"

    play(scene)


def test_a_401_gives_a_token_up_once() -> None:
    async def scene(tokens: Tokens, google: Google) -> None:
        first = await tokens.filled(KEY)
        found = await asyncio.gather(*(tokens.refilled(first) for _ in range(9)))
        assert {each and each.secret for each in found} == {"ya29.token-1"}
        second = await tokens.filled(KEY)
        assert await tokens.refilled(second) is None, "a new one is refused, too: it is not the token"
        assert await tokens.filled(KEY) is second
        await asyncio.sleep(ONCE_S)
        third = await tokens.refilled(second)
        assert third is not None
        assert third.secret == "ya29.token-2"

    assert len(play(scene).asked_s) == 3


def test_a_fault_of_our_own_is_a_reason_like_any_other(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(account: ServiceAccount) -> Minted:
        raise RuntimeError("a secret")

    async def scene(_: Tokens, google: Google) -> None:
        tokens = Tokens(broken, google.loop.time)
        assert await why_not(tokens) == "internal_error"
        await tokens.close()

    play(scene)
    assert "a secret" not in caplog.text


def test_a_key_that_is_gone_takes_its_token_with_it() -> None:
    async def scene(tokens: Tokens, google: Google) -> None:
        await tokens.filled(KEY)
        tokens.follow(KeyRing(usable=(KEY,)))
        await tokens.filled(KEY)
        tokens.follow(KeyRing(usable=(PLAIN,)))
        assert tokens.states(KeyRing(usable=(PLAIN,))) == []
        await asyncio.sleep(2 * HOUR_S)
        assert len(google.asked_s) == 1

    play(scene)


def test_no_token_shows_in_a_repr() -> None:
    assert "ya29" not in repr(Minted("ya29.token", 1.0))
    assert "gateway@" not in repr(KEY)
    assert "not looked at" not in repr(KEY)


STEPS = st.one_of(
    st.tuples(st.just("ask"), st.integers(1, 4)),
    st.tuples(st.just("refused"), st.just(0)),
    st.tuples(st.just("wait"), st.integers(1, 4000)),
    st.tuples(st.just("fails"), st.integers(0, 9)),
    st.tuples(st.just("heals"), st.just(0)),
)


@given(steps=st.lists(STEPS, max_size=40), lasts_s=st.integers(30, 3600), takes_s=st.integers(0, 20))
@settings(max_examples=examples(200), deadline=None)
def test_whatever_happens_no_token_is_sent_that_has_ended_or_was_refused(
    steps: list[tuple[str, int]], lasts_s: int, takes_s: int
) -> None:
    async def scene(tokens: Tokens, google: Google) -> None:
        given_up: set[str] = set()
        last: CompanyKey | None = None
        for step, number in steps:
            if step == "wait":
                await asyncio.sleep(number)
            elif step == "fails":
                google.always = NotMinted("500", final=number > 6)
            elif step == "heals":
                google.always = None
            elif step == "refused" and last is not None:
                try:
                    fresh = await tokens.refilled(last)
                except NotMinted:
                    fresh = None
                if fresh is not None:
                    given_up.add(last.secret)
                    last = fresh
            elif step == "ask":
                answers = await asyncio.gather(
                    *(tokens.filled(KEY) for _ in range(number)), return_exceptions=True
                )
                for found in answers:
                    assert isinstance(found, (CompanyKey, NotMinted))
                    if isinstance(found, CompanyKey):
                        last = found
                        assert google.loop.time() < google.ends_s[found.secret]
                        assert found.secret not in given_up

    play(scene, lasts_s=float(lasts_s), takes_s=float(takes_s))

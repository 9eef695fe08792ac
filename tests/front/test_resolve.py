"""One lookup at a time per name, a short bounded memory, nothing remembered of a failure."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence

import pytest

from sluiceway.front.names import IP
from sluiceway.front.resolve import MOST_ADDRESSES, Resolver, system_lookup


class Names:
    """A name server of ours: answers from a table, counts, and can be told to wait."""

    def __init__(self, **answers: Sequence[str]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, name: str) -> list[IP]:
        self.asked.append(name)
        await self.open.wait()
        if name not in self.answers:
            raise OSError("no such name")
        return [ipaddress.ip_address(address) for address in self.answers[name]]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_an_answer_is_remembered_for_its_time_only() -> None:
    names, clock = Names(a=["1.1.1.1"]), Clock()
    resolver = Resolver(names, clock=clock, remember_s=30)
    first = await resolver.resolve("a")
    clock.now = 29.9
    assert await resolver.resolve("a") == first
    assert names.asked == ["a"]
    names.answers["a"] = ["2.2.2.2"]
    clock.now = 30.0
    assert await resolver.resolve("a") == (ipaddress.ip_address("2.2.2.2"),)


async def test_many_callers_share_one_lookup() -> None:
    names = Names(a=["1.1.1.1"])
    names.open.clear()
    resolver = Resolver(names)
    waiting = [asyncio.create_task(resolver.resolve("a")) for _ in range(50)]
    await asyncio.sleep(0)
    names.open.set()
    assert len(set(await asyncio.gather(*waiting))) == 1
    assert names.asked == ["a"]


async def test_a_caller_that_hangs_up_leaves_the_answer_to_the_others() -> None:
    names = Names(a=["1.1.1.1"])
    names.open.clear()
    resolver = Resolver(names)
    leaving, staying = (asyncio.create_task(resolver.resolve("a")) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    names.open.set()
    assert await staying == (ipaddress.ip_address("1.1.1.1"),)
    assert names.asked == ["a"]


async def test_a_failure_is_not_remembered() -> None:
    names = Names()
    resolver = Resolver(names)
    for _ in range(2):
        with pytest.raises(OSError):
            await resolver.resolve("a")
    assert names.asked == ["a", "a"]


async def test_a_silent_name_server_times_out_and_may_be_asked_again() -> None:
    names = Names(a=["1.1.1.1"])
    names.open.clear()
    resolver = Resolver(names, timeout_s=0.01)
    with pytest.raises(TimeoutError):
        await resolver.resolve("a")
    names.open.set()
    assert await resolver.resolve("a")


async def test_no_address_is_a_failure_and_too_many_are_cut() -> None:
    many = [f"1.1.1.{number}" for number in range(100)]
    resolver = Resolver(Names(none=[], many=many))
    with pytest.raises(OSError):
        await resolver.resolve("none")
    assert len(await resolver.resolve("many")) == MOST_ADDRESSES


async def test_memory_is_bounded_and_keeps_the_newest() -> None:
    names = Names(a=["1.1.1.1"], b=["1.1.1.2"], c=["1.1.1.3"])
    resolver = Resolver(names, remember_names=2, clock=Clock())
    for name in "abccba":
        await resolver.resolve(name)
    assert names.asked == ["a", "b", "c", "a"]


async def test_an_ipv4_address_in_an_ipv6_answer_is_taken_as_ipv4() -> None:
    assert await Resolver(Names(a=["::ffff:10.0.0.1"])).resolve("a") == (ipaddress.ip_address("10.0.0.1"),)


async def test_the_system_resolver_knows_this_machine() -> None:
    addresses = await Resolver(system_lookup(threads=1)).resolve("localhost")
    assert addresses
    assert all(ip.is_loopback for ip in addresses)
    assert len(set(addresses)) == len(addresses)

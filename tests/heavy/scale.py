"""A hot company budget on many nodes, simulated on a virtual clock: what no single machine can show.

    python -m tests.heavy.scale --nodes 10 100 1000

Each node takes requests, holds one session to the database, and does all that waits in one transaction, as
`store/shared_writer.py` does. The rule that cuts slices is the product's own (`store/leasing.py`); the network
and the database are modelled: a round trip has a delay with a long tail, and whoever changes the budget's
counter holds its lock for two round trips. Some nodes are cut off from the database for a while, some die.

The budget is worth four fifths of what is asked, so the last fifth must be refused. By the true cost of every
request: how much over the budget (the claim is none but a chunk of streams that were cut), how many were
finally refused while money was there, how many were told to try again, how often a request needed the lock.
"""

from __future__ import annotations

import argparse
import heapq
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sluiceway.store.leasing import Leaser, Pool, Terms

WANT = 10_000_000  # nano-dollars reserved for a request in the mean: one cent
RATE = 5.0  # requests a second on each node
PER_NODE = 1000
TICK_S = 1.0
WAIT_S = 30.0
LEASE_S = 30.0
LOOKS_S = (0.01, 0.25)
LONG_SHARE = 0.02  # answers that come out longer than was reserved for them
CHUNK = 0.01  # of a reservation: what comes at once before a stream can be cut


@dataclass(slots=True)
class Request:
    """`most` is reserved if it can be had; it cannot start with less than `least`. `cost`: the true one."""

    most: int
    least: int
    cost: int
    lasts_s: float
    since_s: float
    held: int = 0
    settled: bool = False


@dataclass(slots=True)
class Tally:
    """What happened, by the truth of the simulation."""

    asked: int = 0
    served: int = 0
    cut: int = 0
    refused: int = 0
    early: int = 0
    busy: int = 0
    unavailable: int = 0
    true_spent: int = 0
    transactions: int = 0
    locks: int = 0
    waited_s: list[float] = field(default_factory=list)


class Clock:
    """Virtual time: what is due next is done next."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._due, (self.now + seconds, self._count, do))

    def run(self) -> None:
        while self._due:
            self.now, _, do = heapq.heappop(self._due)
            do()


@dataclass(slots=True)
class Counter:
    """The shared row: limit = spent + held + free. Its lock is taken one after another."""

    limit: int
    spent: int = 0
    held: dict[int, int] = field(default_factory=dict)
    total_held: int = 0
    waiting: int = 0
    locked_until: float = 0.0

    @property
    def free(self) -> int:
        return self.limit - self.spent - self.total_held

    def move(self, node: int, amount: int) -> None:
        """From free to what a node holds; negative: back."""
        self.held[node] = self.held.get(node, 0) + amount
        self.total_held += amount


class Network:
    """Delays of a data centre: half a millisecond, one in a hundred much longer."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def round_trip_s(self) -> float:
        tail = 0.02 if self._chance.random() < 0.01 else 0.0
        return 0.0005 * self._chance.lognormvariate(0, 0.4) + tail


class Node:
    """One proxy. `held` = `unused` + what its open requests have reserved; spent money is told with the next
    transaction that takes the lock."""

    def __init__(self, name: int, world: World) -> None:
        self.name, self.world = name, world
        self.leaser = Leaser(world.terms) if world.terms else None
        self.unused = 0
        self.open: list[Request] = []
        self.spent = 0  # since the counter was told
        self.arrived: list[Request] = []
        self.admitted: list[Request] = []
        self.line: list[Request] = []
        self.in_flight = False
        self.cut_off = self.dead = self.swept = False
        self.look_s = LOOKS_S[0]

    # Requests

    def arrive(self, request: Request) -> None:
        self.world.tally.asked += 1
        if self.dead or self.cut_off:
            self.world.tally.unavailable += 1
            return
        if self.leaser and not self.line and not self.arrived and self.unused >= request.most:
            self.unused -= request.most
            self._admit(request, request.most)
        else:
            self.arrived.append(request)
        self.transact()

    def _admit(self, request: Request, amount: int) -> None:
        request.held = amount
        self.open.append(request)
        self.admitted.append(request)
        if self.leaser:
            self.leaser.used(amount, self.world.clock.now)

    def _start(self, request: Request) -> None:
        """Its row is on disk: it is forwarded."""
        self.world.tally.waited_s.append(self.world.clock.now - request.since_s)
        self.world.clock.after(request.lasts_s, lambda: self._end(request))

    def _end(self, request: Request) -> None:
        world, cost, own = self.world, request.cost, 0
        if self.dead:
            return
        if cost > request.held:
            own = 0 if request.settled else min(cost - request.held, self.unused)
            more = own + self._more(cost - request.held - own)
            if request.held + more < cost:
                world.tally.cut += 1
                chunk = int(CHUNK * request.most)
                cost = request.held + more + chunk
                if not request.settled:
                    world.counter.move(self.name, chunk)  # spent, though nobody had set it aside
        world.tally.true_spent += cost
        world.tally.served += 1
        if request.settled:  # swept while it ran: charged what it had reserved, put right by a correction
            world.counter.spent += cost - request.held
            return
        request.settled = True
        self.open.remove(request)
        self.unused += max(0, request.held - cost) - own
        self.spent += cost
        if not self.leaser:
            self.transact()

    def _more(self, lacking: int) -> int:
        """A top-up from the shared counter, its delay left out: it happens while the stream goes on."""
        if lacking <= 0 or self.cut_off or self.dead or self.swept:
            return 0
        more = min(lacking, max(0, self.world.counter.free))
        self.world.counter.move(self.name, more)
        self.world.tally.locks += 1
        return more

    # Transactions

    def transact(self) -> None:
        """Takes all that waits, if no transaction is under way."""
        if self.in_flight or self.cut_off or self.dead:
            return
        told = self.spent and not self.leaser
        if not (self.arrived or self.admitted or self.line or told):
            return
        self.in_flight = True
        world = self.world
        world.tally.transactions += 1
        starting, self.admitted = self.admitted, []
        asking, self.arrived = self.line + self.arrived, []
        self.line = []
        trip = world.network.round_trip_s
        if not asking and not told:
            world.clock.after(trip(), lambda: self._committed(starting))
            return
        world.clock.after(trip() / 2, lambda: self._locking(asking, starting))

    def _locking(self, asking: list[Request], starting: list[Request]) -> None:
        world = self.world
        counter, trip = world.counter, world.network.round_trip_s
        world.tally.locks += 1
        begins = max(world.clock.now, counter.locked_until)
        counter.locked_until = begins + 2 * trip()
        world.clock.after(begins - world.clock.now, lambda: self._locked(asking, starting))

    def _locked(self, asking: list[Request], starting: list[Request]) -> None:
        world = self.world
        if self.cut_off or self.dead:
            world.tally.unavailable += len(asking)
            self._give_back(starting)
            self.in_flight = False
            return
        self._tell()
        if not self.leaser:
            world.counter.move(self.name, -self.unused)
            self.unused = 0
        for request in asking:
            self._judge(request)
        starting, self.admitted = starting + self.admitted, []
        done = world.counter.locked_until - world.clock.now + world.network.round_trip_s() / 2
        world.clock.after(max(0.0, done), lambda: self._committed(starting))

    def _tell(self) -> None:
        counter = self.world.counter
        counter.spent += self.spent
        counter.move(self.name, -self.spent)
        self.spent = 0

    def _judge(self, request: Request) -> None:
        """As `store/admission.py`: nobody overtakes who waits, and only spent money is a final no."""
        world, counter, tally = self.world, self.world.counter, self.world.tally
        attainable = min(request.most, counter.limit - counter.spent)
        if attainable < request.least:
            tally.refused += 1
            tally.early += counter.limit - tally.true_spent - counter.total_held > request.most
        elif world.clock.now - request.since_s >= WAIT_S:
            tally.busy += 1
        elif self.line or not self._take(request, attainable):
            self.line.append(request)

    def _take(self, request: Request, attainable: int) -> bool:
        """Admits it if there is as much; under the lock."""
        world, counter = self.world, self.world.counter
        if self.leaser:
            pool = Pool(counter.free, world.alive, counter.waiting > 0)
            add = self.leaser.ask(attainable, self.unused, pool, world.clock.now)
        else:
            add = attainable if attainable <= counter.free else 0
        counter.move(self.name, add)
        self.unused += add
        if self.unused < attainable:
            return False
        self.unused -= attainable
        self._admit(request, attainable)
        return True

    def _committed(self, starting: list[Request]) -> None:
        self.in_flight = False
        if self.dead:
            return
        for request in starting:
            self._start(request)
        world = self.world
        world.counter.waiting = len(world.starving)
        if self.line:
            world.starving.add(self)
            world.clock.after(self.look_s, self.transact)
            self.look_s = min(LOOKS_S[1], self.look_s * 2)
        else:
            world.starving.discard(self)
            self.look_s = LOOKS_S[0]
        if self.arrived or self.admitted:
            self.transact()

    def _give_back(self, starting: list[Request]) -> None:
        """Their rows never reached the disk, so they were never forwarded."""
        for request in starting:
            self.world.tally.unavailable += 1
            if not request.settled:
                self.open.remove(request)
                self.unused += request.held

    # Time and misfortune

    def tick(self) -> None:
        """What a node does every second: tells what was spent, gives back what lies idle."""
        if self.dead:
            return
        if self.leaser and not self.cut_off:
            counter, now = self.world.counter, self.world.clock.now
            pool = Pool(counter.free, self.world.alive, counter.waiting > 0)
            back = self.leaser.surplus(self.unused, pool, now)
            if back or self.spent:
                self._tell()
                counter.move(self.name, -back)
                self.unused -= back
                self.world.tally.locks += 1
                self.world.tally.transactions += 1
        if self.world.clock.now < self.world.ends_s:
            self.world.clock.after(TICK_S, self.tick)

    def sever(self, for_s: float | None) -> None:
        """Cut off from the database for a while; None: dead."""
        self.cut_off = True
        self.dead = for_s is None
        self.world.tally.unavailable += len(self.arrived) + len(self.line)
        self.arrived, self.line = [], []
        self.world.starving.discard(self)
        self._give_back(self.admitted)
        self.admitted = []
        self.world.clock.after(LEASE_S, self._sweep)
        if for_s is None:
            for request in self.open:  # the provider bills what it did; the client is gone
                self.world.tally.true_spent += 0 if request.settled else min(request.cost, request.held)
                request.lasts_s = 0
        else:
            self.world.clock.after(for_s, self._back)

    def _sweep(self) -> None:
        """Another node settles what this one left: charged what was reserved, the rest is free again."""
        if not self.cut_off:
            return
        counter = self.world.counter
        charged = self.spent + sum(request.held for request in self.open)
        for request in self.open:
            request.settled = True
        counter.spent += charged
        counter.move(self.name, -counter.held.get(self.name, 0))
        self.open, self.spent, self.unused, self.swept = [], 0, 0, True

    def _back(self) -> None:
        self.cut_off = self.swept = False
        self.transact()


@dataclass
class World:
    """All nodes, the counter, and what is true."""

    nodes_wanted: int
    terms: Terms | None
    seed: int
    faults: bool
    clock: Clock = field(default_factory=Clock)
    tally: Tally = field(default_factory=Tally)
    starving: set[Node] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.network = Network(self.chance)
        self.requests = self.nodes_wanted * PER_NODE
        self.ends_s = PER_NODE / RATE
        self.counter = Counter(limit=int(self.requests * WANT * 0.6 * 0.8))
        self.nodes = [Node(name, self) for name in range(self.nodes_wanted)]

    @property
    def alive(self) -> int:
        return len(self.nodes)

    def run(self) -> Tally:
        weights = [self.chance.paretovariate(1.2) for _ in self.nodes]  # some nodes have most of the people
        busiest = sum(weights)
        for node, weight in zip(self.nodes, weights, strict=True):
            self.clock.after(self.chance.random() * TICK_S, node.tick)
            self._arrivals(node, self.requests * weight / busiest / self.ends_s)
        if self.faults:
            for node in self.chance.sample(self.nodes, max(1, self.nodes_wanted // 20)):
                at_s = self.chance.uniform(0.1, 0.7) * self.ends_s
                for_s = self.chance.choice((5.0, 20.0, 60.0, None))
                self.clock.after(at_s, lambda node=node, for_s=for_s: node.sever(for_s))  # type: ignore[misc]
        self.clock.run()
        return self.tally

    def _arrivals(self, node: Node, rate: float) -> None:
        def next_one() -> None:
            if self.clock.now >= self.ends_s:
                return
            node.arrive(self._request())
            self.clock.after(self.chance.expovariate(rate), next_one)

        self.clock.after(self.chance.expovariate(rate), next_one)

    def _request(self) -> Request:
        most = int(WANT * self.chance.lognormvariate(-0.125, 0.5))
        share = 1.5 if self.chance.random() < LONG_SHARE else self.chance.uniform(0.2, 0.96)
        return Request(most, most // 20, int(most * share), self.chance.expovariate(1 / 4.0), self.clock.now)


def line(nodes: int, slices: bool, faults: bool, seed: int) -> str:
    world = World(nodes, Terms() if slices else None, seed, faults)
    began = time.monotonic()
    tally = world.run()
    over = tally.true_spent - world.counter.limit
    waits = sorted(tally.waited_s)
    p99 = waits[int(len(waits) * 0.99)] if waits else 0.0
    print(f"{nodes} nodes: {time.monotonic() - began:.0f} s", file=sys.stderr)
    return (
        f"| {nodes:,} | {tally.asked:,} | {'yes' if slices else 'no'} | {'yes' if faults else 'no'} "
        f"| {max(0, over) / world.counter.limit:.5%} | {tally.true_spent / world.counter.limit:.2%} "
        f"| {tally.refused:,} | {tally.early:,} | {tally.busy:,} | {tally.unavailable:,} "
        f"| {tally.transactions / tally.asked:.2f} | {tally.locks / tally.asked:.3f} | {p99 * 1000:.0f} |"
    )


HEAD = """\
| nodes | requests | slices | faults | over the cap | cap used | refused | of them early | told to retry | unavailable \
| round trips a request | locks a request | p99 wait (ms) |
|---|---|---|---|---|---|---|---|---|---|---|---|---|"""


def main() -> None:
    """Prints the table of docs/scale.md."""
    parser = argparse.ArgumentParser(prog="python -m tests.heavy.scale", description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 10, 100, 1000])
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(HEAD)
    for nodes in options.nodes:
        for slices in (False, True):
            for faults in (False, True):
                print(line(nodes, slices, faults, options.seed), flush=True)


if __name__ == "__main__":
    main()

"""The benchmark: `python -m tests.bench` from the repository's root; `--help` lists what it takes.

Exits 1 when the harness itself fails: a process that does not start, an answer that is not 200, a ledger
that does not have exactly the requests that were sent. Missed aims are shown, not failed: time is not
something to assert on a machine that is shared.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path as File

import orjson

from sluiceway.app.deployment import Deployment

from . import table
from .figures import Path, Samples, results
from .ledger import check
from .measures import (
    BRIEF,
    FULL,
    WARM_REQUESTS,
    WARM_STREAMS,
    Count,
    Field,
    Round,
    Size,
    fresh,
    resident,
    sync_ms,
    warm_up,
)
from .processes import Provider, Proxy, Sluiceway, Stock


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--short", action="store_true", help="prove that it works, in under a minute")
    parser.add_argument("--guard", action="store_true", help="with guard rules, which look at every request")
    parser.add_argument("--rounds", type=int, help="how many rounds (default 7)")
    parser.add_argument("--json", type=File, metavar="FILE", help="write the figures here as well")
    parser.add_argument("--folder", type=File, help="on the disk to measure with (default: the system's own)")
    options = parser.parse_args()
    size = BRIEF if options.short else FULL
    if options.rounds:
        size = replace(size, rounds=options.rounds)
    samples, count = Samples(), Count()
    with tempfile.TemporaryDirectory(prefix="sluiceway-bench-", dir=options.folder) as folder:
        deployment = measure(File(folder), size, samples, count, guard=options.guard)
        found = results(samples)
        print(table.text(found))
        print(f"\n{table.disk(samples.syncs_ms)}")
        if options.short:
            print("The short form proves that the benchmark works; its figures mean little.")
        if options.json:
            written = table.document(
                found, rounds=size.rounds, requests=count.requests, syncs_ms=samples.syncs_ms
            )
            options.json.write_bytes(orjson.dumps(written, option=orjson.OPT_INDENT_2) + b"\n")
        check(deployment, count.requests)
    return 0


def measure(folder: File, size: Size, samples: Samples, count: Count, *, guard: bool) -> Deployment:
    """All rounds. The deployment that was measured is stopped and still has its ledger."""
    with ExitStack() as stack:
        provider = Provider.start(folder / "provider")
        stack.callback(provider.process.stop)
        stock = Stock(provider, folder / "mitmdump")
        ours = Sluiceway(provider, folder / "deployment", guard=guard)
        _say("starting each path once: certificates, byte code, first imports")
        for proxy in (stock.start(), ours.start()):
            proxy.process.stop()
        for number in range(size.fresh_starts):
            _say(f"start-up and memory, {number + 1} of {size.fresh_starts}")
            fresh(stock, ours, size, samples, count)
        field = _field(stack, provider, stock, ours)
        for proxy in _each(field):
            warm_up(proxy)
        count.add(Path.OURS, WARM_REQUESTS + WARM_STREAMS)
        for number in range(size.rounds):
            _say(f"round {number + 1} of {size.rounds}")
            samples.syncs_ms.append(sync_ms(folder))
            Round(field, size, samples, count).run()
        for path, proxy in field.whole.items():
            samples.add("resident", path, resident(proxy.process))
    return ours.deployment


def _field(stack: ExitStack, provider: Provider, stock: Stock, ours: Sluiceway) -> Field:
    proxies = [ours.start(), stock.start(), stock.start(streams=True)]
    for proxy in proxies:
        stack.callback(proxy.process.stop)
    sluiceway, plain, streams = proxies
    whole = {Path.STOCK: plain, Path.OURS: sluiceway}
    return Field(provider, whole, {Path.STOCK: streams, Path.OURS: sluiceway})


def _each(field: Field) -> list[Proxy]:
    return [*field.whole.values(), field.streaming[Path.STOCK]]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

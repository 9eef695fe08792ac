"""Hard caps under concurrency: a cap worth twenty answers, two hundred clients at once, round after round.

    python -m tests.heavy.caps --rounds 30
    python -m tests.heavy.caps --rounds 3 --store postgresql --workers 2

A round gives one new employee a cap of their own and lets all clients ask as that employee at once. Never
over the cap by the provider's own count (a stream by at most one chunk for each client), most of the cap
used, and nobody finally refused while the money was only reserved by others. A cold round asks a proxy that
has just been started and has learned nothing; before the other rounds it has seen a hundred answers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tests.heavy.asking import Answered, Question, clients, together
from tests.heavy.databases import database
from tests.heavy.processes import Billing, Proxy

WORTH = 20
CLIENTS = 200
LEARNED_FROM = 100
# Answers differ in length, 100 tokens in the mean.
OUTPUT, SHORTEST, LONGEST = 100, 40, 160
EVENTS = 50
# List prices in nano-dollars a token.
PRICES = {"anthropic": (3_000, 15_000), "openai": (400, 1_600)}
# 9 prompt tokens and 100 of output: 9 x 3,000 + 100 x 15,000 and 9 x 400 + 100 x 1,600.
ANSWER_NUSD = {"anthropic": 1_527_000, "openai": 163_600}
BUSY = "budget_busy"
KINDS = {
    "stream, max_tokens sent": Question("anthropic", True, OUTPUT, LONGEST, EVENTS),
    "stream, max_tokens absent": Question("openai", True, OUTPUT, None, EVENTS),
    "stream, max_tokens 64,000": Question("anthropic", True, OUTPUT, 64_000, EVENTS),
    "JSON, max_tokens sent": Question("anthropic", False, OUTPUT, LONGEST),
    "JSON, max_tokens absent": Question("openai", False, OUTPUT, None),
    "JSON, max_tokens 64,000": Question("anthropic", False, OUTPUT, 64_000),
    "stream, client leaves before the usage": Question("anthropic", True, OUTPUT, LONGEST, EVENTS),
}
CHEAT = "stream, client leaves before the usage"


@dataclass(frozen=True, slots=True)
class Round:
    """What one round came to. `over_nusd`: by the provider's count; negative: what was left of the cap."""

    kind: str
    cold: bool
    whole: int
    refused: int
    busy: int
    limit_nusd: int
    billed_nusd: int
    charged_nusd: int
    seconds: float

    @property
    def used(self) -> float:
        return self.charged_nusd / self.limit_nusd

    @property
    def billed(self) -> float:
        return self.billed_nusd / self.limit_nusd

    @property
    def most_over_nusd(self) -> int:
        """One chunk for each stream that can have been running: never more than the cap carries at once."""
        question = KINDS[self.kind]
        if not question.stream:
            return 0
        chunk_tokens = -(-LONGEST // EVENTS)
        return WORTH * chunk_tokens * PRICES[question.provider][1]

    @property
    def good(self) -> bool:
        if self.kind == CHEAT:
            return self.billed <= 1.5
        enough = self.used >= (0.8 if self.cold else 0.95)
        left = self.limit_nusd - self.charged_nusd
        early = self.refused > 0 and left >= 2 * ANSWER_NUSD[KINDS[self.kind].provider]
        return self.billed_nusd - self.limit_nusd <= self.most_over_nusd and enough and not early


def run(folder: Path, *, rounds: int, store: str, workers: int, kinds: list[str]) -> Iterator[Round]:
    """Every kind, so many rounds each, the first of them cold."""
    with ExitStack() as stack:
        url = stack.enter_context(database(store))
        billing = stack.enter_context(_billing(folder))
        names = tuple(f"r{k}-{n}" for k in range(len(kinds)) for n in range(rounds))
        proxy = Proxy(
            folder,
            billing,
            people=names,
            services=("warm",),
            store=url,
            workers=workers,
            policy=_policy(kinds),
        )
        for number, kind in enumerate(kinds):
            with proxy.serving():
                for turn in range(rounds):
                    cold = turn == 0
                    if turn == 1:
                        asyncio.run(_warm_up(proxy, kind))
                    yield _round(proxy, billing, kind, f"r{number}-{turn}", cold=cold)
        said = proxy.command("ledger", "verify")
        if said.returncode != 0:
            raise SystemExit(f"ledger verify: {said.stdout}{said.stderr}")


def _policy(kinds: list[str]) -> str:
    caps = [
        f"  - {{name: kind-{number}-{n}, scope: {{employee: r{number}-{n}}}, "
        f"limit_usd: {WORTH * ANSWER_NUSD[KINDS[kind].provider] / 1e9:.9f}, window: lifetime}}"
        for number, kind in enumerate(kinds)
        for n in range(100)
    ]
    return "\n".join(["version: 1", "budgets:", *caps]) + "\n"


@contextmanager
def _billing(folder: Path) -> Iterator[Billing]:
    billing = Billing.start(folder, (5, 20), (0, 1))
    try:
        yield billing
    finally:
        billing.child.stop()


async def _warm_up(proxy: Proxy, kind: str) -> None:
    questions = _differing(KINDS[kind], LEARNED_FROM)
    async with clients(proxy.anchor) as asking:
        for at in range(0, LEARNED_FROM, 20):
            await together([asking.ask(proxy.url("warm"), each) for each in questions[at : at + 20]])


def _differing(question: Question, count: int) -> list[Question]:
    """The same question, whose answers come out differently long."""
    lengths = range(SHORTEST, LONGEST + 1)
    step = 47  # coprime to their number: each comes before one comes again
    return [replace(question, output_tokens=lengths[n * step % len(lengths)]) for n in range(count)]


def _round(proxy: Proxy, billing: Billing, kind: str, who: str, *, cold: bool) -> Round:
    mark = f"x-round-{who}"
    question = replace(KINDS[kind], headers={mark: "1"})
    began = time.monotonic()
    answers = asyncio.run(_all_at_once(proxy.url(who), proxy.anchor, question, leaves=kind == CHEAT))
    took_s = time.monotonic() - began
    rows = proxy.settled_rows(who, len(answers))
    refused = [answer for answer in answers if answer.refused]
    return Round(
        kind=kind,
        cold=cold,
        whole=sum(answer.whole for answer in answers if not answer.refused),
        refused=sum(answer.refused != BUSY for answer in refused),
        busy=sum(answer.refused == BUSY for answer in refused),
        limit_nusd=WORTH * ANSWER_NUSD[question.provider],
        billed_nusd=sum(_billed(entry) for entry in billing.served() if mark in _lower(entry)),
        charged_nusd=sum(row["charged_nusd"] for row in rows),
        seconds=took_s,
    )


async def _all_at_once(proxy: str, anchor: str, question: Question, *, leaves: bool) -> list[Answered]:
    """With `leaves` they hang up with the answer in hand and before its usage came."""
    before = b"event: message_delta" if leaves else None
    async with clients(anchor) as asking:
        return await together(
            [asking.ask(proxy, each, leave_before=before) for each in _differing(question, CLIENTS)]
        )


def _lower(entry: dict[str, Any]) -> set[str]:
    return {str(name).lower() for name in entry["header_names"]}


def _billed(entry: dict[str, Any]) -> int:
    """What the provider asks for: all it counted, of a stream that was cut the part it sent."""
    usage, (price_in, price_out) = entry["usage"], PRICES[entry["provider"]]
    tokens_in = usage.get("input_tokens", usage.get("prompt_tokens"))
    tokens_out = usage.get("output_tokens", usage.get("completion_tokens"))
    share = 1.0 if entry["complete"] or not entry["stream"] else entry["events_sent"] / entry["events"]
    return int(tokens_in * price_in + tokens_out * share * price_out)


def _table(found: list[Round], kinds: list[str]) -> str:
    lines = [
        f"{'':40} {'cold: used':>11} {'learned: used, least':>22} {'billed, most':>14} "
        f"{'whole':>7} {'told to retry':>14}"
    ]
    for kind in kinds:
        mine = [each for each in found if each.kind == kind]
        cold, learned = [r for r in mine if r.cold], [r for r in mine if not r.cold]
        bad = "" if all(r.good for r in mine) else "  MISSED"
        lines.append(
            f"{kind:40} {min(r.used for r in cold):>11.3f} "
            f"{min((r.used for r in learned), default=float('nan')):>22.3f} "
            f"{max(r.billed for r in mine):>14.3f} "
            f"{sum(r.whole for r in mine) / len(mine):>7.1f} {sum(r.busy for r in mine):>14}{bad}"
        )
    return "\n".join(lines)


def main() -> None:
    """Prints the figures; exit 1 if a cap did not hold or was not usable."""
    parser = argparse.ArgumentParser(prog="python -m tests.heavy.caps", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--kind", action="append", choices=sorted(KINDS), help="only this one (repeatable)")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    kinds = options.kind or list(KINDS)
    found: list[Round] = []
    with tempfile.TemporaryDirectory(prefix="sluiceway-caps-") as folder:
        for each in run(
            Path(folder), rounds=options.rounds, store=options.store, workers=options.workers, kinds=kinds
        ):
            found.append(each)
            print(
                f"\r\033[K{each.kind}: {len(found)}/{options.rounds * len(kinds)}, used {each.used:.3f}, "
                f"billed {each.billed:.3f}, {each.seconds:.1f} s",
                end="" if each.good else f"  MISSED {each}\n",
                flush=True,
            )
    print(
        f"\r\033[K{options.store}, {options.workers} process(es), {options.rounds} rounds, {CLIENTS} clients"
    )
    print(_table(found, kinds))
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in found], indent=2))
    raise SystemExit(0 if all(each.good for each in found) else 1)


if __name__ == "__main__":
    main()

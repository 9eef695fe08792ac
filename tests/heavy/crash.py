"""kill -9 under load: every request that a provider counted has its ledger row, once, and no money is lost.

    python -m tests.heavy.crash --rounds 20

Each round starts `sluiceway serve`, loads it with streamed and whole requests of several people, kills it at
a random moment and starts it again. Each request carries a mark in two places: as the name of a header, which
the simulated provider writes to its log, and as a conversation's id, which Sluiceway writes to its ledger.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from tests.heavy.asking import Answered, Question, clients
from tests.heavy.processes import Billing, Child, Proxy

PEOPLE = ("alice", "bob", "carol")
WORKERS = 24
LOAD_S = (0.2, 1.2)
MARK = "x-mark-"
# List prices in nano-dollars a token.
PRICES = {"anthropic": (3_000, 15_000), "openai": (400, 1_600)}


@dataclass(frozen=True, slots=True)
class Found:
    """What twenty lives and deaths left behind. `missing`, `doubled` and `invented` must be empty."""

    asked: int
    whole: int
    counted: int
    rows: int
    left_open: int
    missing: tuple[str, ...]
    doubled: tuple[str, ...]
    invented: tuple[str, ...]
    unequal: tuple[str, ...]
    billed_nusd: int
    charged_nusd: int
    verify: str
    works_again: bool

    @property
    def good(self) -> bool:
        wrong = (*self.missing, *self.doubled, *self.invented, *self.unequal)
        settled = self.charged_nusd >= self.billed_nusd and self.verify == "every counter equals the ledger"
        return not wrong and settled and self.works_again and self.left_open > 0


def crash(folder: Path, rounds: int, seed: int) -> Found:
    """Runs the rounds and compares the books."""
    chance = random.Random(seed)
    marks = count()
    answers: list[Answered] = []
    with _billing(folder) as billing:
        proxy = Proxy(folder, billing, people=PEOPLE)
        for number in range(rounds):
            serve = proxy.start()
            try:
                answers += asyncio.run(_load(proxy, serve, chance, marks))
            finally:
                serve.kill()
            _progress(f"round {number + 1}/{rounds}: {len(answers)} requests asked")
        works = _works_again(proxy, marks)
        verify = proxy.command("ledger", "verify")
        return _compare(billing.served(), proxy.rows(), answers, verify.stdout.strip(), works)


@contextmanager
def _billing(folder: Path) -> Iterator[Billing]:
    billing = Billing.start(folder, (5, 40), (1, 6))
    try:
        yield billing
    finally:
        billing.child.stop()


async def _load(proxy: Proxy, serve: Child, chance: random.Random, marks: Iterator[int]) -> list[Answered]:
    """Asks without pause until the process is killed; the answers, broken ones included."""
    answers: list[Answered] = []
    killed = asyncio.Event()
    async with clients(proxy.anchor, timeout_s=10) as asking:

        async def work(url: str) -> None:
            while not killed.is_set():
                answers.append(await asking.ask(url, _question(chance, next(marks))))

        workers = [asyncio.create_task(work(proxy.urls[i % len(PEOPLE)])) for i in range(WORKERS)]
        await asyncio.sleep(chance.uniform(*LOAD_S))
        serve.kill()
        killed.set()
        await asyncio.gather(*workers)
    return answers


def _question(chance: random.Random, mark: int) -> Question:
    return Question(
        provider=chance.choice(("anthropic", "openai")),
        stream=chance.random() < 0.7,
        output_tokens=chance.randint(20, 120),
        max_tokens=150,
        headers={f"{MARK}{mark}": "1", "thread-id": f"{MARK}{mark}"},
    )


def _works_again(proxy: Proxy, marks: Iterator[int]) -> bool:
    """After the last death: what was reserved is free again, and requests are served."""

    async def ask() -> Answered:
        async with clients(proxy.anchor) as asking:
            return await asking.ask(proxy.urls[0], _question(random.Random(0), next(marks)))

    with proxy.serving() as serve:
        answered = asyncio.run(ask())
        serve.terminate()
        ended = serve.ended(30)
    nothing_open = all(row["owner"] is None and row["reserved_nusd"] == 0 for row in proxy.rows())
    return answered.whole and ended == 0 and nothing_open


def _compare(
    served: list[dict[str, Any]],
    rows: list[dict[str, Any]],
    answers: list[Answered],
    verify: str,
    works_again: bool,
) -> Found:
    counted = {_mark(entry): entry for entry in served}
    marked = Counter(row["conversation_id"] for row in rows)
    by_mark = {row["conversation_id"]: row for row in rows}
    return Found(
        asked=len(answers),
        whole=sum(answer.whole for answer in answers),
        counted=len(served),
        rows=len(rows),
        left_open=sum(row["outcome"] == "internal_error" for row in rows),
        missing=tuple(mark for mark in counted if mark not in marked),
        doubled=tuple(mark for mark, times in marked.items() if times > 1),
        invented=tuple(
            mark for mark, row in by_mark.items() if row["outcome"] == "ok" and mark not in counted
        ),
        unequal=tuple(
            mark for mark, row in by_mark.items() if row["outcome"] == "ok" and not _equal(row, counted[mark])
        ),
        billed_nusd=sum(_billed(entry) for entry in served),
        charged_nusd=sum(row["charged_nusd"] for row in rows),
        verify=verify,
        works_again=works_again,
    )


def _mark(entry: dict[str, Any]) -> str:
    return next(str(name).lower() for name in entry["header_names"] if name.lower().startswith(MARK))


def _tokens(entry: dict[str, Any]) -> tuple[int, int]:
    usage = entry["usage"]
    return (
        usage.get("input_tokens", usage.get("prompt_tokens")),
        usage.get("output_tokens", usage.get("completion_tokens")),
    )


def _equal(row: dict[str, Any], entry: dict[str, Any]) -> bool:
    return (row["input_tokens"], row["output_tokens"]) == _tokens(entry) and row["cost_nusd"] == _billed(
        entry
    )


def _billed(entry: dict[str, Any]) -> int:
    (tokens_in, tokens_out), (price_in, price_out) = _tokens(entry), PRICES[entry["provider"]]
    return tokens_in * price_in + tokens_out * price_out


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def main() -> None:
    """Prints the figures; exit 1 if the books do not agree."""
    parser = argparse.ArgumentParser(prog="python -m tests.heavy.crash", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    started_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sluiceway-crash-") as folder:
        found = crash(Path(folder), options.rounds, options.seed)
    _progress("")
    print(f"kill -9, {options.rounds} rounds, seed {options.seed}, {time.monotonic() - started_s:.0f} s")
    print(f"  {found.asked} requests asked, {found.whole} answered whole")
    print(f"  {found.counted} counted by the providers, {found.rows} ledger rows")
    print(f"  {found.left_open} rows were open when the process died and were settled at the next start")
    for what in ("missing", "doubled", "invented", "unequal"):
        marks = getattr(found, what)
        print(f"  {what}: {len(marks)}" + (f" ({', '.join(marks[:5])})" if marks else ""))
    print(f"  billed {found.billed_nusd / 1e9:.6f} USD, charged to caps {found.charged_nusd / 1e9:.6f} USD")
    print(f"  ledger verify: {found.verify}")
    print(f"  serves again, nothing left reserved: {'yes' if found.works_again else 'NO'}")
    raise SystemExit(0 if found.good else 1)


if __name__ == "__main__":
    main()

"""What telling a task costs: CPU time for requests of 1 KB, 10 KB and 200 KB, read to a document already.

Figures for people to read; no test asserts them.
"""

from __future__ import annotations

import random
import time
from functools import cache

from sluiceway.gateway.tasks import task_of
from tests.tasks.eval.examples import read

SIZES = (1_000, 10_000, 200_000)
ROUNDS = 400


def main() -> None:
    """Print the least (as on an idle machine), the median and the 99th percentile, in ms."""
    print("\n| a request's text | least ms | p50 ms | p99 ms |\n|---|---|---|---|")
    for size in SIZES:
        print(_row(f"prompts, {size // 1000} KB", [_prose(size, number) for number in range(ROUNDS)]))
    for name, text in HOSTILE.items():
        print(
            _row(f"hostile: {name}, 200 KB", [(text * (200_000 // len(text) + 1))[:200_000]] * (ROUNDS // 4))
        )


def _row(name: str, texts: list[str]) -> str:
    figures = sorted(_ms(text) for text in texts)
    told = (figures[0], figures[len(figures) // 2], figures[int(len(figures) * 0.99)])
    return f"| {name} |" + "".join(f" {each:.2f} |" for each in told)


def _ms(text: str) -> float:
    document = {
        "model": "m",
        "system": text[:20_000],
        "messages": [{"role": "user", "content": "hello"}] * 40 + [{"role": "user", "content": text}],
        "tools": [{"name": f"tool_{number}"} for number in range(100)],
    }
    start = time.process_time_ns()
    task_of(document, "curl")
    return (time.process_time_ns() - start) / 1e6


def _prose(size: int, number: int) -> str:
    """Prompts of the training part one after the other, in another order each time."""
    texts = list(_prompts())
    random.Random(number).shuffle(texts)
    joined = "\n\n".join(texts)
    return (joined * (size // len(joined) + 1))[:size]


@cache
def _prompts() -> tuple[str, ...]:
    return tuple(each.signals.head for each in read("train"))


HOSTILE = {
    "one long word": "a",
    "words of code": "class import return ",
    "quotes": '"a ',
    "SELECT": "SELECT ",
    "blank lines": "\n",
    "slashes": "a/",
    "underscores": "a_",
    "backquotes": "`a",
    "Chinese": "分析代码",
    "times": "10:10:10 ",
}

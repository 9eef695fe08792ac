"""What a task is told by: a bounded look at a request, and what is said of it. No text leaves this room."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sluiceway.policy.task.asking import parted
from sluiceway.policy.task.kinds import Kind
from sluiceway.policy.task.lines import Paste

# Characters kept. What is asked stands at the start or the end of a long message; between them is what was
# pasted. With these bounds a message of 200 KB costs what one of 2 KB costs.
HEAD, TAIL = 450, 300
SYSTEM_HEAD = 600
BEFORE_HEAD = 400
MAX_TOOLS = 64


@dataclass(frozen=True, slots=True)
class Signals:
    """A request as far as its task may depend on it. The texts are bounded, so that any size costs the same.

    `head` and `tail`: the beginning of the user's last message, and its end where it is longer than that; where
    something was `pasted`, only what is asked above it and below it, or in `head` what is asked at one end.
    `before`: the beginning of the user's message before it, for a last one that says only "and shorter".
    `client` is the client's own word.
    """

    head: str = field(default="", repr=False)
    tail: str = field(default="", repr=False)
    before: str = field(default="", repr=False)
    system: str = field(default="", repr=False)
    tools: tuple[str, ...] = ()
    client: str | None = None
    pasted: Paste | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """What sort of work a request is. `confidence` (0 to 1) is of the likeliest kind, also where that is too
    little to name it (`unknown`). `reasons` are fixed words, never the person's, strongest first."""

    task: Kind | Literal["unknown"]
    confidence: float
    reasons: tuple[str, ...]

    @property
    def known(self) -> Kind | None:
        """The kind, None where it cannot be told: as `Facts.task` and the ledger hold it."""
        return None if self.task == "unknown" else self.task


def signals(
    text: str,
    before: str = "",
    system: str = "",
    tools: tuple[str, ...] = (),
    client: str | None = None,
) -> Signals:
    """The signals of texts of any length."""
    found = parted(text)
    head, tail = (found.above or found.below, found.below if found.above else "") if found else (text, text[HEAD:])
    return Signals(
        head=head[:HEAD],
        tail=tail[-TAIL:],
        before=before[:BEFORE_HEAD],
        system=system[:SYSTEM_HEAD],
        tools=tools[:MAX_TOOLS],
        client=client,
        pasted=found.paste if found else None,
    )

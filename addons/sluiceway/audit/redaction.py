"""Redaction for the audit: the guard's audit profile, in a process of its own, and a second look at it all.

The recorder is a thread: scanning there would hold the interpreter, and with it every request, for as long as
it takes. So a worker of the guard scans, spoken to over its pipes, at a low priority. A scan that is late or
whose process dies raises: the text is then not kept (`withheld_error`), and the next scan starts a new one.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence

from sluiceway.audit.parts import Redacted
from sluiceway.errors import SluicewayError
from sluiceway.guard.patterns import Profile
from sluiceway.guard.placeholders import LABELS, PLACEHOLDER, Numbering, mask
from sluiceway.guard.scan import TYPES
from sluiceway.guard.worker import HEADER, packed
from sluiceway.types import Finding

# Loading a language model takes seconds, and one reads a megabyte a minute.
DEADLINE_S = 120.0
NICENESS = 10
# What the audit profile finds first; the inline one has the recognisers a company limits to requests.
PROFILES: tuple[Profile, ...] = ("audit", "inline")
# Taking one thing out can bring another to light, such as the rest of a name.
ROUNDS = 3
_OURS = frozenset(LABELS.get(each, each) for each in TYPES)

type Scan = Callable[[str, Profile], Sequence[Finding]]


class ScanFailed(SluicewayError):
    """No findings: the scan did not happen. It does not mean that there is nothing to find."""


class ScanProcess:
    """One worker process, one text at a time. Not thread-safe but for `use` and `close`."""

    def __init__(self, recognizers: str = "null", deadline_s: float = DEADLINE_S) -> None:
        """`recognizers`: JSON of company.Recognizers, null for none."""
        self._recognizers, self._deadline_s = recognizers, deadline_s
        self._started_with = ""
        self._process: subprocess.Popen[bytes] | None = None

    def use(self, recognizers: str) -> None:
        """Scans with these from the next text on."""
        self._recognizers = recognizers

    def scan(self, text: str, profile: Profile) -> tuple[Finding, ...]:
        """The findings in a text; blocks. Raises ScanFailed."""
        process = self._ready()
        late = threading.Timer(self._deadline_s, process.kill)
        late.daemon = True
        late.start()
        try:
            return _asked(process, text, profile)
        except (OSError, EOFError, ValueError):
            self.close()
            raise ScanFailed("the scan was late, or its process died") from None
        finally:
            late.cancel()

    @property
    def pid(self) -> int | None:
        """The process, where one runs."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def close(self) -> None:
        """Ends the process; a scan under way fails."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):  # what was not written yet has no reader any more
                pipe.close()

    def _ready(self) -> subprocess.Popen[bytes]:
        wanted = self._recognizers
        if self.pid is None or self._started_with != wanted:
            self.close()
            command = (sys.executable, "-m", "sluiceway.guard.worker")
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe)  # noqa: S603 - our own
            os.setpriority(os.PRIO_PROCESS, self._process.pid, NICENESS)
            self._started_with = wanted
            assert self._process.stdin is not None
            self._process.stdin.write(packed(json.loads(wanted)))
        assert self._process is not None
        return self._process


def _asked(process: subprocess.Popen[bytes], text: str, profile: Profile) -> tuple[Finding, ...]:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(packed({"texts": [text], "profile": profile}))
    process.stdin.flush()
    header = process.stdout.read(HEADER.size)
    if len(header) != HEADER.size:
        raise EOFError
    (found,) = json.loads(process.stdout.read(*HEADER.unpack(header)))
    return tuple(Finding(*each) for each in found)


class Redactor:
    """Takes out what is found, and looks again. Numbers in placeholders tell values of one part apart, and
    mean nothing beyond it: the same person is not the same number elsewhere."""

    def __init__(self, scan: Scan) -> None:
        self._scan = scan

    def redact(self, text: str) -> Redacted:
        """The text with placeholders for what was found, and how many of each type. Raises ScanFailed."""
        numbering, counts = Numbering(os.urandom(32)), Counter[str]()
        numbering.avoid(text)
        for _ in range(ROUNDS):
            before = text
            for profile in PROFILES:
                found = self._found(text, profile)
                counts.update(each.type for each in found)
                text = mask(text, found, numbering).text
            if text == before:
                break
        return Redacted(text, counts)

    def residue(self, text: str) -> list[Finding]:
        """What is still found in a redacted text. Raises ScanFailed."""
        return [finding for profile in PROFILES for finding in self._found(text, profile)]

    def _found(self, text: str, profile: Profile) -> list[Finding]:
        found = self._scan(text, profile)
        if not found:
            return []
        placed = [each.span() for each in PLACEHOLDER.finditer(text) if each[1] in _OURS]
        return [each for each in found if not any(at <= each.start and each.end <= to for at, to in placed)]

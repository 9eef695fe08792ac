"""Notices that somebody edited the rules, and has them read again once the edit is over."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path

from sluiceway.errors import SluicewayError

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0

type Signature = frozenset[tuple[str, int, int]]


class RulesWatch:
    """Looks at the files below a folder once a second. Polling, because rules often lie on network or
    container mounts, where the kernel's notices do not arrive.

    An edit is taken up when two looks in a row see the same: a checkout that is half written is left alone.
    A version that was refused is not tried again until it changes.
    """

    def __init__(self, folder: Path, reload: Callable[[], object], every_s: float = LOOK_EVERY_S) -> None:
        self._folder = folder
        self._reload = reload
        self._every_s = every_s
        self._loaded: Signature = frozenset()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.note()
        self._task = asyncio.get_running_loop().create_task(self._watch())

    def note(self) -> None:
        """What is there now counts as loaded: call it before the files are read."""
        self._loaded = signature(self._folder)

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _watch(self) -> None:
        seen = self._loaded
        while True:
            await asyncio.sleep(self._every_s)
            try:
                before, seen = seen, await asyncio.to_thread(signature, self._folder)
            except OSError as error:
                logger.error("the rules cannot be watched: %s", error.strerror)
                continue
            if seen == before and seen != self._loaded:
                self._loaded = seen
                self._take_up()

    def _take_up(self) -> None:
        try:
            self._reload()
            logger.info("rules reloaded after an edit")
        except SluicewayError as error:
            logger.error("the edited rules were not loaded, the old ones stay in force:\n%s", error)
        except Exception as error:
            logger.error("the edited rules were not loaded: %s", type(error).__name__)


def signature(folder: Path) -> Signature:
    """Which rules files there are, with their times (nanoseconds) and sizes (bytes)."""
    files = (path for path in folder.rglob("*.yaml") if not path.name.startswith("."))
    return frozenset((str(path), stat.st_mtime_ns, stat.st_size) for path in files if (stat := _stat(path)))


def _stat(path: Path) -> os.stat_result | None:
    """None for a file that went away between two looks at the folder."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None

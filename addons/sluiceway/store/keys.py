"""Provider keys whose owner the company has told us: by fingerprint, the company's own also sealed.

The store never sees a key itself: it gets a keyed fingerprint to recognise it by and, for keys that may be
injected, a sealed blob that `audit.keyring` made and alone can open.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sluiceway.errors import StoreError
from sluiceway.store.engines.connection import Connection
from sluiceway.store.moments import from_us
from sluiceway.store.people import Runner
from sluiceway.types import KeyClass

_LABEL = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_COLUMNS = "label, provider, key_class, fingerprint, sealed, created_at, retired_at"


@dataclass(frozen=True, slots=True)
class ProviderKey:
    """One key. `sealed` None: it is only recognised, never injected."""

    label: str
    provider: str
    key_class: KeyClass
    fingerprint: str
    sealed: bytes | None = field(repr=False)
    created_at: datetime
    retired_at: datetime | None


class Keys:
    """Changes to keys. Each method blocks until its change is on disk."""

    def __init__(self, run: Runner, read: Callable[[], Connection], now_us: Callable[[], int]) -> None:
        self._run, self._read, self._now_us = run, read, now_us

    def add(
        self, label: str, provider: str, key_class: KeyClass, fingerprint: str, sealed: bytes | None
    ) -> None:
        """Registers a key. Raises StoreError for a label or a key that is there already."""
        if not _LABEL.fullmatch(label):
            raise StoreError("a key's label is 1 to 64 of a-z, 0-9, dot, underscore and hyphen")

        def write(connection: Connection) -> None:
            known = connection.execute(
                "SELECT label FROM keys WHERE fingerprint = ? OR label = ?", (fingerprint, label)
            ).fetchone()
            if known is not None:
                raise StoreError(f"this key or label is registered already, as {known[0]!r}")
            connection.execute(
                "INSERT INTO keys (label, provider, key_class, fingerprint, sealed, created_at) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (label, provider, str(key_class), fingerprint, sealed, self._now_us()),
            )

        self._run(write)

    def retire(self, label: str) -> None:
        """No longer injected, and its sealed form destroyed; still recognised as whose it was."""

        def write(connection: Connection) -> None:
            labels = [known for (known,) in connection.execute("SELECT label FROM keys")]
            if label not in labels:
                close = difflib.get_close_matches(label, labels, 1)
                hint = f" (did you mean {close[0]!r}?)" if close else ""
                raise StoreError(f"there is no key {label!r}{hint}")
            connection.execute(
                "UPDATE keys SET retired_at = coalesce(retired_at, ?), sealed = NULL WHERE label = ?",
                (self._now_us(), label),
            )

        self._run(write)

    def list(self) -> tuple[ProviderKey, ...]:
        """All keys, by label."""
        connection = self._read()
        try:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM keys ORDER BY label").fetchall()  # noqa: S608 - our own column names
        finally:
            connection.close()
        return tuple(
            ProviderKey(
                label,
                provider,
                KeyClass(key_class),
                fingerprint,
                sealed,
                from_us(created),
                None if retired is None else from_us(retired),
            )
            for label, provider, key_class, fingerprint, sealed, created, retired in rows
        )

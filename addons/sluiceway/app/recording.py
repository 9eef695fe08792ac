"""The audit in a running process: its log, the recorder where anything is kept, and the gate for requests.

Nothing is opened without a need: a deployment without audit rules has no node key, no log and no recorder,
unless an earlier rule left something behind that has to end: requests a crash cut off, text that expires.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sluiceway.app.audit import Office, Place
from sluiceway.app.deployment import Deployment
from sluiceway.app.entities import recognizers_of
from sluiceway.audit.gate import Gate
from sluiceway.audit.holders import Holders
from sluiceway.audit.log import Log
from sluiceway.audit.recorder import Recorder
from sluiceway.audit.redaction import Redactor, ScanProcess
from sluiceway.guard.company import Recognizers
from sluiceway.guard.load import ner_status
from sluiceway.guard.ner import Status
from sluiceway.policy import Policy
from sluiceway.store import Store

logger = logging.getLogger("sluiceway.audit")

PORTAL_URL = "http://sluiceway.internal"


class Recording:
    """One for each process that owns a store. `log` may be shared with whoever else adds to it."""

    def __init__(self, deployment: Deployment, store: Store, contact: str) -> None:
        self._deployment, self._store, self._contact = deployment, store, contact
        self._place = Place.of(deployment)
        self._opening = threading.Lock()
        self._log: Log | None = None
        self._recorder: Recorder | None = None
        self._scans = ScanProcess()

    @property
    def log(self) -> Log:
        """The node's log, opened when it is first needed. Raises StoreError where it was tampered with."""
        with self._opening:
            if self._log is None:
                self._log = self._place.log(self._store)
            return self._log

    @property
    def has_log(self) -> bool:
        """Whether anything was ever put on record here."""
        return self._log is not None or self._place.node_key.exists()

    def follow(self, policy: Policy, recognizers: Recognizers) -> Gate | None:
        """The gate for these rules and the auditors on file; None where there are no rules.

        Raises ConfigError or StoreError, with everything as it was."""
        holders = self._place.holders()
        redacts = any(rule.mode == "redacted" for rule in policy.audit)
        no_model = ner_status(recognizers).warning if redacts else None
        if not policy.audit and not self._left_behind():
            return None
        recorder = self._recorder or self._start(holders)
        recorder.use(holders)
        self._scans.use(recognizers.model_dump_json())
        if not policy.audit:
            return None
        self._warn(policy, holders, no_model)
        settings = self._deployment.settings
        return Gate(policy.audit, holders, recorder, self.log, settings.zone, PORTAL_URL, self._contact)

    def run(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """An operation `audit.*`; blocks until it is on disk. Raises SluicewayError."""
        return Office(self.log, self._recorder).run(operation, arguments)

    def gauges(self) -> dict[str, float]:
        """For metrics: what waits, and what became of the entries made since the start."""
        if self._recorder is None:
            return {}
        return {f"audit_{name}": count for name, count in self._recorder.status().items()}

    def close(self, timeout_s: float) -> None:
        """Writes what is queued; what is not written in time is `content_lost` at the next start."""
        if self._recorder is not None:
            self._recorder.close(timeout_s)
        self._scans.close()

    def _start(self, holders: Holders) -> Recorder:
        redactor = Redactor(self._scans.scan)
        self._recorder = Recorder(
            self.log,
            holders,
            self._store.boot,
            redactor.redact,
            redactor.residue,
            lambda: datetime.now(UTC),
        )
        return self._recorder

    def _left_behind(self) -> bool:
        with self._store.audit.snapshot() as snapshot:
            return any(True for _ in snapshot.pending()) or any(True for _ in snapshot.live_data_keys())

    def _warn(self, policy: Policy, holders: Holders, no_model: str | None) -> None:
        redacted = [rule.name for rule in policy.audit if rule.mode == "redacted"]
        if no_model is not None:
            logger.warning("audit: %s", no_model)
        if redacted and not holders.can_open:
            logger.warning(
                "audit: nothing is kept under %s: no two people in rules/auditors.yaml could open it",
                ", ".join(redacted),
            )


def ner_of(deployment: Deployment) -> Status:
    """Which language model redaction has, or what to say when it has none. Raises ConfigError."""
    return ner_status(recognizers_of(deployment.settings.rules))

"""The audit's place in a deployment, and what an operator, an auditor or the council may do with it.

Everything that writes goes through the process that owns the store; private keys stay with whoever typed
their passphrase: what they make (signed steps, opened layers) is sent, never the keys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sluiceway.app import control
from sluiceway.app.deployment import Deployment
from sluiceway.app.operations import actor
from sluiceway.audit.checkpoint import NodeKey
from sluiceway.audit.grounds import Grounds
from sluiceway.audit.holders import Holders, load_holders
from sluiceway.audit.log import Log
from sluiceway.audit.notice import Notice, acknowledge, disclose
from sluiceway.audit.recorder import Recorder
from sluiceway.audit.records import Access, row
from sluiceway.audit.shipping import CheckpointFile
from sluiceway.audit.shred import Selection, selected, shred
from sluiceway.errors import SluicewayError
from sluiceway.store import Store

NODE_KEY = "audit-node.key"
CHECKPOINTS = "audit-checkpoints.txt"
AUDITORS = "auditors.yaml"

type Arguments = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the audit's files are. `checkpoints` belongs on a disk that this machine cannot rewrite."""

    node_key: Path
    checkpoints: Path
    auditors: Path

    @classmethod
    def of(cls, deployment: Deployment) -> Place:
        folder = deployment.folder
        return cls(folder / NODE_KEY, folder / CHECKPOINTS, deployment.settings.rules / AUDITORS)

    @property
    def shipping(self) -> CheckpointFile:
        return CheckpointFile(self.checkpoints)

    def holders(self) -> Holders:
        return load_holders(self.auditors)

    def log(self, store: Store) -> Log:
        """The node's log; its key is made when it is first needed."""
        return Log(store.audit, NodeKey.load_or_create(self.node_key), self.shipping)


class Office:
    """The operations `audit.*` on an open, writable store. `recorder` where this process has one."""

    def __init__(
        self,
        log: Log,
        recorder: Recorder | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._log, self._recorder, self._clock = log, recorder, clock

    def run(self, operation: str, given: Arguments) -> Any:
        """Does one; blocks until it is on disk. Raises SluicewayError."""
        operations: dict[str, Callable[[Arguments], Any]] = {
            "audit.disclose": self._disclose,
            "audit.acknowledge": self._acknowledge,
            "audit.step": self._step,
            "audit.shred": self._shred,
        }
        if operation not in operations:
            raise SluicewayError(f"this version has no operation '{operation}'")
        return operations[operation](given)

    def _disclose(self, given: Arguments) -> dict[str, Any]:
        notice = Notice(given["rule"], given["version"], given["text"])
        record = disclose(self._log, given["person"], notice, given["channel"], given["actor"], self._clock())
        return asdict(record)

    def _acknowledge(self, given: Arguments) -> dict[str, Any]:
        record = acknowledge(
            self._log, given["person"], given["version"], given["channel"], given["actor"], self._clock()
        )
        return asdict(record)

    def _step(self, given: Arguments) -> dict[str, Any]:
        """A signed step towards reading. Whatever `verify` would find wrong with it is refused here."""
        step = Access(**given["step"])
        with self._log.store.snapshot() as snapshot:
            problems = list(Grounds(snapshot).problems("access", row(step)))
        if problems:
            raise SluicewayError(f"the audit does not take this step: {problems[0]}")
        releases = [
            (
                "releases",
                {
                    "approval": step.id,
                    "data_key": each["data_key"],
                    "layer": bytes.fromhex(each["layer"]),
                },
            )
            for each in given["releases"]
        ]
        self._log.append([step], releases)
        return {"id": step.id}

    def _shred(self, given: Arguments) -> dict[str, Any]:
        selection = Selection(given["person"], given["from_day"], given["to_day"])
        if given["expired"]:
            selection = Selection(expired_at=round(self._clock().timestamp() * 1_000_000))
        if given["dry_run"]:
            with self._log.store.snapshot() as snapshot:
                return {"data_keys": len(selected(snapshot, selection))}
        number = shred(self._log, selection, given["reason"], given["actor"], self._clock())
        if self._recorder is not None:
            self._recorder.forget(selection.person)
        return {"data_keys": number}


def perform(deployment: Deployment, operation: str, **arguments: Any) -> Any:
    """Has an operation done, by the running serve or here. Raises SluicewayError with what to do."""
    arguments = {**arguments, "actor": actor()}
    try:
        return control.ask(deployment.config, operation, arguments)
    except control.NotRunning:
        with deployment.store(writable=True) as store:
            return Office(Place.of(deployment).log(store)).run(operation, arguments)

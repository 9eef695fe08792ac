"""`sluiceway enroll`: from what was typed to a machine that is set up, and back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sluiceway.errors import MachineError
from sluiceway.machine.anchor import Anchor, read_anchor, today
from sluiceway.machine.enrol import Plan, Wanted, plan
from sluiceway.machine.journal import Done, Journal
from sluiceway.machine.portal import fetch_anchor
from sluiceway.machine.proxy import ProxyUrl
from sluiceway.machine.system_trust import Trust, trust_of_this_system
from sluiceway.machine.variables import folder_of

SYSTEM_STATE = Path("/etc/sluiceway/enroll-state.json")


@dataclass(frozen=True, slots=True)
class Source:
    """Where the company's certificate comes from: a file, a deployment's folder, else the portal."""

    file: Path | None = None
    deployment: Path | None = None
    sha256: str | None = None

    def anchor(self, proxy: ProxyUrl | None) -> Anchor:
        """Raises MachineError unless it is a valid authority, and the one whose fingerprint was given."""
        data, source = self._read(proxy)
        anchor = read_anchor(data, source, today())
        if self.sha256 and _plain(self.sha256) != _plain(anchor.sha256):
            raise MachineError(
                f"{source}: its SHA-256 is {anchor.sha256}, not the one you gave; do not trust it, "
                "and tell your platform team"
            )
        return anchor

    def _read(self, proxy: ProxyUrl | None) -> tuple[bytes, str]:
        path = self.file or (self.deployment and _ca_of(self.deployment))
        if path:
            try:
                return path.read_bytes(), str(path)
            except OSError as error:
                raise MachineError(
                    f"{path}: cannot be read ({error.strerror}); name the company's ca.pem"
                ) from None
        if proxy is None:
            raise MachineError("say which certificate to trust: --ca ca.pem, or --from a deployment's folder")
        return fetch_anchor(proxy), "the portal's ca.pem"


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What was done, or would be."""

    done: tuple[Done, ...]
    plan: Plan = field(repr=False)


def enrol(wanted: Wanted, *, dry_run: bool) -> Enrolled:
    """Sets up this user's environment."""
    planned = plan(wanted)
    if planned.folder.script_state.exists():
        raise MachineError(
            f"{planned.folder.script_state}: this machine was enrolled by enroll.sh; undo that first: "
            "sh enroll.sh --undo"
        )
    journal = Journal(planned.folder.state)
    done = journal.preview(planned.changes) if dry_run else journal.apply(planned.changes)
    return Enrolled(tuple(done), planned)


def undo(home: Path, environ: Mapping[str, str]) -> tuple[Done, ...]:
    """Everything as it was before the first `enroll`."""
    state = folder_of(home, environ).state
    return tuple(_journal_to_undo(state).undo())


def trust_system_wide(anchor: Anchor, *, dry_run: bool) -> tuple[Done, ...]:
    """Adds the anchor to the operating system's list."""
    trust = _as_root()
    changes = [trust.change(anchor.pem)]
    journal = Journal(SYSTEM_STATE)
    if dry_run:
        return tuple(journal.preview(changes))
    done = journal.apply(changes)
    trust.refresh()
    return tuple(done)


def undo_system_wide() -> tuple[Done, ...]:
    trust = _as_root()
    done = _journal_to_undo(SYSTEM_STATE).undo()
    trust.refresh()
    return tuple(done)


def _as_root() -> Trust:
    if os.geteuid() != 0:
        raise MachineError("--system changes the operating system's list of authorities: run it with sudo")
    return trust_of_this_system()


def _journal_to_undo(state: Path) -> Journal:
    journal = Journal(state)
    if journal.empty:
        raise MachineError(f"{state}: is not there, so `sluiceway enroll` has changed nothing here")
    return journal


def _ca_of(deployment: Path) -> Path:
    """`--from` takes the folder, its certs/ or its sluiceway.yaml."""
    folder = deployment.parent if deployment.is_file() else deployment
    inside = folder / "certs" / "ca.pem"
    return inside if inside.exists() else folder / "ca.pem"


def _plain(fingerprint: str) -> str:
    return fingerprint.replace(":", "").replace(" ", "").lower()

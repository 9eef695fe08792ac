"""The operating system's own list of trusted authorities, on Linux; needs root."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from sluiceway.errors import MachineError
from sluiceway.machine.journal import PUBLIC, Change

UPDATE_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Trust:
    """One distribution's way: a folder for anchors, and the command that reads it."""

    family: str
    folder: Path
    update: tuple[str, ...]

    def change(self, pem: bytes) -> Change:
        return Change(self.folder / "sluiceway.crt", pem, mode=PUBLIC)

    def refresh(self) -> None:
        """Raises MachineError when the list could not be made anew."""
        try:
            done = subprocess.run(self.update, capture_output=True, timeout=UPDATE_TIMEOUT_S)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired):
            raise MachineError(f"`{' '.join(self.update)}` could not be run; run it by hand") from None
        if done.returncode:
            raise MachineError(
                f"`{' '.join(self.update)}` failed with {done.returncode}; run it by hand and read on"
            )


WAYS = (
    Trust(
        "Debian, Ubuntu, Alpine",
        Path("/usr/local/share/ca-certificates"),
        ("update-ca-certificates", "--fresh"),
    ),
    Trust("Fedora, RHEL", Path("/etc/pki/ca-trust/source/anchors"), ("update-ca-trust", "extract")),
    Trust("SUSE", Path("/etc/pki/trust/anchors"), ("update-ca-certificates", "--fresh")),
    Trust("Arch", Path("/etc/ca-certificates/trust-source/anchors"), ("update-ca-trust", "extract")),
)


def trust_of_this_system() -> Trust:
    for way in WAYS:
        if way.folder.is_dir() and shutil.which(way.update[0]):
            return way
    raise MachineError(
        "this system's list of trusted authorities was not found (looked for update-ca-certificates and "
        "update-ca-trust); install ca.pem as its manual says. What is set without --system needs none of it."
    )

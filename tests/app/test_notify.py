"""The service manager hears of it when there is one, and its absence harms nobody."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from sluiceway.app.notify import tell

UNIT = Path(__file__).parents[2] / "docs" / "operate" / "sluiceway.service"


@pytest.mark.parametrize("form", ["file", "abstract"])
def test_the_manager_is_told(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "notify") if form == "file" else f"@{tmp_path}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path if form == "file" else "\0" + path[1:])
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        tell("READY=1")
        assert manager.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "/nowhere/at/all"])
def test_nobody_to_tell_is_no_error(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    tell("READY=1")


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    analyse = shutil.which("systemd-analyze")
    if analyse is None:
        pytest.skip("systemd-analyze is not on this machine")
    unit = tmp_path / "sluiceway.service"
    # The program and the user exist where the service is installed, not here.
    text = UNIT.read_text().replace("/opt/sluiceway/bin/sluiceway", "/bin/true")
    unit.write_text(text.replace("User=sluiceway", "User=root").replace("Group=sluiceway", "Group=root"))
    done = subprocess.run(
        [analyse, "verify", str(unit)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "sluiceway.service" not in done.stderr

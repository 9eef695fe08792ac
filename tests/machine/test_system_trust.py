"""The operating system's list of authorities, made anew by its own program in folders of the test's own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from sluiceway.app import enrolment
from sluiceway.errors import MachineError
from sluiceway.front.certificate import make_anchor
from sluiceway.machine.anchor import certificates, join, read_anchor
from sluiceway.machine.system_trust import Trust
from tests.machine.home import NOW, company, tree

UPDATE = shutil.which("update-ca-certificates", path=f"{os.environ['PATH']}:/usr/sbin")

OTHER = make_anchor("Other", NOW).cert


@pytest.fixture
def trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trust:
    folders = {name: tmp_path / name for name in ("local", "etc", "public", "hooks")}
    for folder in folders.values():
        folder.mkdir()
    (tmp_path / "conf").write_text("")
    (folders["local"] / "other.crt").write_bytes(join([OTHER]))
    options = ("--certsconf", str(tmp_path / "conf"), "--certsdir", str(folders["public"]))
    places = ("--localcertsdir", str(folders["local"]), "--etccertsdir", str(folders["etc"]))
    update = (UPDATE or "", "--fresh", "--hooksdir", str(folders["hooks"]), *options, *places)
    found = Trust("Debian", folders["local"], update)
    monkeypatch.setattr(enrolment, "trust_of_this_system", lambda: found)
    monkeypatch.setattr(enrolment, "SYSTEM_STATE", tmp_path / "state" / "enroll-state.json")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return found


@pytest.mark.skipif(UPDATE is None, reason="update-ca-certificates is not on this machine")
def test_the_system_trusts_the_ca_and_does_not_after_undo(trust: Trust, tmp_path: Path) -> None:
    anchor = read_anchor(company(), "ca.pem", NOW)
    before = tree(trust.folder)
    enrolment.trust_system_wide(anchor, dry_run=True)
    assert tree(trust.folder) == before
    for _ in range(2):
        enrolment.trust_system_wide(anchor, dry_run=False)
    whole = tmp_path / "etc" / "ca-certificates.crt"
    assert set(certificates(whole.read_bytes())) == {OTHER, *anchor.certs}
    enrolment.undo_system_wide()
    assert tree(trust.folder) == before
    assert certificates(whole.read_bytes()) == (OTHER,)


def test_a_failing_update_is_told(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="run it by hand"):
        Trust("none", tmp_path, ("false",)).refresh()
    with pytest.raises(MachineError, match="could not be run"):
        Trust("none", tmp_path, (str(tmp_path / "nothing"),)).refresh()


def test_it_needs_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(MachineError, match="run it with sudo"):
        enrolment.trust_system_wide(read_anchor(company(), "ca.pem", NOW), dry_run=False)

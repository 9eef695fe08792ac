"""Enrolment: a new machine is set up, examined, and put back byte for byte."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from sluiceway.demo.play import Parts
from sluiceway.demo.scenes.line import Line, claim, shown
from sluiceway.demo.stage import Stage
from sluiceway.demo.terminal import Terminal

CLIENTS = ("curl", "git")
PROFILE = "# bob's own\nalias ll='ls -l'\n"


def enrolling(stage: Stage, parts: Parts) -> Iterator[Line]:
    """bob's new laptop, which here is a folder."""
    home = stage.folder / "home-of-bob"
    home.mkdir()
    (home / ".bashrc").write_text(PROFILE)
    before, plain = _state(home), _plain(home)
    pem = x509.load_pem_x509_certificate(stage.anchor.read_bytes())
    words = (
        "enroll",
        "--proxy-url",
        "-",
        "--ca",
        str(stage.anchor),
        "--sha256",
        pem.fingerprint(SHA256()).hex(),
    )
    person = Terminal()
    set_up = person.type(
        *words, "--shell", "bash", environment=plain, keyboard=f"{stage.proxy_urls['bob']}\n"
    )
    written = len(_state(home)) - len(before)
    yield claim(
        set_up.code == 0 and written > 0,
        f"`sluiceway enroll` set up bob's machine: {written} files, and .bashrc",
    )
    asked = [word for name in CLIENTS for word in ("--client", name)]
    found = person.type("doctor", *asked, environment=_enrolled(home, plain))
    yield claim(
        found.code == 0,
        f"`sluiceway doctor` tried {' and '.join(CLIENTS)} through the proxy and found nothing broken:",
    )
    for line in found.all.splitlines():
        if any(name in line for name in CLIENTS):
            yield shown(line)
    undone = person.type("enroll", "--undo", environment=plain)
    yield claim(
        undone.code == 0 and _state(home) == before, "`sluiceway enroll --undo` put every byte back as it was"
    )


def _plain(home: Path) -> dict[str, str]:
    """A machine that was never set up."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    return {**kept, "HOME": str(home), "SHELL": "/bin/bash", "USER": "bob"}


def _enrolled(home: Path, plain: dict[str, str]) -> dict[str, str]:
    """The variables that a new shell of bob's has."""
    (script,) = (home / ".config").rglob("*.sh")
    told = subprocess.run(
        ["sh", "-c", f". '{script}'; env"], env=plain, capture_output=True, text=True, check=True
    )
    return dict(re.findall(r"^(\w+)=(.*)$", told.stdout, re.MULTILINE))


def _state(home: Path) -> dict[str, str]:
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in home.rglob("*")
        if path.is_file()
    }

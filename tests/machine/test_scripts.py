"""The scripts for machines without Python: enroll.sh for real in a temporary home, enroll.ps1 by its text."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from sluiceway import content
from sluiceway.app import enrolment
from sluiceway.errors import MachineError
from sluiceway.front.certificate import make_anchor
from sluiceway.machine.anchor import certificates, join, read_anchor
from sluiceway.machine.portal import fetch_anchor
from sluiceway.machine.proxy import parse_proxy_url
from sluiceway.machine.variables import BUNDLES, Folder, variables
from tests.machine.home import NOW, PROXY, TOKEN, anchor_of, company, enrol, tree

SCRIPT = content.folder("certs") / "enroll.sh"
POWERSHELL = content.folder("certs") / "enroll.ps1"
SHELLS = ["sh", "dash", "bash", "zsh --emulate sh", "busybox sh"]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the script is tried on Linux only")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "alice's home"
    (home / "dotfiles").mkdir(parents=True)
    (home / ".bashrc").write_bytes(b"alias ll='ls -l'")
    (home / ".bashrc").chmod(0o640)
    (home / ".zshrc").write_bytes(b"")
    (home / "dotfiles" / "profile").write_bytes(b"# mine\r\n")
    (home / ".profile").symlink_to("dotfiles/profile")
    return home


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    file = tmp_path / "ca.pem"
    file.write_bytes(company())
    return file


def script(
    home: Path, *arguments: str, shell: str = "sh", url: str = PROXY, **environ: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*shell.split(), str(SCRIPT), *arguments],
        env={"HOME": str(home), "PATH": os.environ["PATH"], **environ},
        input=url + "\n",
        capture_output=True,
        text=True,
        timeout=60,
    )


def set_up(home: Path, ca: Path, *more: str, shell: str = "sh", url: str = PROXY, **environ: str) -> None:
    done = script(home, "--proxy-url", "-", "--ca", str(ca), *more, shell=shell, url=url, **environ)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert TOKEN not in done.stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_set_up_twice_and_undone_nothing_is_left(home: Path, ca: Path, shell: str) -> None:
    if shutil.which(shell.split()[0]) is None:
        pytest.skip(f"{shell.split()[0]} is not installed on this machine")
    before = tree(home)
    set_up(home, ca, shell=shell)
    once = tree(home)
    set_up(home, ca, shell=shell)
    assert tree(home) == once
    assert script(home, "--undo", shell=shell).returncode == 0
    (home / ".config").rmdir()
    assert tree(home) == before


def test_it_sets_the_same_variables_as_the_command(home: Path, ca: Path) -> None:
    set_up(home, ca, "--no-proxy", ".corp.example,10.0.0.0/8", no_proxy="git.corp.example,localhost")
    folder = Folder(home / ".config" / "sluiceway")
    out = subprocess.run(
        ["sh", "-c", '. "$HOME/.bashrc"; env'],
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
    ).stdout
    seen = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
    no_proxy = "localhost,127.0.0.1,::1,git.corp.example,.corp.example,10.0.0.0/8"
    wanted = variables(parse_proxy_url(PROXY), folder, no_proxy, node_extra=False)
    assert {name: seen.get(name) for name in wanted} == wanted
    assert anchor_of(home).pem == company()
    assert set(certificates(company())) < set(certificates(folder.bundle.read_bytes()))


@pytest.mark.parametrize("last", [b"", b"# very last\n"], ids=["then undone", "edited again, then undone"])
def test_lines_the_user_wrote_since_stay(home: Path, ca: Path, last: bytes) -> None:
    set_up(home, ca)
    bashrc = home / ".bashrc"
    bashrc.write_bytes(b"# first\n" + bashrc.read_bytes() + b"# last\n")
    set_up(home, ca)
    bashrc.write_bytes(bashrc.read_bytes() + last)
    assert script(home, "--undo").returncode == 0
    assert bashrc.read_bytes() == b"# first\nalias ll='ls -l'\n# last\n" + last


def test_what_holds_the_token_is_for_its_owner_alone(home: Path, ca: Path) -> None:
    set_up(home, ca)
    holders = [path for path, (_, data) in tree(home).items() if TOKEN.encode() in data]
    assert holders == [".config/sluiceway/env.sh"]
    assert (home / holders[0]).stat().st_mode & 0o777 == 0o600


def test_another_company_root_that_was_trusted_before_still_is(home: Path, ca: Path, tmp_path: Path) -> None:
    other = make_anchor("Other", NOW).cert
    (tmp_path / "other.pem").write_bytes(join([other]))
    set_up(home, ca, NODE_EXTRA_CA_CERTS=str(tmp_path / "other.pem"))
    set_up(home, ca)
    folder = home / ".config" / "sluiceway"
    assert other in certificates((folder / "bundle.pem").read_bytes())
    assert set(certificates((folder / "node-extra.pem").read_bytes())) == {other, *certificates(company())}


def test_an_https_proxy_also_tells_curl(home: Path, ca: Path) -> None:
    before = tree(home)
    set_up(home, ca, url=PROXY.replace("http://", "https://"))
    assert "proxy-cacert" in (home / ".curlrc").read_text()
    script(home, "--undo")
    (home / ".config").rmdir()
    assert tree(home) == before


class Portal(BaseHTTPRequestHandler):
    """As the proxy answers for sluiceway.internal."""

    def do_GET(self) -> None:
        good = self.path == "http://sluiceway.internal/ca.pem" and self.headers["Proxy-Authorization"]
        self.send_response(200 if good else 407)
        self.end_headers()
        self.wfile.write(company() if good else b"")

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing."""


@pytest.fixture
def portal() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Portal)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed on this machine")
def test_the_ca_comes_from_the_portal_and_its_fingerprint_is_checked(home: Path, portal: str) -> None:
    url, sha256 = f"http://alice:{TOKEN}@{portal}", read_anchor(company(), "", NOW).sha256
    wrong = script(home, "--proxy-url", "-", "--sha256", "00" * 32, url=url)
    assert wrong.returncode == 1 and "do not trust it" in wrong.stderr
    done = script(home, "--proxy-url", "-", "--sha256", sha256.lower(), url=url)
    assert done.returncode == 0, done.stderr
    assert anchor_of(home).pem == company() and sha256 in done.stdout


def test_the_command_takes_the_ca_from_the_portal(portal: str) -> None:
    assert fetch_anchor(parse_proxy_url(f"http://alice:{TOKEN}@{portal}")) == company()
    with pytest.raises(MachineError, match="refuses this name and token"):
        fetch_anchor(parse_proxy_url(f"http://{portal}"))
    with pytest.raises(MachineError, match="does not answer"):
        fetch_anchor(parse_proxy_url(f"http://alice:{TOKEN}@127.0.0.1:1"))


REFUSED = {
    "no scheme": (f"alice:{TOKEN}@proxy:8080", "the proxy URL cannot be used"),
    "a quote": (f"http://alice:{TOKEN}'@proxy:8080", "the proxy URL cannot be used"),
    "a command": (f"http://alice:{TOKEN}$(id)@proxy:8080", "the proxy URL cannot be used"),
    "no port": (f"http://alice:{TOKEN}@proxy", "the proxy URL cannot be used"),
    "empty": ("", "the proxy URL cannot be used"),
}


@pytest.mark.parametrize(("url", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_a_malformed_proxy_url_changes_nothing(home: Path, ca: Path, url: str, says: str) -> None:
    before = tree(home)
    done = script(home, "--proxy-url", "-", "--ca", str(ca), url=url)
    assert done.returncode == 1 and says in done.stderr and TOKEN not in done.stdout + done.stderr
    assert tree(home) == before


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"hello", "holds no PEM certificate"),
        (b"-----BEGIN PRIVATE KEY-----\n", "holds a private key"),
        (company() * 9, "give ca.pem, not bundle.pem"),
        (join([make_anchor("Old", NOW.replace(year=NOW.year - 11)).cert]), "has expired"),
    ],
    ids=["not PEM", "a key", "a bundle", "expired"],
)
def test_a_file_that_is_no_valid_authority_changes_nothing(
    home: Path, ca: Path, data: bytes, says: str
) -> None:
    before = tree(home)
    ca.write_bytes(data)
    done = script(home, "--proxy-url", "-", "--ca", str(ca))
    assert done.returncode == 1 and says in done.stderr
    assert tree(home) == before


def test_script_and_command_do_not_undo_each_other(home: Path, ca: Path) -> None:
    set_up(home, ca)
    with pytest.raises(MachineError, match=r"enroll\.sh --undo"):
        enrol(home)
    script(home, "--undo")
    enrol(home)
    done = script(home, "--proxy-url", "-", "--ca", str(ca))
    assert done.returncode == 1 and "sluiceway enroll --undo" in done.stderr
    enrolment.undo(home, {})
    done = script(home, "--undo")
    assert done.returncode == 1 and "has changed nothing here" in done.stderr


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), (["--wrong"], 2), (["--ca"], 2)])
def test_usage(home: Path, arguments: list[str], code: int) -> None:
    assert script(home, *arguments).returncode == code


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed on this machine")
def test_shellcheck_finds_nothing() -> None:
    done = subprocess.run(["shellcheck", "-s", "sh", SCRIPT], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_windows_script_sets_the_same_variables() -> None:
    """PowerShell itself does not run here; what can be checked of its text is."""
    text = POWERSHELL.read_text("utf-8")
    for name in (
        "HTTPS_PROXY",
        "NO_PROXY",
        "NODE_EXTRA_CA_CERTS",
        "NODE_USE_ENV_PROXY",
        "GIT_PROXY_SSL_CAINFO",
        *BUNDLES,
    ):
        assert re.search(rf"\b{name}\b", text), name
    for opening, closing in ("{}", "()", "[]"):
        assert text.count(opening) == text.count(closing)

"""Enrolling a home folder and putting it back, byte for byte; what is refused, and in which words."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from sluiceway.app import enrolment
from sluiceway.app.enrolment import Source
from sluiceway.errors import MachineError
from sluiceway.front.certificate import make_anchor, make_leaf
from sluiceway.front.names import normalise
from sluiceway.machine.anchor import certificates, join, public_roots, read_anchor
from sluiceway.machine.enrol import Wanted
from sluiceway.machine.proxy import parse_proxy_url
from sluiceway.machine.shells import SHELLS
from tests.machine.home import NOW, PROXY, TOKEN, anchor_of, enrol, tree


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with the start files of someone who uses everything, none of them tidy."""
    home = tmp_path / "alice's home"
    (home / ".config" / "fish").mkdir(parents=True)
    (home / ".bashrc").write_bytes(b"alias ll='ls -l'")  # no newline at its end
    (home / ".profile").write_bytes(b"export EDITOR=vi\r\n")
    (home / ".zshrc").write_bytes(b"")
    (home / ".bashrc").chmod(0o640)
    dotfiles = home / "dotfiles"
    dotfiles.mkdir()
    (dotfiles / "zprofile").write_bytes(b"# mine\n")
    (home / ".zprofile").symlink_to("dotfiles/zprofile")
    return home


@pytest.mark.parametrize("times", [1, 2, 3])
def test_undo_restores_every_byte_and_mode_however_often_one_enrolled(home: Path, times: int) -> None:
    before = tree(home)
    for _ in range(times):
        enrol(home)
    assert tree(home) != before
    enrolment.undo(home, {})
    assert tree(home) == before


def test_enrolling_again_changes_nothing(home: Path) -> None:
    enrol(home)
    after_one = tree(home)
    done = enrol(home)
    assert {each.did for each in done} == {"unchanged"}
    assert tree(home) == after_one


def test_a_new_token_replaces_the_old_one_everywhere(home: Path) -> None:
    before = tree(home)
    enrol(home)
    enrol(home, PROXY.replace(TOKEN, "swy_new"))
    assert not any(TOKEN.encode() in data for _, data in tree(home).values())
    enrolment.undo(home, {})
    assert tree(home) == before


@pytest.mark.parametrize("last", [b"", b"# very last\n"], ids=["then undone", "edited again, then undone"])
def test_what_the_user_wrote_since_stays_and_only_our_block_goes(home: Path, last: bytes) -> None:
    enrol(home)
    bashrc = home / ".bashrc"
    bashrc.write_bytes(b"# first\n" + bashrc.read_bytes() + b"# last\n")
    enrol(home)
    bashrc.write_bytes(bashrc.read_bytes() + last)
    enrolment.undo(home, {})
    assert bashrc.read_bytes() == b"# first\nalias ll='ls -l'\n# last\n" + last


def test_our_own_file_with_words_of_the_user_is_kept_aside(home: Path) -> None:
    before = tree(home)
    enrol(home)
    script = home / ".config" / "sluiceway" / "env.sh"
    script.write_bytes(script.read_bytes() + b"export MINE=1\n")
    enrolment.undo(home, {})
    left = {path: held for path, held in tree(home).items() if path not in before}
    assert [path.name for path in map(Path, left)] == ["sluiceway", "env.sh.edited"]
    assert (script.parent / "env.sh.edited").stat().st_mode & 0o777 == 0o600


def test_a_file_of_the_same_name_that_was_there_before_comes_back(home: Path) -> None:
    there = home / ".config" / "environment.d" / "60-sluiceway.conf"
    there.parent.mkdir()
    there.write_bytes(b"OLD=1\n")
    before = tree(home)
    enrol(home)
    assert b"OLD" not in there.read_bytes()
    enrolment.undo(home, {})
    assert tree(home) == before


def test_an_enrolment_that_was_killed_midway_can_be_undone(home: Path) -> None:
    before = tree(home)
    enrol(home)
    (home / ".bashrc").write_bytes(before[".bashrc"][1])  # as if it had not come to this file
    (home / ".config" / "sluiceway" / "env.fish").unlink()
    enrolment.undo(home, {})
    assert tree(home) == before


def test_a_dry_run_writes_nothing(home: Path) -> None:
    before = tree(home)
    assert {each.did for each in enrol(home, dry_run=True)} == {"created", "changed"}
    assert tree(home) == before


def test_a_linked_start_file_stays_a_link(home: Path) -> None:
    enrol(home)
    assert (home / ".zprofile").is_symlink()
    assert b">>> sluiceway >>>" in (home / "dotfiles" / "zprofile").read_bytes()


def test_only_the_owner_can_read_what_holds_the_token(home: Path) -> None:
    enrol(home)
    holders = [path for path, (_, data) in tree(home).items() if TOKEN.encode() in data]
    assert sorted(Path(path).name for path in holders) == ["60-sluiceway.conf", "env.fish", "env.sh"]
    for path in [*holders, ".config/sluiceway/enroll-state.json"]:
        assert (home / path).stat().st_mode & 0o777 == 0o600, path


@pytest.mark.parametrize("shell", ["sh", "dash", "bash", "zsh", "fish"])
def test_a_real_shell_gets_the_variables(home: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed on this machine")
    enrol(home, no_proxy=(".corp.example,10.0.0.0/8",))
    start = {"zsh": ".zshrc", "bash": ".bashrc"}.get(shell, ".profile")
    command = f". '{home / start}'; env".replace("alice's", "alice'\\''s") if shell != "fish" else "env"
    environ = {"HOME": str(home), "PATH": os.environ["PATH"]}
    out = subprocess.run(
        [shell, "-c", command], env=environ, capture_output=True, text=True, check=True
    ).stdout
    seen = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
    folder = home / ".config" / "sluiceway"
    assert seen["HTTPS_PROXY"] == seen["https_proxy"] == PROXY
    assert seen["NO_PROXY"] == seen["no_proxy"] == "localhost,127.0.0.1,::1,.corp.example,10.0.0.0/8"
    assert seen["SSL_CERT_FILE"] == seen["GIT_SSL_CAINFO"] == str(folder / "bundle.pem")
    assert (seen["NODE_EXTRA_CA_CERTS"], seen["NODE_USE_ENV_PROXY"]) == (str(folder / "ca.pem"), "1")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_asked_for_gets_its_start_file_and_others_are_left_alone(tmp_path: Path, shell: str) -> None:
    (tmp_path / ".kshrc").write_text("")
    enrol(tmp_path, shells=(shell,))
    made = {
        "sh": ".profile",
        "bash": ".bashrc",
        "zsh": ".zshrc",
        "fish": ".config/fish/conf.d/sluiceway.fish",
    }
    starts = {path for path, (_, data) in tree(tmp_path).items() if b">>> sluiceway >>>" in data}
    assert starts == {made[shell]}


def test_without_any_start_file_a_profile_is_made_and_removed(tmp_path: Path) -> None:
    enrol(tmp_path)
    assert (tmp_path / ".profile").exists()
    enrolment.undo(tmp_path, {})
    assert tree(tmp_path) == {}


def test_what_no_proxy_had_is_kept_also_by_the_next_enrolment(home: Path) -> None:
    enrol(home, environ={"no_proxy": "git.corp.example, localhost"})
    enrol(home, no_proxy=("10.0.0.0/8",))
    text = (home / ".config" / "sluiceway" / "env.sh").read_text()
    assert "NO_PROXY='localhost,127.0.0.1,::1,git.corp.example,10.0.0.0/8'" in text


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"])
def test_another_company_root_that_was_trusted_before_still_is(home: Path, variable: str) -> None:
    other = make_anchor("Other", NOW).cert
    file = home / "other.pem"
    file.write_bytes(join([other]))
    enrol(home, environ={variable: str(file)})
    enrol(home)
    folder = home / ".config" / "sluiceway"
    anchor = certificates((folder / "ca.pem").read_bytes())
    assert set(certificates((folder / "bundle.pem").read_bytes())) >= {other, *anchor, *public_roots()}
    assert set(certificates((folder / "node-extra.pem").read_bytes())) == {other, *anchor}
    assert "node-extra.pem" in (folder / "env.sh").read_text()


def test_an_https_proxy_also_tells_curl_and_git_whom_to_trust(home: Path) -> None:
    (home / ".curlrc").write_text("silent\n")
    enrol(home, PROXY.replace("http://", "https://"))
    bundle = home / ".config" / "sluiceway" / "bundle.pem"
    assert f'proxy-cacert = "{bundle}"' in (home / ".curlrc").read_text()
    assert "GIT_PROXY_SSL_CAINFO" in (home / ".config" / "sluiceway" / "env.sh").read_text()
    enrolment.undo(home, {})
    assert (home / ".curlrc").read_text() == "silent\n"


@pytest.mark.skipif(shutil.which("keytool") is None, reason="keytool (Java) is not installed on this machine")
def test_java_reads_the_truststore(home: Path) -> None:
    enrol(home)
    store = home / ".config" / "sluiceway" / "truststore.p12"
    out = subprocess.run(
        ["keytool", "-list", "-keystore", store, "-storepass", "changeit"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    fingerprint = anchor_of(home).sha256
    assert fingerprint in out and "trustedCertEntry" in out


SECRET = "swy_secret"
BAD_URLS = {
    "empty": ("", "is empty"),
    "no scheme": (f"alice:{SECRET}@proxy:8080", "must start with http:// or https://"),
    "socks": (f"socks5://alice:{SECRET}@proxy:1080", "must start with http:// or https://"),
    "no port": (f"http://alice:{SECRET}@proxy", "has no port"),
    "port is a word": (f"http://alice:{SECRET}@proxy:http", "host or port cannot be read"),
    "port out of range": (f"http://alice:{SECRET}@proxy:99999", "host or port cannot be read"),
    "token alone": (f"http://:{SECRET}@proxy:8080", "has a name or a token only"),
    "name alone": (f"http://{SECRET}@proxy:8080", "has a name or a token only"),
    "a path": (f"http://alice:{SECRET}@proxy:8080/x", "nothing after them"),
    "a space": (f"http://alice:{SECRET} @proxy:8080", "percent-encoded"),
    "a dollar": (f"http://alice:{SECRET}$HOME@proxy:8080", "percent-encoded"),
    "no host": ("http://:8080", "a scheme, a host and a port"),
}


@pytest.mark.parametrize(("url", "says"), BAD_URLS.values(), ids=BAD_URLS.keys())
def test_a_malformed_proxy_url_is_refused_without_being_quoted(url: str, says: str) -> None:
    with pytest.raises(MachineError) as refused:
        parse_proxy_url(url)
    assert says in str(refused.value) and SECRET not in str(refused.value)


def test_a_proxy_url_is_understood_and_never_shown_with_its_token() -> None:
    proxy = parse_proxy_url(" https://al%40ice:swy_x@[::1]:8443/\n")
    assert (proxy.host, proxy.port, proxy.user, proxy.token) == ("::1", 8443, "al@ice", "swy_x")
    assert proxy.authorization == "Basic " + base64.b64encode(b"al@ice:swy_x").decode()
    assert proxy.shown == "https://al@ice:***@[::1]:8443" and "swy_x" not in repr(proxy)


def bad_authorities() -> dict[str, tuple[bytes, str]]:
    anchor = make_anchor("Test", NOW)
    leaf = make_leaf(anchor, normalise("proxy.example", 443), NOW, timedelta(days=1)).cert
    old, new = (make_anchor("Test", NOW + timedelta(days=days)).cert for days in (-4000, 30))
    return {
        "not PEM": (b"hello", "holds no PEM certificate"),
        "a server's": (join([leaf]), "not of an authority"),
        "expired": (join([old]), "expired on"),
        "of the future": (join([new]), "set the clock right"),
        "a bundle": (join(public_roots()), "give ca.pem, not bundle.pem"),
        "a key": (b"-----BEGIN PRIVATE KEY-----\n", "holds a private key"),
    }


@pytest.mark.parametrize("case", list(bad_authorities()))
def test_a_file_that_is_no_valid_authority_is_refused(case: str) -> None:
    data, says = bad_authorities()[case]
    with pytest.raises(MachineError, match=says):
        read_anchor(data, "ca.pem", NOW)


def test_another_fingerprint_than_the_one_given_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    anchor = make_anchor("Test", datetime.now(UTC)).cert
    file.write_bytes(join([anchor]))
    good = Source(file, sha256=read_anchor(file.read_bytes(), "", datetime.now(UTC)).sha256.lower())
    assert good.anchor(None).certs == (anchor,)
    with pytest.raises(MachineError, match="do not trust it"):
        Source(file, sha256="00" * 32).anchor(None)


@pytest.mark.parametrize("where", ["no-such-home", "file"])
def test_a_home_that_cannot_hold_it_is_refused_before_anything_is_written(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError, match="is not a folder"):
        enrol(tmp_path / where)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no folder here that nobody may write to")
def test_a_home_that_nobody_may_write_to_is_refused() -> None:
    with pytest.raises(MachineError, match=r"nothing was changed"):
        enrol(Path("/proc/self"))


def test_a_block_whose_end_was_deleted_is_not_guessed_at(home: Path) -> None:
    enrol(home)
    bashrc = home / ".bashrc"
    bashrc.write_bytes(bashrc.read_bytes().replace(b"# <<< sluiceway <<<", b""))
    with pytest.raises(MachineError, match="by hand"):
        enrol(home)


def test_undo_without_an_enrolment_says_so(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="has changed nothing here"):
        enrolment.undo(tmp_path, {})


def test_wanted_does_not_show_the_users_environment(tmp_path: Path) -> None:
    anchor = make_anchor("Test", NOW).cert
    wanted = Wanted(parse_proxy_url(PROXY), read_anchor(join([anchor]), "", NOW), tmp_path, {"KEY": SECRET})
    assert SECRET not in repr(wanted) and TOKEN not in repr(wanted)
    assert isinstance(wanted.anchor.certs[0], x509.Certificate)

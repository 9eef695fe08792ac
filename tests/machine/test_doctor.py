"""The doctor with real clients through a real Sluiceway: each fault is injected and named."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sluiceway import content
from sluiceway.front.certificate import make_anchor
from sluiceway.machine import way
from sluiceway.machine.anchor import join, public_roots
from sluiceway.machine.doctor import Patient, examine
from sluiceway.machine.proxy import parse_proxy_url
from sluiceway.machine.trials import CLIENTS
from sluiceway.machine.verdict import Fault, State, Verdict
from tests.e2e.running import Running
from tests.heavy.processes import SCRIPTS
from tests.machine.home import enrol

pytestmark = pytest.mark.e2e

# A name that no resolver knows (RFC 6761): a client that goes around the proxy gets nowhere.
HOST = "ai.test"
PROGRAMS = {"Node": "node", "git": "git", "npm": "npm", "Java": "java", "curl": "curl"}
type Environ = dict[str, str]


def start(folder: Path, listener: str = "{address: 127.0.0.1:0}") -> Running:
    rules = folder / "deployment" / "rules"
    rules.mkdir(parents=True)
    listed = (content.folder("rules") / "providers.yaml").read_text("utf-8")
    ours = listed.replace("      - api.openai.com\n", f"      - api.openai.com\n      - {HOST}\n")
    (rules / "providers.yaml").write_text(ours, "utf-8")
    return Running(folder, listener=listener)


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    started = start(tmp_path_factory.mktemp("sluiceway"))
    yield started
    started.stop()


@pytest.fixture(scope="module")
def alice(proxy: Running) -> str:
    return proxy.add("alice")


@pytest.fixture
def home(tmp_path: Path, proxy: Running, alice: str) -> Path:
    """A machine that was enrolled with everything."""
    enrol(tmp_path, alice, java=True, pem=Path(proxy.anchor).read_bytes())
    return tmp_path


def environ_of(home: Path) -> Environ:
    """What a new shell of this user has: read from the script by a shell, nothing else from this process."""
    script = home / ".config" / "sluiceway" / "env.sh"
    bare = {"HOME": str(home), "PATH": f"{node_folder()}{SCRIPTS}:{os.environ['PATH']}"}
    out = subprocess.run(
        ["sh", "-c", f". '{script}'; env -0"], env=bare, capture_output=True, text=True, check=True
    ).stdout
    return dict(line.split("=", 1) for line in out.split("\0") if "=" in line)


def node_folder() -> str:
    """`SLUICEWAY_TEST_NODE` names a Node of version 24 or later, where the machine's own is older."""
    given = os.environ.get("SLUICEWAY_TEST_NODE")
    return f"{Path(given).parent}:" if given else ""


def node_version(environ: Environ) -> int:
    node = shutil.which("node", path=environ["PATH"])
    if node is None:
        return 0
    return int(
        subprocess.run([node, "-p", "process.versions.node"], capture_output=True, text=True).stdout.split(
            "."
        )[0]
    )


def asked(home: Path, environ: Environ, *only: str, now: datetime | None = None) -> list[Verdict]:
    patient = Patient(environ, home, HOST, now or datetime.now(UTC), None, only)
    return examine(patient, lambda *_: None)


def faults(verdicts: list[Verdict]) -> set[tuple[str, Fault | None]]:
    """All but what is fine, is not installed, or is said of an old Node."""
    return {(each.check, each.fault) for each in verdicts if each.state in (State.BROKEN, State.WARNING)}


def mending(verdicts: list[Verdict], check: str) -> str:
    found = [each.mend for each in verdicts if each.check == check and each.mend]
    return found[0] if found else ""


@pytest.mark.parametrize("client", CLIENTS)
def test_an_enrolled_machine_is_well(home: Path, client: str) -> None:
    environ = environ_of(home)
    if client == "Node" and 0 < node_version(environ) < 24:
        pytest.skip(
            "the Node of this machine is older than 24: it knows no proxy (name one by SLUICEWAY_TEST_NODE)"
        )
    verdicts = asked(home, environ, client)
    if verdicts[-1].state is State.ABSENT:
        pytest.skip(f"{client} is not installed on this machine")
    assert faults(verdicts) == set()
    assert [each.check for each in verdicts] == [
        "environment",
        "proxy",
        "credentials",
        "CA",
        "firewall",
        client,
    ]


def test_no_request_of_the_doctor_reaches_a_provider_or_costs_anything(home: Path, proxy: Running) -> None:
    before = len(proxy.rows())
    asked(home, environ_of(home), "curl")
    rows = proxy.rows()[before:]
    assert [(row["outcome"], row["cost_nusd"], row["refusal_code"]) for row in rows] == [
        ("refused", 0, "path_not_listed")
    ] * len(rows) and rows


def test_a_node_before_24_is_said_to_go_around_the_proxy(home: Path, tmp_path: Path) -> None:
    environ = environ_of(home)
    environ["PATH"] = environ["PATH"].removeprefix(node_folder())
    if not 0 < node_version(environ) < 22:
        pytest.skip("no Node older than 22 on this machine")
    verdicts = asked(home, environ, "Node")
    assert faults(verdicts) == {("Node", Fault.AROUND)}
    assert mending(verdicts, "Node") == "install Node 24 or later"


def test_a_new_node_that_was_not_told_is_said_to_go_around_the_proxy(home: Path) -> None:
    environ = environ_of(home)
    if node_version(environ) < 24:
        pytest.skip("no Node 24 or later here; name one by SLUICEWAY_TEST_NODE")
    del environ["NODE_USE_ENV_PROXY"]
    verdicts = asked(home, environ, "Node")
    assert faults(verdicts) == {("Node", Fault.AROUND)}
    assert mending(verdicts, "Node") == "export NODE_USE_ENV_PROXY=1"


def ours(home: Path, name: str = "bundle.pem") -> str:
    return str(home / ".config" / "sluiceway" / name)


def other_ca(home: Path) -> str:
    """A bundle with public roots and a CA that is not this proxy's."""
    file = home / "other-bundle.pem"
    file.write_bytes(join([*public_roots(), make_anchor("Other", datetime.now(UTC)).cert]))
    return str(file)


VARIABLES = {
    "curl": "CURL_CA_BUNDLE",
    "Python urllib": "SSL_CERT_FILE",
    "Python requests": "REQUESTS_CA_BUNDLE",
    "Python openai": "SSL_CERT_FILE",
    "Python anthropic": "SSL_CERT_FILE",
    "git": "GIT_SSL_CAINFO",
    "pip": "PIP_CERT",
    "npm": "npm_config_cafile",
}


# Variables that would make up for a wrong one.
OTHERS_DO = {"npm": ("NODE_EXTRA_CA_CERTS",), "pip": ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")}


@pytest.mark.parametrize("client", VARIABLES)
@pytest.mark.parametrize(
    ("file", "fault"),
    [(other_ca, Fault.LACKS_ANCHOR), (lambda home: str(home / "gone.pem"), Fault.FILE_MISSING)],
    ids=["without the CA", "missing"],
)
def test_a_client_whose_list_of_roots_is_wrong(
    home: Path, client: str, file: Callable[[Path], str], fault: Fault
) -> None:
    environ, variable = environ_of(home), VARIABLES[client]
    skip_absent(client, environ)
    environ[variable] = file(home)
    for other in OTHERS_DO.get(client, ()):
        del environ[other]
    verdicts = [each for each in asked(home, environ, client) if each.fault is not Fault.NOT_SET]
    assert faults(verdicts) - {(client, Fault.DISTRUSTS)} == {("environment", fault)}
    assert mending(verdicts, "environment") == f"export {variable}={ours(home)}"
    # npm goes on with its own roots where the file is missing; either way it does not trust the CA.
    assert verdicts[-1].fault is Fault.DISTRUSTS, client
    assert verdicts[-1].mend == f"export {variable}={ours(home)}"


def test_node_without_the_ca(home: Path) -> None:
    environ = environ_of(home)
    if node_version(environ) < 24:
        pytest.skip("no Node 24 or later here; name one by SLUICEWAY_TEST_NODE")
    environ["NODE_EXTRA_CA_CERTS"] = other_ca(home)
    verdicts = asked(home, environ, "Node")
    assert faults(verdicts) == {("environment", Fault.LACKS_ANCHOR), ("Node", Fault.DISTRUSTS)}
    assert verdicts[-1].mend == f"export NODE_EXTRA_CA_CERTS={ours(home, 'ca.pem')}"


def test_java_without_the_ca_and_java_that_was_told_nothing(home: Path) -> None:
    environ = environ_of(home)
    skip_absent("Java", environ)
    whole = environ["JAVA_TOOL_OPTIONS"]
    environ["JAVA_TOOL_OPTIONS"] = whole.partition(" -Djavax")[0]
    verdicts = asked(home, environ, "Java")
    assert faults(verdicts) == {("Java", Fault.DISTRUSTS)}
    assert verdicts[-1].mend == f"JAVA_TOOL_OPTIONS='{whole}'"
    del environ["JAVA_TOOL_OPTIONS"]
    assert faults(asked(home, environ, "Java")) == {("Java", Fault.AROUND)}


def skip_absent(client: str, environ: Environ) -> None:
    program = PROGRAMS.get(client)
    if program and shutil.which(program, path=environ["PATH"]) is None:
        pytest.skip(f"{program} is not installed on this machine")


def test_a_bundle_of_the_company_ca_alone(home: Path) -> None:
    environ = {**environ_of(home), "SSL_CERT_FILE": ours(home, "ca.pem")}
    verdicts = asked(home, environ, "Python urllib")
    assert faults(verdicts) == {("environment", Fault.REPLACES_ROOTS)}
    assert mending(verdicts, "environment") == f"export SSL_CERT_FILE={ours(home)}"


def test_no_proxy_that_hides_the_ai_host(home: Path) -> None:
    environ = environ_of(home)
    for name in ("NO_PROXY", "no_proxy"):
        environ[name] += ",.test"
    verdicts = asked(home, environ, "curl", "git", "Python requests", "npm")
    hidden = {(client, Fault.AROUND) for client in ("curl", "git", "Python requests", "npm")}
    assert faults(verdicts) == {("environment", Fault.NO_PROXY_HIDES), *hidden}
    assert mending(verdicts, "environment") == "export NO_PROXY='localhost,127.0.0.1,::1'"


def test_small_letters_that_disagree(home: Path) -> None:
    environ = {**environ_of(home), "https_proxy": f"http://alice:swy_x@127.0.0.1:{closed_port()}"}
    verdicts = asked(home, environ, "curl", "Python openai")
    gone = {("curl", Fault.UNREACHABLE), ("Python openai", Fault.UNREACHABLE)}
    assert faults(verdicts) == {("environment", Fault.DISAGREES), *gone}
    assert mending(verdicts, "environment") == 'export https_proxy="$HTTPS_PROXY"'


def test_a_shell_that_is_older_than_the_enrolment(home: Path) -> None:
    environ = {"HOME": str(home), "PATH": environ_of(home)["PATH"]}
    verdicts = asked(home, environ, "curl")
    assert faults(verdicts) == {("environment", Fault.NOT_SET), ("curl", Fault.AROUND)}
    assert mending(verdicts, "environment") == f". {ours(home, 'env.sh')}"


def test_a_malformed_proxy_url_is_named_and_not_quoted(home: Path) -> None:
    environ = {**environ_of(home), "HTTPS_PROXY": "htp://alice:swy_secret@proxy"}
    verdicts = asked(home, environ, "curl")
    assert ("environment", Fault.MALFORMED) in faults(verdicts)
    assert "swy_secret" not in repr(verdicts)


ALL = (
    "curl",
    "Python urllib",
    "Python requests",
    "Python openai",
    "Python anthropic",
    "git",
    "pip",
    "npm",
    "Java",
)


@pytest.mark.parametrize("reason", ["wrong_token", "unknown_user", "revoked", "disabled"])
def test_credentials_that_are_not_good(home: Path, proxy: Running, reason: str) -> None:
    name = f"bob-{reason.replace('_', '-')}"
    url = proxy.add(name)
    if reason == "wrong_token":
        url = proxy.url(name, "swy_wrong")
    if reason == "unknown_user":
        url = proxy.url("nobody", "swy_wrong")
    if reason == "revoked":
        proxy.operate("person.token", name=name, revoke_old=True)
    if reason == "disabled":
        proxy.operate("person.disable", name=name)
    environ = environ_of(home) | {"HTTPS_PROXY": url, "https_proxy": url}
    clients = ALL if reason == "revoked" else ("curl",)
    verdicts = asked(home, environ, *clients)
    found = [each for each in verdicts if each.state is not State.ABSENT]
    refused = {(each.check, Fault.CREDENTIALS) for each in found if each.check in ("credentials", *clients)}
    assert faults(verdicts) == refused and ("credentials", Fault.CREDENTIALS) in refused
    assert way.REASONS[f"credentials_{reason}"] in next(e.says for e in verdicts if e.check == "credentials")
    assert mending(verdicts, "credentials").startswith("ask your platform team for a new proxy URL")
    assert "swy_" not in repr(verdicts)


def test_a_proxy_url_without_credentials(home: Path, proxy: Running) -> None:
    url = f"http://127.0.0.1:{proxy.port}"
    verdicts = asked(home, {**environ_of(home), "HTTPS_PROXY": url, "https_proxy": url}, "curl", "git", "pip")
    checks = ("credentials", "curl", "git", "pip")
    assert faults(verdicts) == {(check, Fault.CREDENTIALS) for check in checks}


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_proxy_that_is_down_or_on_another_port(home: Path) -> None:
    port = closed_port()
    url = f"http://alice:swy_x@127.0.0.1:{port}"
    environ = environ_of(home) | {"HTTPS_PROXY": url, "https_proxy": url}
    environ["JAVA_TOOL_OPTIONS"] = f"-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort={port}"
    verdicts = asked(home, environ, *ALL)
    there = {each.check for each in verdicts if each.state is not State.ABSENT} & set(ALL)
    assert faults(verdicts) == {
        ("proxy", Fault.UNREACHABLE),
        *((client, Fault.UNREACHABLE) for client in there),
    }
    assert "check the host and the port" in mending(verdicts, "proxy")


def test_a_port_where_something_else_listens(home: Path, proxy: Running) -> None:
    url = f"http://alice:swy_x@127.0.0.1:{proxy.providers.port}"
    environ = environ_of(home) | {"HTTPS_PROXY": url, "https_proxy": url}
    assert ("proxy", Fault.NOT_A_PROXY) in faults(asked(home, environ, "curl"))


def test_a_ca_that_is_another_than_the_proxys(tmp_path: Path, alice: str) -> None:
    enrol(tmp_path, alice)
    verdicts = asked(tmp_path, environ_of(tmp_path), "curl", "Python anthropic")
    distrust = {("curl", Fault.DISTRUSTS), ("Python anthropic", Fault.DISTRUSTS)}
    assert faults(verdicts) == {("CA", Fault.CA_OTHER), *distrust}
    assert mending(verdicts, "CA").startswith("get this proxy's ca.pem")


def test_an_expired_ca(home: Path) -> None:
    old = make_anchor("Test", datetime.now(UTC) - timedelta(days=4000)).cert
    Path(ours(home, "ca.pem")).write_bytes(join([old]))
    verdicts = asked(home, environ_of(home), "curl")
    found = next(each for each in verdicts if each.check == "CA" and each.fault)
    assert found.fault is Fault.CA_BAD and "expired on" in found.says


@pytest.mark.parametrize("days", [-30, 600], ids=["behind", "ahead"])
def test_a_clock_that_is_wrong(tmp_path: Path, alice: str, days: int) -> None:
    """The certificate does not verify here for its signer; by this clock it is first of all not in time."""
    then = datetime.now(UTC) + timedelta(days=days)
    enrol(tmp_path, alice)
    verdicts = way.look(parse_proxy_url(alice), HOST, None, then).verdicts
    assert [each.fault for each in verdicts] == [None, Fault.CLOCK]
    assert "timedatectl" in mending(list(verdicts), "clock")


@pytest.mark.skipif(shutil.which("faketime") is None, reason="faketime is not installed on this machine")
@pytest.mark.parametrize("when", ["-30d", "+200d"])
def test_a_machine_whose_clock_is_wrong(home: Path, when: str) -> None:
    done = doctor(home, "--client", "curl", before=["faketime", "-f", when])
    verdicts = json.loads(done.stdout)["verdicts"]
    assert "clock_wrong" in {each["fault"] for each in verdicts} or "ca_not_usable" in {
        each["fault"] for each in verdicts
    }
    assert any("set the clock right" in f"{each['says']} {each['mend']}" for each in verdicts)


def doctor(home: Path, *more: str, before: list[str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [*(before or []), sys.executable, "-m", "sluiceway", "doctor", "--host", HOST, "--json", *more]
    return subprocess.run(
        command, env=environ_of(home), cwd=home, capture_output=True, text=True, timeout=100
    )


def test_the_command_fails_when_something_is_broken_and_keeps_the_token_to_itself(
    home: Path, alice: str
) -> None:
    well = doctor(home, "--client", "curl")
    assert (well.returncode, json.loads(well.stdout)["ok"]) == (0, True), well.stderr
    Path(ours(home)).unlink()
    ill = doctor(home, "--client", "curl")
    assert (ill.returncode, json.loads(ill.stdout)["ok"]) == (1, False)
    token = alice.partition(":swy_")[2].partition("@")[0]
    assert token not in well.stdout + well.stderr + ill.stdout + ill.stderr


def test_direct_egress_that_is_open_is_pointed_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as open_door:
        found = way.egress("127.0.0.1", open_door.getsockname()[1])
    assert (found.state, found.fault) == (State.WARNING, Fault.EGRESS)
    assert "firewall" in str(found.mend)
    assert way.egress("127.0.0.1", closed_port()).fault is None


def test_a_tls_listener(tmp_path: Path) -> None:
    running = start(tmp_path / "run", "{address: 127.0.0.1:0, tls: auto}")
    try:
        home = tmp_path / "home"
        home.mkdir()
        url = running.add("carol").replace("http://", "https://")
        enrol(home, url, java=True, pem=Path(running.anchor).read_bytes())
        verdicts = asked(home, environ_of(home), *ALL)
        in_the_clear = {("Python urllib", Fault.NO_TLS), ("Java", Fault.NO_TLS)}
        assert faults(verdicts) <= in_the_clear and ("Python urllib", Fault.NO_TLS) in faults(verdicts)
        plain = url.replace("https://", "http://")
        wrong = environ_of(home) | {"HTTPS_PROXY": plain, "https_proxy": plain}
        assert ("proxy", Fault.NOT_A_PROXY) in faults(asked(home, wrong, "curl"))
    finally:
        running.stop()

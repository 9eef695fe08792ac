"""What anybody may have: certificates, scripts, the PAC file as a browser would run it; paths and methods."""

from __future__ import annotations

import hashlib
import json
import shutil
import ssl
import subprocess
from collections.abc import Callable

import pytest
from tests.portal.portal_world import NOON, Office, header

from sluiceway import content
from sluiceway.front.ca import create_anchor
from sluiceway.portal.pac import pac
from sluiceway.settings.portal import PortalSettings
from sluiceway.settings.providers import Providers

PROXY = "PROXY proxy.corp.example:8080"
# What Mozilla's original PAC helpers do, as far as the file uses them.
HELPERS = """
function isPlainHostName(host) { return host.indexOf(".") < 0; }
function number(ip) { return ip.split(".").reduce(function (n, part) { return n * 256 + Number(part); }, 0); }
function isInNet(host, net, mask) {
  if (!/^[0-9.]+$/.test(host)) throw new Error("would resolve " + host);
  return ((number(host) & number(mask)) >>> 0) === ((number(net) & number(mask)) >>> 0);
}
function dnsResolve(host) { throw new Error("would resolve " + host); }
"""


def run(file: str, hosts: list[str]) -> list[str]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    ask = f"console.log(JSON.stringify({json.dumps(hosts)}.map(h => FindProxyForURL('https://'+h+'/', h))))"
    done = subprocess.run([node, "-e", HELPERS + file + ask], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


def made(url: str = "http://proxy.corp.example:8080", **settings: object) -> str:
    providers = Providers.load(content.folder("rules") / "providers.yaml")
    return pac(url, providers, PortalSettings(**settings))  # type: ignore[arg-type]  # as from a file


CASES = {
    "sluiceway.internal": PROXY,
    "SLUICEWAY.internal.": PROXY,
    "api.anthropic.com": PROXY,
    "API.OpenAI.com": PROXY,
    "chatgpt.com": PROXY,
    "ws.chatgpt.com": PROXY,
    "example.com": PROXY,
    "intranet": "DIRECT",
    "localhost": "DIRECT",
    "printer.local": "DIRECT",
    "git.corp.example": "DIRECT",
    "corp.example": "DIRECT",
    "notcorp.example": PROXY,
    "10.1.2.3": "DIRECT",
    "172.31.0.1": "DIRECT",
    "172.32.0.1": PROXY,
    "192.168.1.1": "DIRECT",
    "169.254.1.1": "DIRECT",
    "203.0.113.9": "DIRECT",
    "203.0.114.9": PROXY,
    "8.8.8.8": PROXY,
    "::1": "DIRECT",
    "[fd00::1]": "DIRECT",
    "fe80::1": "DIRECT",
    "2001:db8::1": PROXY,
}


def test_the_pac_file_sends_each_host_where_it_should() -> None:
    file = made(no_proxy=("corp.example", "203.0.113.0/24"))
    assert dict(zip(CASES, run(file, list(CASES)), strict=True)) == CASES


def test_others_go_direct_where_the_setting_says_so_and_ai_hosts_never_do() -> None:
    hosts = ["example.com", "api.anthropic.com", "claude.ai", "8.8.8.8", "2001:db8::1"]
    assert run(made(pac_others="direct"), hosts) == ["DIRECT", PROXY, PROXY, "DIRECT", "DIRECT"]
    wide = made(no_proxy=("anthropic.com", "openai.com"))  # an exception cannot make an AI host unmetered
    assert run(wide, ["api.anthropic.com", "platform.openai.com"]) == [PROXY, "DIRECT"]


def test_a_tls_listener_is_an_https_proxy() -> None:
    assert run(made("https://proxy.corp.example:8443"), ["example.com"]) == ["HTTPS proxy.corp.example:8443"]


@pytest.fixture
def certified(open_office: Callable[..., Office]) -> Office:
    office = open_office()
    create_anchor(office.certs, "Test", "a passphrase", NOON)
    shutil.copy(office.certs / "ca.pem", office.certs / "bundle.pem")
    (office.certs / "enroll.sh").write_text("#!/bin/sh\necho hi\n")
    return office


def test_certificates_come_as_themselves(certified: Office) -> None:
    pem, der = certified.ask("/ca.pem"), certified.ask("/ca.der")
    assert header(pem, "content-type") == header(der, "content-type") == "application/x-x509-ca-cert"
    assert ssl.PEM_cert_to_DER_cert(pem.body.decode()) == der.body
    assert certified.ask("/bundle.pem").body == pem.body
    assert certified.ask("/enroll.sh").body == b"#!/bin/sh\necho hi\n"


def test_help_names_the_fingerprint_and_only_the_scripts_that_are_there(certified: Office) -> None:
    page = certified.html("/help")
    assert hashlib.sha256(certified.ask("/ca.der").body).digest().hex(":").upper() in page
    assert "/enroll.sh" in page
    assert "/enroll.ps1" not in page
    assert "http://NAME:TOKEN@proxy.corp.example:8080" in page


def test_a_private_key_is_never_given_away(certified: Office) -> None:
    for path in (
        "/anchor.key",
        "/certs/anchor.key",
        "/../anchor.key",
        "/ca.pem/../anchor.key",
        "/issuer.key",
    ):
        assert certified.ask(path).status == 404
    with (certified.certs / "ca.pem").open("a") as file:
        file.write("-----BEGIN EC PRIVATE KEY-----")
    assert certified.ask("/ca.pem").status == 404


def test_a_file_that_is_not_there_is_missed_in_words(office: Office) -> None:
    page = office.ask("/enroll.ps1")
    assert page.status == 404
    assert "this deployment has no enroll.ps1" in page.body.decode()


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/nowhere", 404, None),
        ("GET", "//", 404, None),
        ("GET", "/%2e%2e/ca.pem", 404, None),
        ("GET", "*", 404, None),
        ("POST", "/", 405, "GET, HEAD"),
        ("DELETE", "/api/me", 405, "GET, HEAD"),
        ("OPTIONS", "/ca.pem", 405, "GET, HEAD"),
        ("PUT", "/audit/notice/" + "0" * 32, 405, "GET, HEAD, POST"),
        ("HEAD", "/help", 200, None),
    ],
)
def test_paths_and_methods(office: Office, method: str, path: str, status: int, allow: str | None) -> None:
    page = office.ask(path, method=method)
    assert (page.status, header(page, "allow")) == (status, allow)


def test_asked_directly_only_public_pages_are_given(office: Office) -> None:
    assert "Set up a machine" in office.html("/", direct=True)
    for path in ("/api/me", "/audit/notice/" + "0" * 32):
        page = office.ask(path, direct=True)
        assert page.status == 404
        assert b"through the proxy" in page.body

"""Real clients against our certificates: an AI host is accepted, a bank signed by the same issuer is not."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from OpenSSL import SSL

from sluiceway.front import ca
from sluiceway.front.certificate import Certified, make_leaf
from sluiceway.front.leaf import Leaves, server_context
from sluiceway.front.names import normalise

AI_HOST = "api.openai.com"
BANK = "bank.example"
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\nsluiceway"

NODE_PROGRAM = """
const [file, port, host] = process.argv.slice(1);
const options = {host: '127.0.0.1', port, servername: host, ca: require('fs').readFileSync(file)};
const socket = require('tls').connect(options, () => socket.end('GET / HTTP/1.1\\r\\n\\r\\n'));
socket.on('data', data => process.stdout.write(data));
socket.on('error', error => { console.error(error.message); process.exitCode = 1; });
"""


@dataclass(frozen=True, slots=True)
class Pki:
    folder: Path
    issuer: Certified

    @property
    def anchor_file(self) -> Path:
        return self.folder / ca.ANCHOR

    def context(self, host: str) -> SSL.Context:
        """What Leaves gives for a host; for a host it refuses, what a thief of the issuer would make."""
        if host == AI_HOST:
            return Leaves(self.issuer).context_for(host)
        stolen = make_leaf(self.issuer, normalise(host), datetime.now(UTC), timedelta(days=1))
        return server_context(Certified(stolen.cert, stolen.key, (self.issuer.cert,)))


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    folder, now = tmp_path_factory.mktemp("certs"), datetime.now(UTC)
    anchor = ca.create_anchor(folder, "Example Company", ca.new_passphrase(), now)
    return Pki(folder, ca.create_issuer(folder, anchor, [AI_HOST, "api.anthropic.com"], now))


@contextmanager
def serving(context: SSL.Context) -> Iterator[int]:
    """The port of a server that answers every connection with the same short response."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_serve, args=(context, listening))
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(context: SSL.Context, listening: socket.socket) -> None:
    while True:
        try:
            accepted, _ = listening.accept()
        except OSError:
            return
        with accepted:
            connection = SSL.Connection(context, accepted)
            connection.set_accept_state()
            try:
                connection.do_handshake()
                connection.recv(4096)
                connection.sendall(ANSWER)
                connection.shutdown()
                # Closing over unread bytes (here the client's close_notify) resets the connection, and the
                # client may lose the answer it was sent: read until it has closed its side.
                while connection.recv(4096):
                    pass
            except SSL.Error:
                continue  # the client rejected the certificate, or has closed


def run(*command: object, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [str(part) for part in command], input=given, capture_output=True, timeout=30, check=False
    )


def openssl(pki: Pki, port: int, host: str) -> subprocess.CompletedProcess[bytes]:
    trust = ("-CAfile", pki.anchor_file, "-verify_return_error", "-verify_hostname", host)
    where = ("-connect", f"127.0.0.1:{port}", "-servername", host)
    return run("openssl", "s_client", "-quiet", *where, *trust, given=b"GET / HTTP/1.1\r\n\r\n")


def curl(pki: Pki, port: int, host: str) -> subprocess.CompletedProcess[bytes]:
    where = ("--noproxy", "*", "--resolve", f"{host}:{port}:127.0.0.1")
    return run("curl", "-sS", "--cacert", pki.anchor_file, *where, f"https://{host}:{port}/")


def node(pki: Pki, port: int, host: str) -> subprocess.CompletedProcess[bytes]:
    return run("node", "-e", NODE_PROGRAM, pki.anchor_file, port, host)


type Client = Callable[[Pki, int, str], subprocess.CompletedProcess[bytes]]

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed here")
CLIENTS = [
    pytest.param(openssl, id="openssl"),
    pytest.param(curl, id="curl"),
    pytest.param(node, id="node", marks=needs_node),
]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_that_trusts_the_anchor_accepts_an_ai_host(client: Client, pki: Pki) -> None:
    with serving(pki.context(AI_HOST)) as port:
        done = client(pki, port, AI_HOST)
    assert done.returncode == 0, done.stderr
    assert b"sluiceway" in done.stdout


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_rejects_a_bank_signed_by_the_issuer(client: Client, pki: Pki) -> None:
    with serving(pki.context(BANK)) as port:
        done = client(pki, port, BANK)
    assert done.returncode != 0
    assert b"sluiceway" not in done.stdout
    assert b"permitted subtree violation" in done.stderr, done.stderr


@pytest.mark.parametrize("host", [AI_HOST, "eu." + AI_HOST])
def test_openssl_verifies_the_whole_chain_strictly(host: str, pki: Pki, tmp_path: Path) -> None:
    leaf = make_leaf(pki.issuer, normalise(host), datetime.now(UTC), timedelta(days=1))
    (tmp_path / "leaf.pem").write_bytes(leaf.cert.public_bytes(ca.PEM))
    trust = ("-CAfile", pki.anchor_file, "-untrusted", pki.folder / ca.ISSUER)
    done = run("openssl", "verify", "-x509_strict", "-purpose", "sslserver", *trust, tmp_path / "leaf.pem")
    assert done.returncode == 0, done.stderr


def test_the_bundle_alone_lets_curl_trust_the_proxy(pki: Pki) -> None:
    with serving(pki.context(AI_HOST)) as port:
        where = ("--noproxy", "*", "--resolve", f"{AI_HOST}:{port}:127.0.0.1")
        done = run("curl", "-sS", "--cacert", pki.folder / ca.BUNDLE, *where, f"https://{AI_HOST}:{port}/")
    assert done.stdout == b"sluiceway", done.stderr

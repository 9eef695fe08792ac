"""A provider that sends exactly the bytes a test wants, and counts what it got rid of."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

GOOGLES = ("oauth2.googleapis.com", "us-east5-aiplatform.googleapis.com")
HOSTS = ("api.anthropic.com", "api.openai.com", *GOOGLES)

type Flaw = Literal["none", "expired", "wrong host", "self-signed"]


class RawProvider:
    """Listens with TLS; each connection reads one request after another and calls `answer` for each.

    `requests` are the bytes of each request, `handshakes` the TLS handshakes that clients finished.
    """

    def __init__(
        self, folder: Path, answer: Callable[[RawProvider], None] | None = None, flaw: Flaw = "none"
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.ca_file = folder / "raw-ca.pem"
        self.requests: list[bytes] = []
        self.sent_bytes = 0
        self.closed = threading.Event()  # the proxy ended the connection that was being answered
        self._answer = answer
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(_certificate(self.ca_file, folder / "raw.pem", flaw))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)  # keeps the kernel from helping
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def upstream(self) -> tuple[int, Path]:
        """What Running takes to put this in place of its providers."""
        return self.port, self.ca_file

    def send(self, data: bytes) -> None:
        self._connection.sendall(data)
        self.sent_bytes += len(data)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        try:
            with self._context.wrap_socket(plain, server_side=True) as self._connection:
                while request := _read_request(self._connection):
                    self.requests.append(request)
                    if self._answer is not None:
                        self._answer(self)
        except OSError:  # an SSLError is one
            pass
        finally:
            plain.close()
            self.closed.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # close alone would leave it to the thread in accept
        self._listener.close()


def _read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return data
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    left = (int(lengths[0].partition(b":")[2]) if lengths else 0) - len(body)
    while left > 0:
        piece = connection.recv(65536)
        if not piece:
            break
        data, left = data + piece, left - len(piece)
    return data


def _certificate(ca_file: Path, leaf_file: Path, flaw: Flaw) -> Path:
    """A leaf for HOSTS with this flaw, under an authority written to `ca_file`."""
    ca_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    ends_at = now - timedelta(minutes=1) if flaw == "expired" else now + timedelta(days=1)
    hosts = ("elsewhere.example",) if flaw == "wrong host" else HOSTS
    issuer_key = leaf_key if flaw == "self-signed" else ca_key
    authority = _builder("authority", "authority", ca_key, ca_key, now + timedelta(days=1)).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    leaf = _builder(
        "leaf", "leaf" if flaw == "self-signed" else "authority", leaf_key, issuer_key, ends_at
    ).add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
    signed = authority.add_extension(usage, critical=True).sign(ca_key, hashes.SHA256())
    ca_file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key_pem = leaf_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    leaf_pem = leaf.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    leaf_file.write_bytes(key_pem + leaf_pem)
    return leaf_file


def _builder(
    subject: str,
    issuer: str,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    ends_at: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends_at - timedelta(days=2))
        .not_valid_after(ends_at)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
    )

"""The company's certificate as machines install it, and the bundles that clients need around it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12
from cryptography.utils import CryptographyDeprecationWarning

from sluiceway.errors import MachineError

# Debian and Alpine, Red Hat, SUSE, Arch and macOS.
SYSTEM_BUNDLES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/etc/pki/tls/certs/ca-bundle.crt"),
    Path("/etc/ssl/ca-bundle.pem"),
    Path("/etc/ssl/cert.pem"),
)
MOST_ANCHORS = 8
# Java wants one; it protects nothing, since all that is inside is public.
JAVA_PASSWORD = "changeit"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Anchor:
    """What was read from ca.pem: usually one certificate, and the day the first of them ends."""

    certs: tuple[x509.Certificate, ...]
    until_at: datetime

    @property
    def pem(self) -> bytes:
        return join(self.certs)

    @property
    def sha256(self) -> str:
        return self.certs[0].fingerprint(hashes.SHA256()).hex(":").upper()

    @property
    def name(self) -> str:
        return self.certs[0].subject.rfc4514_string()


def read_anchor(data: bytes, source: str, now: datetime) -> Anchor:
    """Raises MachineError unless these are certificate authorities that are valid now."""
    if b"PRIVATE KEY-----" in data:
        raise MachineError(
            f"{source}: holds a private key, which no machine may have; give it ca.pem instead"
        )
    certs = certificates(data)
    if not certs:
        raise MachineError(f"{source}: holds no PEM certificate; give the company's ca.pem")
    if len(certs) > MOST_ANCHORS:
        raise MachineError(f"{source}: holds {len(certs)} certificates; give ca.pem, not bundle.pem")
    for cert in certs:
        _check(cert, source, now)
    return Anchor(certs, min(cert.not_valid_after_utc for cert in certs))


def _check(cert: x509.Certificate, source: str, now: datetime) -> None:
    if not _is_authority(cert):
        raise MachineError(
            f"{source}: is the certificate of a server, not of an authority (CA); give the company's ca.pem"
        )
    if now > cert.not_valid_after_utc:
        raise MachineError(
            f"{source}: expired on {cert.not_valid_after_utc:%Y-%m-%d}; "
            "ask your platform team for the new ca.pem"
        )
    if now < cert.not_valid_before_utc:
        raise MachineError(
            f"{source}: is valid only from {cert.not_valid_before_utc:%Y-%m-%d %H:%M} UTC, and this "
            f"machine's clock says {now:%Y-%m-%d %H:%M} UTC; set the clock right"
        )


def _is_authority(cert: x509.Certificate) -> bool:
    try:
        return cert.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def certificates(data: bytes) -> tuple[x509.Certificate, ...]:
    """All certificates of a PEM file; those that cannot be parsed are left out, as OpenSSL does."""
    begin, end = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
    found = []
    for part in data.split(begin)[1:]:
        body, closed, _ = part.partition(end)
        if closed and (cert := _parsed(begin + body + end + b"\n")):
            found.append(cert)
    return tuple(found)


def _parsed(pem: bytes) -> x509.Certificate | None:
    with warnings.catch_warnings():
        # Some public roots have serial numbers that a future version will refuse.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        warnings.simplefilter("ignore", UserWarning)
        try:
            return x509.load_pem_x509_certificate(pem)
        except ValueError:
            return None


def file_certificates(path: Path) -> tuple[x509.Certificate, ...]:
    """None of them where the file cannot be read."""
    try:
        return certificates(path.read_bytes())
    except OSError:
        return ()


def public_roots() -> tuple[x509.Certificate, ...]:
    """The machine's own list, which may hold other company roots; certifi's where it has none."""
    for path in SYSTEM_BUNDLES:
        if found := file_certificates(path):
            return found
    return file_certificates(Path(certifi.where()))


def join(certs: Iterable[x509.Certificate]) -> bytes:
    """One PEM file, each certificate once."""
    return b"".join(dict.fromkeys(cert.public_bytes(Encoding.PEM) for cert in certs))


def truststore(certs: Iterable[x509.Certificate]) -> bytes:
    """The same list as Java reads it (PKCS #12, entries marked as trusted)."""
    entries = [
        pkcs12.PKCS12Certificate(cert, f"ca-{i}".encode()) for i, cert in enumerate(dict.fromkeys(certs))
    ]
    return pkcs12.serialize_java_truststore(entries, BestAvailableEncryption(JAVA_PASSWORD.encode()))


def today() -> datetime:
    return datetime.now(UTC)

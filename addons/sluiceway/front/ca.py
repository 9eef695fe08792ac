"""Owns the certificate files of a deployment: `init` and `ca rotate` write them, `serve` reads them.

| file | what it is | who needs it |
|---|---|---|
| `ca.pem` | the anchor's certificate | every machine, to install |
| `anchor.key` | its private key, encrypted | `ca rotate` only: belongs off the proxy's machine |
| `issuer.pem`, `issuer.key` | the constrained issuer | `serve` |
| `listener.pem`, `listener.key` | the proxy's own name, for `tls: auto`, signed by the anchor | `serve` |
| `bundle.pem` | public roots and the anchor | clients whose SSL_CERT_FILE replaces their store |

A corporate root can be the anchor: put it in `ca.pem`, and an issuer it signed (followed by any intermediate)
in `issuer.pem`. Everything here raises ConfigError that names the file and says what to do.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sluiceway.errors import ConfigError
from sluiceway.front.certificate import (
    LISTENER_LIFETIME,
    Certified,
    PrivateKey,
    make_anchor,
    make_issuer,
    make_leaf,
)
from sluiceway.front.names import Destination

ANCHOR, ANCHOR_KEY = "ca.pem", "anchor.key"
ISSUER, ISSUER_KEY = "issuer.pem", "issuer.key"
LISTENER, LISTENER_KEY = "listener.pem", "listener.key"
BUNDLE = "bundle.pem"

PEM = serialization.Encoding.PEM
PKCS8 = serialization.PrivateFormat.PKCS8

# PEM readers skip text before the first BEGIN line.
ANCHOR_KEY_NOTE = """\
The private key of the anchor that machines trust, encrypted with the passphrase shown once by
`sluiceway init`. The running proxy does not need it: keep this file off this machine and bring it
back for `sluiceway ca rotate` only.

"""


def new_passphrase() -> str:
    """192 random bits, to be shown once: too many to guess, however fast guesses are."""
    return secrets.token_urlsafe(24)


def create_anchor(folder: Path, organisation: str, passphrase: str, now: datetime) -> Certified:
    """Writes `ca.pem`, `anchor.key` and `bundle.pem`; refuses where an anchor is: machines trust that one."""
    if not 1 <= len(organisation) <= 64:
        raise ConfigError("the organisation's name in a certificate has 1 to 64 characters")
    for file in (folder / ANCHOR, folder / ANCHOR_KEY):
        if file.exists():
            raise ConfigError(f"{file}: exists already and is not replaced, because machines may trust it")
    anchor = make_anchor(organisation, now)
    encryption = serialization.BestAvailableEncryption(passphrase.encode())
    # The key first: a certificate without its key would be rolled out in vain.
    sealed = anchor.key.private_bytes(PEM, PKCS8, encryption)
    _write(folder / ANCHOR_KEY, ANCHOR_KEY_NOTE.encode() + sealed, 0o600)
    pem = anchor.cert.public_bytes(PEM)
    _write(folder / ANCHOR, pem, 0o644)
    write_bundle(folder / BUNDLE, pem)
    return anchor


def create_issuer(folder: Path, anchor: Certified, hosts: Iterable[str], now: datetime) -> Certified:
    """Writes a new `issuer.pem` and `issuer.key` for these host names, replacing what is there."""
    issuer = make_issuer(anchor, hosts, now)
    _write_pair(folder / ISSUER, folder / ISSUER_KEY, issuer)
    return issuer


def create_listener_cert(folder: Path, anchor: Certified, host: Destination, now: datetime) -> Certified:
    """Writes `listener.pem` and `listener.key` for public_url's host.

    The anchor signs it: the issuer's constraints keep it from speaking for the proxy itself.
    """
    listener = make_leaf(anchor, host, now, LISTENER_LIFETIME)
    _write_pair(folder / LISTENER, folder / LISTENER_KEY, listener)
    return listener


def load_anchor(folder: Path, passphrase: str) -> Certified:
    """The anchor with its key, for `ca rotate`."""
    return load_pair(folder / ANCHOR, folder / ANCHOR_KEY, passphrase)


def load_issuer(folder: Path) -> Certified:
    """What `serve` signs leaves with."""
    return load_pair(folder / ISSUER, folder / ISSUER_KEY)


def load_pair(cert_file: Path, key_file: Path, passphrase: str | None = None) -> Certified:
    """A certificate (and any intermediates after it) with the key that fits it."""
    cert, *above = read_certs(cert_file)
    key = read_key(key_file, passphrase)
    if key.public_key() != cert.public_key():
        raise ConfigError(f"{key_file}: is not the key of {cert_file.name}; {_remedy(key_file)}")
    return Certified(cert, key, tuple(above))


def read_certs(file: Path) -> list[x509.Certificate]:
    """The certificates of a PEM file, at least one."""
    try:
        return x509.load_pem_x509_certificates(_read(file))
    except ValueError as error:
        raise ConfigError(f"{file}: holds no PEM certificate; {_remedy(file)}") from error


def read_key(file: Path, passphrase: str | None = None) -> PrivateKey:
    """The private key of a PEM file. No message ever holds a passphrase."""
    try:
        key = serialization.load_pem_private_key(_read(file), passphrase.encode() if passphrase else None)
    except TypeError as error:  # encrypted and no passphrase given, or the reverse
        wanted = "is not encrypted" if passphrase else "is encrypted; only anchor.key may be"
        raise ConfigError(f"{file}: {wanted}") from error
    except ValueError as error:
        wrong = "the passphrase does not open it" if passphrase else f"holds no PEM key; {_remedy(file)}"
        raise ConfigError(f"{file}: {wrong}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise ConfigError(f"{file}: neither an EC nor an RSA key")
    return key


def write_bundle(file: Path, anchor_pem: bytes) -> None:
    """The public roots and the anchor in one file, because SSL_CERT_FILE replaces a client's store."""
    _write(file, Path(certifi.where()).read_bytes() + b"\n" + anchor_pem, 0o644)


def _write_pair(cert_file: Path, key_file: Path, certified: Certified) -> None:
    clear = serialization.NoEncryption()
    _write(key_file, certified.key.private_bytes(PEM, PKCS8, clear), 0o600)
    _write(cert_file, certified.cert.public_bytes(PEM), 0o644)


def _write(file: Path, content: bytes, mode: int) -> None:
    """Whole or not at all; a private key is never readable by others, not even for a moment."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # mode 0600
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.chmod(mode)
            temporary.replace(file)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be written ({error.strerror})") from error


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise ConfigError(f"{file}: missing; {_remedy(file)}") from error
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror})") from error


def _remedy(file: Path) -> str:
    if file.name == ANCHOR_KEY:
        return "bring it back from where it is kept off this machine"
    if file.name in (ISSUER, ISSUER_KEY, LISTENER, LISTENER_KEY):
        return "run `sluiceway ca rotate` (or `sluiceway init` for a new deployment)"
    return "run `sluiceway init`" if file.name == ANCHOR else "check the path in sluiceway.yaml"

"""A Google service account as a company key: its key file read and judged, and the signed claim a token is
given for.

Google Cloud docs, "Create and delete service account keys" (the file); "Using OAuth 2.0 for Server to Server
Applications" and RFC 7523 (the claim). No message here quotes anything of a file but the names of its fields.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from sluiceway.errors import SluicewayError

# Only this host is ever shown a claim, whatever a file says: who gets one gets a token for it.
TOKEN_HOST = "oauth2.googleapis.com"  # noqa: S105 - a host name
TOKEN_URL = f"https://{TOKEN_HOST}/token"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
LIFETIME_S = 3600  # of a claim and of the token given for it: Google gives no longer ones
UNIVERSE = "googleapis.com"
WHERE = "give the file as Google made it (IAM, Service accounts, Keys, Add key, JSON)"
# Other files that Google's tools write, and what they are.
OTHERS = {
    "authorized_user": "a person's login",
    "external_account": "a workload identity federation",
    "impersonated_service_account": "a person's leave to act as a service account",
    "gdch_service_account": "an account of Google Distributed Cloud",
}
_EMAIL = re.compile(r"[a-z0-9][a-z0-9.:_-]{0,99}@[a-z0-9][a-z0-9.-]{0,250}\.gserviceaccount\.com", re.ASCII)
_KEY_ID = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """What of a key file signs a claim. `private_key`: PKCS #8, PEM; `key_id`: Google's name for it."""

    email: str = field(repr=False)
    private_key: str = field(repr=False)
    key_id: str | None = field(repr=False)

    def sealable(self) -> str:
        """The one text for this account and key, however its file was written: equal files have one
        fingerprint."""
        fields = {"email": self.email, "key_id": self.key_id, "private_key": self.private_key}
        return orjson.dumps(fields).decode()

    @classmethod
    def opened(cls, text: str) -> ServiceAccount:
        """As `sealable` wrote it."""
        return cls(**orjson.loads(text))

    def claim(self, at_s: int) -> str:
        """A signed claim (JWT, RS256), good for an hour from `at_s` (Unix time). Takes about a
        millisecond."""
        header = {"alg": "RS256", "typ": "JWT"} | ({"kid": self.key_id} if self.key_id else {})
        says = {"iss": self.email, "scope": SCOPE, "aud": TOKEN_URL, "iat": at_s, "exp": at_s + LIFETIME_S}
        signed = b".".join((_encoded(orjson.dumps(header)), _encoded(orjson.dumps(says))))
        # It was checked when it was registered; to check an RSA key again takes a hundred times longer.
        key = load_pem_private_key(self.private_key.encode(), None, unsafe_skip_rsa_key_validation=True)
        assert isinstance(key, rsa.RSAPrivateKey)
        return (signed + b"." + _encoded(key.sign(signed, padding.PKCS1v15(), SHA256()))).decode()


def _encoded(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def is_key_file(text: str) -> bool:
    """Whether somebody meant a key file: no other key begins so."""
    return text.lstrip("\ufeff \t\r\n").startswith("{")


def read(text: str) -> ServiceAccount:
    """The account of a key file. Raises SluicewayError: which field is wrong, and what to write."""
    file = _object(text)
    _must_be_an_account(file.get("type"))
    if file.get("universe_domain", UNIVERSE) != UNIVERSE:
        raise _wrong("universe_domain", f"must be {UNIVERSE}: tokens of other clouds are not minted")
    if file.get("token_uri") != TOKEN_URL:
        raise _wrong("token_uri", f"must be {TOKEN_URL}: nobody else is shown what the key signs")
    email = _text(file, "client_email")
    if not _EMAIL.fullmatch(email):
        raise _wrong("client_email", "must be NAME@PROJECT.iam.gserviceaccount.com, in lower case")
    key_id = file.get("private_key_id")
    if key_id is not None and not (isinstance(key_id, str) and _KEY_ID.fullmatch(key_id)):
        raise _wrong("private_key_id", "must be the key's id, a short word")
    return ServiceAccount(email, _private_key(_text(file, "private_key")), key_id)


def _object(text: str) -> Mapping[str, Any]:
    try:
        file = orjson.loads(text.strip("\ufeff \t\r\n"))
    except orjson.JSONDecodeError as error:
        # Only where: its message and the text itself may hold the key.
        raise SluicewayError(
            f"the key file of the service account is not JSON (line {error.lineno}, column {error.colno}); "
            + WHERE
        ) from None
    if not isinstance(file, dict):
        raise SluicewayError(f"the key file of the service account is not a JSON object; {WHERE}")
    return file


def _must_be_an_account(kind: Any) -> None:
    if kind == "service_account":
        return
    what = OTHERS.get(kind) if isinstance(kind, str) else None
    if what is not None:
        raise _wrong("type", f"is '{kind}', {what}, and must be 'service_account'")
    if kind is None:
        raise _wrong("type", "is missing and must be 'service_account'")
    raise _wrong("type", "must be 'service_account'")


def _text(file: Mapping[str, Any], name: str) -> str:
    value = file.get(name)
    if value is None:
        raise _wrong(name, "is missing")
    if not isinstance(value, str) or not value.strip():
        raise _wrong(name, "must be a text that is not empty")
    return value


def _private_key(pem: str) -> str:
    """The key in its one form. What cryptography says of a bad one is left out: it may quote it."""
    try:
        key = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _wrong(
            "private_key",
            "cannot be read; it must be an unencrypted PEM block, from '-----BEGIN PRIVATE KEY-----' to "
            "'-----END PRIVATE KEY-----', with its lines ended by \\n",
        ) from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise _wrong("private_key", "must be an RSA key, as Google makes them")
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _wrong(name: str, what: str) -> SluicewayError:
    return SluicewayError(f"the key file of the service account: {name} {what}; {WHERE}")

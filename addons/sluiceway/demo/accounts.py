"""Google service accounts of the simulator: their key files, the tokens given for claims, and who is let in.

What Google refuses of a claim, and in which words, is as "Using OAuth 2.0 for Server to Server Applications"
and reports of its client libraries have it.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sluiceway.demo.exchange import Asked, Rejected

TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
PREFIX = "ya29.c.demo-"
LIFETIME_S, SKEW_S = 3600, 300
OFF_TIME = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your "
    "iat and exp values in the JWT claim."
)
NOT_LET_IN = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other "
    "valid authentication credential."
)


@dataclass(slots=True)
class Accounts:
    """Who may have tokens, by e-mail, and the tokens given, with when they end (Unix time)."""

    keys: dict[str, rsa.RSAPublicKey] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    lasts_s: int = LIFETIME_S - 1

    def key_file(self, email: str) -> str:
        """A new key of an account, known here from now on, as Google hands it out."""
        key = rsa.generate_private_key(65537, 2048)
        self.keys[email] = key.public_key()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        project = email.partition("@")[2].partition(".")[0]
        file = {
            "type": "service_account",
            "project_id": project,
            "private_key_id": secrets.token_hex(20),
            "private_key": pem,
            "client_email": email,
            "client_id": "100000000000000000001",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": TOKEN_URI,
            "universe_domain": "googleapis.com",
        }
        return orjson.dumps(file, option=orjson.OPT_INDENT_2).decode()

    def token_for(self, claim: str, now: int) -> str:
        """A token for a signed claim. Rejected as Google does, `code` first."""
        says = self._verified(claim)
        begins, ends = says.get("iat"), says.get("exp")
        if not (isinstance(begins, int) and isinstance(ends, int)):
            raise _no(OFF_TIME)
        if begins > now + SKEW_S or ends <= now or ends - begins > LIFETIME_S or begins < now - LIFETIME_S:
            raise _no(OFF_TIME)
        if says.get("aud") != TOKEN_URI:
            raise _no("Invalid JWT: Failed audience check. The right audience is " + TOKEN_URI)
        if not says.get("scope"):
            raise Rejected(400, "Invalid OAuth scope or ID token audience provided.", code="invalid_scope")
        token = PREFIX + secrets.token_urlsafe(120) + "." * 20  # Google's are filled up with dots
        self.tokens[token] = now + self.lasts_s
        return token

    def _verified(self, claim: str) -> dict[str, Any]:
        try:
            signed, _, signature = claim.rpartition(".")
            header, says = (orjson.loads(_decoded(part)) for part in signed.split("."))
            algorithm, key = header["alg"], self.keys.get(says["iss"])
            if algorithm != "RS256" or key is None:
                raise _no("Invalid grant: account not found")
            key.verify(_decoded(signature), signed.encode(), padding.PKCS1v15(), SHA256())
        except InvalidSignature:
            raise _no("Invalid JWT Signature.") from None
        except (ValueError, KeyError, TypeError):
            raise _no("Invalid JWT: not a JWT of RS256.") from None
        checked: dict[str, Any] = says
        return checked

    def check(self, asked: Asked) -> None:
        """Rejects a token of ours that has ended or was taken back; others are not looked at."""
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if token.startswith(PREFIX) and self.tokens.get(token, 0) <= asked.now:
            raise Rejected(401, NOT_LET_IN)


def _no(why: str) -> Rejected:
    return Rejected(400, why, code="invalid_grant")


def _decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))

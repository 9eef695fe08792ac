"""Key files of Google service accounts: what is taken, what is refused with which words, what is signed."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from google.auth import jwt
from google.oauth2 import service_account as googles
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gateway.gateway_world import AT
from tests.properties import examples

from sluiceway.audit.keyring import ACCOUNT_FORM, KeyRing, fingerprint, open_sealed, seal
from sluiceway.audit.service_account import SCOPE, TOKEN_URL, ServiceAccount, is_key_file, read
from sluiceway.demo.accounts import Accounts
from sluiceway.errors import ConfigError, SluicewayError
from sluiceway.store.keys import ProviderKey
from sluiceway.types import KeyClass

EMAIL = "gateway@acme-1.iam.gserviceaccount.com"
FILE: dict[str, Any] = json.loads(Accounts().key_file(EMAIL))
PEM: str = FILE["private_key"]
RSA = load_pem_private_key(PEM.encode(), None)
assert isinstance(RSA, rsa.RSAPrivateKey)
ENCRYPTED = RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")).decode()
OLD_FORM = RSA.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
CURVE = ec.generate_private_key(ec.SECP256R1())
OF_A_CURVE = CURVE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PUBLIC = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
KEY = b"k" * 32


def file(**changes: Any) -> str:
    """The key file with other fields; None takes one out."""
    return json.dumps({name: value for name, value in (FILE | changes).items() if value is not None})


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(FILE, indent=2),
        "\ufeff" + json.dumps(FILE) + "\r\n",
        file(private_key=OLD_FORM),
        file(private_key=PEM.strip()),
        file(universe_domain=None, auth_uri=None, project_id=None),
        json.dumps(dict(reversed(FILE.items()))),
    ],
    ids=["as Google writes it", "mark of order", "older PEM", "no last line end", "less", "other order"],
)
def test_one_account_has_one_fingerprint_however_its_file_is_written(text: str) -> None:
    assert is_key_file(text)
    same = fingerprint(read(text).sealable(), KEY)
    assert same == fingerprint(read(json.dumps(FILE)).sealable(), KEY)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is not JSON (line 1, column 2)"),
        (json.dumps(FILE, indent=2)[:-40], "is not JSON (line "),
        (json.dumps(FILE).replace("\\n", "\n"), "is not JSON (line "),
        ("[]", "is not a JSON object"),
        ("{}", "type is missing and must be 'service_account'"),
        (file(type="user"), "type must be 'service_account'"),
        (file(type=7), "type must be 'service_account'"),
        (file(type="authorized_user"), "type is 'authorized_user', a person's login, and must be"),
        (file(type="external_account"), "type is 'external_account', a workload identity federation"),
        (file(client_email=None), "client_email is missing"),
        (file(client_email=""), "client_email must be a text that is not empty"),
        (file(client_email="alice@example.com"), "client_email must be NAME@PROJECT.iam.gserviceaccount.com"),
        (file(client_email=EMAIL + "\n"), "client_email must be NAME@PROJECT"),
        (file(private_key=None), "private_key is missing"),
        (file(private_key=[]), "private_key must be a text"),
        (file(private_key="secret"), "private_key cannot be read; it must be an unencrypted PEM block"),
        (file(private_key=PEM[:600] + PEM[610:]), "private_key cannot be read"),
        (file(private_key=ENCRYPTED), "private_key cannot be read"),
        (file(private_key=PUBLIC.decode()), "private_key cannot be read"),
        (file(private_key=OF_A_CURVE), "private_key must be an RSA key"),
        (file(private_key_id=["x"]), "private_key_id must be the key's id"),
        (file(private_key_id="a b"), "private_key_id must be the key's id"),
        (file(token_uri=None), f"token_uri must be {TOKEN_URL}"),
        (file(token_uri="https://oauth2.googleapis.com.evil.example/token"), "nobody else is shown"),
        (file(token_uri="http://oauth2.googleapis.com/token"), "nobody else is shown"),
        (file(universe_domain="cloud.example"), "universe_domain must be googleapis.com"),
    ],
)  # fmt: skip
def test_a_file_that_will_not_do_is_refused_by_its_field(text: str, says: str) -> None:
    with pytest.raises(SluicewayError) as refused:
        read(text)
    told = str(refused.value)
    assert says in told
    assert "give the file as Google made it" in told
    assert refused.value.__cause__ is None
    for secret in (PEM[100:130], FILE["private_key_id"], EMAIL, "alice@", "evil", "secret"):
        assert secret not in told


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


@given(changes=st.dictionaries(st.sampled_from(sorted(FILE)), JSON, min_size=1, max_size=3))
@settings(max_examples=examples(200), deadline=None)
def test_whatever_a_field_holds_it_is_an_account_or_a_refusal(changes: dict[str, Any]) -> None:
    with contextlib.suppress(SluicewayError):
        account = read(file(**changes))
        assert ServiceAccount.opened(account.sealable()) == account


@given(st.text(max_size=200), st.integers(0, 2000))
@settings(max_examples=examples(200), deadline=None)
def test_whatever_the_text_it_is_refused_without_being_quoted(text: str, cut: int) -> None:
    for each in (text, "{" + text, json.dumps(FILE)[:cut]):
        with pytest.raises(SluicewayError) as refused:
            read(each)
        assert PEM[100:130] not in str(refused.value)


def test_a_claim_says_what_googles_own_library_says() -> None:
    account = read(json.dumps(FILE))
    credentials = googles.Credentials.from_service_account_info(FILE, scopes=[SCOPE])  # type: ignore[no-untyped-call]  # theirs
    theirs = credentials._make_authorization_grant_assertion()  # its public form sends it at once
    header, says = (jwt.decode_header(theirs), jwt.decode(theirs, PUBLIC))  # type: ignore[no-untyped-call]  # theirs
    ours = account.claim(says["iat"])
    assert jwt.decode_header(ours) == header  # type: ignore[no-untyped-call]  # theirs
    assert jwt.decode(ours, PUBLIC) == says  # type: ignore[no-untyped-call]  # theirs


def stored(form: bytes) -> ProviderKey:
    secret = read(json.dumps(FILE)).sealable()
    sealed = seal(secret, "main", "vertex", KEY, form)
    return ProviderKey("main", "vertex", KeyClass.COMPANY, fingerprint(secret, KEY), sealed, AT, None)


def test_an_account_is_opened_as_one_and_has_nothing_to_send_yet() -> None:
    (key,) = KeyRing.of([stored(ACCOUNT_FORM)], KEY).usable
    assert key.account == read(json.dumps(FILE))
    assert key.secret == ""
    for secret in (EMAIL, "PRIVATE", FILE["private_key_id"]):
        assert secret not in repr(key)


def test_a_sealed_account_does_not_open_as_a_key() -> None:
    """As a version that knows no accounts would open it, and then send it."""
    sealed = stored(ACCOUNT_FORM).sealed
    assert sealed
    with pytest.raises(ConfigError, match="cannot be opened"):
        open_sealed(b"\x01" + sealed[1:], "main", "vertex", KEY)
    earlier = HKDF(SHA256(), 32, salt=None, info=b"sluiceway provider keys \x02").derive(KEY)
    with pytest.raises(InvalidTag):
        AESGCM(earlier).decrypt(sealed[1:13], sealed[13:], b"vertex\0main")

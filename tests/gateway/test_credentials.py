"""Whose key it is: as registered, else by its shape; and a fingerprint that tells nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from sluiceway.audit.keyring import NO_KEYS, KeyRing, fingerprint, seal
from sluiceway.gateway.credentials import Presented, credentials_of, recognise, without_credentials
from sluiceway.store.keys import ProviderKey
from sluiceway.types import KeyClass, Provider

KEY = bytes(32)
ANTHROPIC = Provider(
    "anthropic", ("api.anthropic.com",), (), "anthropic", "anthropic_messages",
    credential_headers=("x-api-key", "authorization"),
)  # fmt: skip
OURS, OLD, MINE, THEIRS = "sk-ant-api03-ours", "sk-ant-api03-old", "sk-ant-api03-mine", "sk-proj-ours"


def registered(
    secret: str, label: str, key_class: KeyClass, provider: str = "anthropic", *, retired: bool = False
) -> ProviderKey:
    at = datetime(2026, 11, 1, tzinfo=UTC)
    kept = key_class is KeyClass.COMPANY and not retired
    return ProviderKey(
        label,
        provider,
        key_class,
        fingerprint(secret, KEY),
        seal(secret, label, provider, KEY) if kept else None,
        at,
        at if retired else None,
    )


RING = KeyRing.of(
    [
        registered(OURS, "main", KeyClass.COMPANY),
        registered(OLD, "old", KeyClass.COMPANY, retired=True),
        registered(MINE, "alice-own", KeyClass.PERSONAL),
        registered(THEIRS, "gpt", KeyClass.COMPANY, "openai"),
    ],
    KEY,
)


def found(*pairs: tuple[str, str], query: str = "") -> list[str]:
    return credentials_of(CIMultiDictProxy(CIMultiDict(pairs)), ANTHROPIC, query)


def whose(*credentials: str, ring: KeyRing = RING) -> Presented:
    return recognise(list(credentials), ANTHROPIC, ring, KEY, "#ai-platform")


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        pytest.param([("X-Api-Key", "sk-1")], ["sk-1"], id="key"),
        pytest.param([("Authorization", "Bearer sk-1")], ["sk-1"], id="bearer"),
        pytest.param([("authorization", "bearer  sk-1 ")], ["sk-1"], id="bearer in another spelling"),
        pytest.param([("authorization", "sk-1")], ["sk-1"], id="no scheme"),
        pytest.param([("authorization", "a"), ("x-api-key", "b")], ["b", "a"], id="the preferred one first"),
        pytest.param([("x-api-key", "a"), ("x-api-key", "b")], ["a", "b"], id="twice"),
        pytest.param([("x-api-key", ""), ("authorization", "Bearer ")], [], id="empty"),
        pytest.param([("cookie", "sk-1"), ("proxy-authorization", "Basic x")], [], id="other fields"),
    ],
)
def test_credentials_are_found_where_the_provider_looks(
    pairs: list[tuple[str, str]], expected: list[str]
) -> None:
    assert found(*pairs) == expected


@pytest.mark.parametrize(
    ("query", "expected", "rest"),
    [
        ("key=AIza-1", ["AIza-1"], ""),
        ("alt=sse&key=AIza%2D1&x=%2B", ["AIza-1"], "alt=sse&x=%2B"),
        ("%6bey=a&KEY=b&$key=c&access_token=d", ["a", "b", "c", "d"], ""),
        ("alt=sse&monkey=1&keys=2", [], "alt=sse&monkey=1&keys=2"),
        ("key=&key", [], ""),
    ],
)
def test_credentials_in_the_query_are_found_and_can_be_left_out(
    query: str, expected: list[str], rest: str
) -> None:
    assert found(query=query) == expected
    assert without_credentials(query) == rest


@pytest.mark.parametrize(
    ("credentials", "expected"),
    [
        (["sk-ant-oat01-x"], KeyClass.SUBSCRIPTION),
        (["eyJhbGciOi.x.y"], KeyClass.SUBSCRIPTION),
        (["sk-ant-oat01-x", "eyJ.x"], KeyClass.SUBSCRIPTION),
        (["sk-ant-api03-x"], KeyClass.UNKNOWN),
        (["whatever"], KeyClass.UNKNOWN),
        ([], KeyClass.UNKNOWN),
        (["sk-ant-api03-x", "sk-ant-oat01-made-up"], KeyClass.UNKNOWN),
        (["sk-ant-oat01-made-up", "sk-ant-api03-x"], KeyClass.UNKNOWN),
        ([OURS], KeyClass.COMPANY),
        ([OURS, OURS], KeyClass.COMPANY),
        (["sluiceway", OURS], KeyClass.COMPANY),
        ([MINE], KeyClass.PERSONAL),
        ([MINE, "sk-ant-api03-x"], KeyClass.UNKNOWN),
        ([MINE, "sk-ant-oat01-x"], KeyClass.UNKNOWN),
    ],
)
def test_a_request_has_the_class_on_which_all_its_credentials_agree(
    credentials: list[str], expected: KeyClass
) -> None:
    presented = whose(*credentials)
    assert presented.key_class is expected
    assert presented.fault is None


@pytest.mark.parametrize(
    ("credentials", "code"),
    [
        pytest.param([THEIRS], "foreign_key", id="the company's of another provider"),
        pytest.param(["sk-proj-somebodys"], "foreign_key", id="a shape of another provider"),
        pytest.param(["sk-ant-api03-x", "ya29.somebodys"], "foreign_key", id="one of two"),
        pytest.param([OLD], "key_retired", id="retired"),
        pytest.param([OURS, "sk-ant-api03-x"], "mixed_keys", id="the company's and an unknown one"),
        pytest.param([MINE, OURS], "mixed_keys", id="the company's and a personal one"),
        pytest.param(["sk-ant-oat01-x", OURS], "mixed_keys", id="the company's and a login"),
    ],
)
def test_what_may_not_be_sent_is_a_fault_that_quotes_nothing(credentials: list[str], code: str) -> None:
    fault = whose(*credentials).fault
    assert fault is not None
    assert fault.code == code
    assert not any(credential in fault.message for credential in credentials)


@pytest.mark.parametrize(
    ("credentials", "vacant", "placeholder", "gives_way"),
    [
        ([], True, False, True),
        (["sluiceway"], True, True, True),
        (["Sluiceway", "SLUICEWAY"], True, True, True),
        ([OURS], False, False, True),
        ([MINE], False, False, False),
        (["sk-ant-oat01-x"], False, False, False),
        (["sk-ant-api03-x"], False, False, False),
        (["sluiceway", "sk-ant-api03-x"], False, False, False),
    ],
    ids=[
        "none",
        "placeholder",
        "placeholders",
        "company",
        "personal",
        "login",
        "unknown",
        "beside an own one",
    ],
)
def test_only_nothing_the_placeholder_and_the_companys_own_give_way(
    credentials: list[str], vacant: bool, placeholder: bool, gives_way: bool
) -> None:
    presented = whose(*credentials)
    assert (presented.vacant, presented.placeholder, presented.gives_way) == (vacant, placeholder, gives_way)
    assert presented.fingerprint is None or not vacant


def test_equal_keys_have_equal_fingerprints_and_only_under_the_same_secret() -> None:
    first = whose("a-key", ring=NO_KEYS).fingerprint
    assert first == whose("a-key", "another", ring=NO_KEYS).fingerprint
    assert first == fingerprint("a-key", KEY)
    assert first not in (fingerprint("another", KEY), fingerprint("a-key", b"x" * 32))


def test_a_credential_that_is_no_utf_8_is_fingerprinted_too() -> None:
    assert whose(b"sk-ant-\xff".decode(errors="surrogateescape")).fingerprint

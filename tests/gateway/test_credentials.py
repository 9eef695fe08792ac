"""Whose key it is, by its shape; and a fingerprint that tells nothing else."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from sluiceway.gateway.credentials import credentials_of, fingerprint, key_class
from sluiceway.types import KeyClass, Provider

KEY = bytes(32)
ANTHROPIC = Provider(
    "anthropic", ("api.anthropic.com",), (), "anthropic", "anthropic_messages",
    credential_headers=("x-api-key", "authorization"),
)  # fmt: skip


def found(*pairs: tuple[str, str]) -> list[str]:
    return credentials_of(CIMultiDictProxy(CIMultiDict(pairs)), ANTHROPIC)


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
    ("credentials", "expected"),
    [
        (["sk-ant-oat01-x"], KeyClass.SUBSCRIPTION),
        (["eyJhbGciOi.x.y"], KeyClass.SUBSCRIPTION),
        (["ya29.x"], KeyClass.SUBSCRIPTION),
        (["sk-ant-oat01-x", "eyJ.x"], KeyClass.SUBSCRIPTION),
        (["sk-ant-api03-x"], KeyClass.UNKNOWN),
        (["sk-proj-x"], KeyClass.UNKNOWN),
        (["AIzaSy-x"], KeyClass.UNKNOWN),
        ([], KeyClass.UNKNOWN),
        (["sk-ant-api03-x", "sk-ant-oat01-made-up"], KeyClass.UNKNOWN),
        (["sk-ant-oat01-made-up", "sk-ant-api03-x"], KeyClass.UNKNOWN),
    ],
)
def test_a_request_is_a_subscriptions_only_if_all_its_credentials_are_logins(
    credentials: list[str], expected: KeyClass
) -> None:
    assert key_class(credentials) is expected


def test_equal_keys_have_equal_fingerprints_and_only_under_the_same_secret() -> None:
    first = fingerprint(["sk-1"], KEY)
    assert first == fingerprint(["sk-1", "sk-2"], KEY)
    assert first is not None
    assert len(first) == 16
    assert first not in (fingerprint(["sk-2"], KEY), fingerprint(["sk-1"], b"x" * 32))


def test_no_credential_has_no_fingerprint() -> None:
    assert fingerprint([], KEY) is None


def test_a_credential_that_is_no_utf_8_is_fingerprinted_too() -> None:
    assert fingerprint([b"sk-\xff".decode(errors="surrogateescape")], KEY)

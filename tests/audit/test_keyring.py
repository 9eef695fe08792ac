"""Company keys: sealed so that neither the database nor another row opens them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluiceway.audit.keyring import KeyRing, fingerprint, open_sealed, seal
from sluiceway.errors import ConfigError
from sluiceway.store.keys import ProviderKey
from sluiceway.types import KeyClass

KEY, OTHER = b"k" * 32, b"o" * 32
SECRET = "sk-ant-api03-the-companys-own"


def stored(label: str, day: int, *, retired: bool = False, provider: str = "anthropic") -> ProviderKey:
    at = datetime(2026, 11, day, tzinfo=UTC)
    sealed = None if retired else seal(f"secret-of-{label}", label, provider, KEY)
    return ProviderKey(
        label,
        provider,
        KeyClass.COMPANY,
        fingerprint(f"secret-of-{label}", KEY),
        sealed,
        at,
        at if retired else None,
    )


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=300))
def test_what_was_sealed_opens_again(secret: str) -> None:
    assert open_sealed(seal(secret, "main", "anthropic", KEY), "main", "anthropic", KEY) == secret


def test_the_same_key_never_seals_to_the_same_bytes() -> None:
    assert seal(SECRET, "main", "anthropic", KEY) != seal(SECRET, "main", "anthropic", KEY)


@pytest.mark.parametrize(
    ("label", "provider", "key"),
    [("other", "anthropic", KEY), ("main", "openai", KEY), ("main", "anthropic", OTHER)],
    ids=["another label", "another provider", "another deployment"],
)
def test_a_sealed_key_opens_only_where_it_belongs(label: str, provider: str, key: bytes) -> None:
    with pytest.raises(ConfigError, match="cannot be opened") as refused:
        open_sealed(seal(SECRET, "main", "anthropic", KEY), label, provider, key)
    assert SECRET not in str(refused.value)


@given(st.binary(max_size=80))
def test_arbitrary_bytes_open_to_a_clear_error(sealed: bytes) -> None:
    with pytest.raises(ConfigError):
        open_sealed(sealed, "main", "anthropic", KEY)


def test_the_newest_key_that_is_not_retired_is_injected() -> None:
    ring = KeyRing.of([stored("old", 1), stored("new", 2), stored("gone", 3, retired=True)], KEY)
    assert [each.label for each in ring.usable] == ["new", "old"]
    newest = ring.key_for("anthropic")
    assert newest is not None
    assert (newest.label, newest.secret) == ("new", "secret-of-new")
    assert len(ring.known) == 3
    assert ring.has_company_keys


@pytest.mark.parametrize(
    ("provider", "label", "found"),
    [
        ("anthropic", "old", "old"),
        ("anthropic", "gone", None),
        ("openai", None, None),
        ("openai", "old", None),
    ],
)
def test_a_key_is_found_by_its_provider_and_label(
    provider: str, label: str | None, found: str | None
) -> None:
    ring = KeyRing.of([stored("old", 1), stored("new", 2), stored("gone", 3, retired=True)], KEY)
    key = ring.key_for(provider, label)
    assert (key and key.label) == found


def test_a_company_whose_keys_are_all_retired_has_none() -> None:
    assert not KeyRing.of([stored("gone", 3, retired=True)], KEY).has_company_keys


def test_no_secret_shows_in_the_rings_repr() -> None:
    assert "secret-of" not in repr(KeyRing.of([stored("main", 1)], KEY))


def test_fingerprints_are_keyed() -> None:
    assert fingerprint(SECRET, KEY) != fingerprint(SECRET, OTHER)
    assert len(fingerprint(SECRET, KEY)) == 16

"""Provider keys: registered once, recognised for ever, injected only until they are retired."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluiceway.errors import StoreError
from sluiceway.store import Store
from sluiceway.types import KeyClass


@pytest.fixture
def store(tmp_path: Path):
    opened = Store.open(f"sqlite:///{tmp_path / 'a.db'}", key=b"k" * 32, boot="one", create=True)
    yield opened
    opened.close()


def test_a_registered_key_is_listed_without_its_secret_in_any_repr(store: Store) -> None:
    store.keys.add("main", "anthropic", KeyClass.COMPANY, "f" * 16, b"sealed-blob")
    (key,) = store.keys.list()
    assert (key.label, key.provider, key.key_class, key.sealed) == (
        "main",
        "anthropic",
        KeyClass.COMPANY,
        b"sealed-blob",
    )
    assert "sealed-blob" not in repr(key)


@pytest.mark.parametrize(("label", "fingerprint"), [("main", "0" * 16), ("other", "f" * 16)])
def test_the_same_label_or_the_same_key_is_not_taken_twice(
    store: Store, label: str, fingerprint: str
) -> None:
    store.keys.add("main", "anthropic", KeyClass.COMPANY, "f" * 16, b"x")
    with pytest.raises(StoreError, match="registered already, as 'main'"):
        store.keys.add(label, "openai", KeyClass.COMPANY, fingerprint, b"y")


def test_a_retired_key_is_still_known_but_its_sealed_form_is_gone(store: Store) -> None:
    store.keys.add("main", "anthropic", KeyClass.COMPANY, "f" * 16, b"x")
    store.keys.retire("main")
    (key,) = store.keys.list()
    assert key.retired_at is not None
    assert key.sealed is None


def test_retiring_a_key_that_is_not_there_suggests_the_one_that_was_meant(store: Store) -> None:
    store.keys.add("main", "anthropic", KeyClass.COMPANY, "f" * 16, b"x")
    with pytest.raises(StoreError, match=r"did you mean 'main'\?"):
        store.keys.retire("mian")


@pytest.mark.parametrize("label", ["", "Main", "a b", "-x", "x" * 65])
def test_a_label_that_would_not_fit_a_file_or_a_table_is_refused(store: Store, label: str) -> None:
    with pytest.raises(StoreError, match="label"):
        store.keys.add(label, "anthropic", KeyClass.COMPANY, "f" * 16, b"x")

"""The tree of RFC 9162 against the known roots of its predecessor's tests, and against its own definition."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluiceway.audit.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    consistent,
    includes,
    inclusion_proof,
    leaf_hash,
    root_of,
)

# The leaves and roots that Certificate Transparency implementations share as test vectors.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def defined(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 9162, 2.1.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + defined(leaves[:k]) + defined(leaves[k:])).digest()


@pytest.mark.parametrize("size", range(1, 9))
def test_the_roots_are_the_known_ones(size: int) -> None:
    assert root_of([leaf_hash(data) for data in LEAVES[:size]]).hex() == ROOTS[size - 1]


def test_an_empty_tree_has_the_hash_of_nothing() -> None:
    assert Frontier().root == EMPTY_ROOT == sha256(b"").digest()


trees = st.integers(1, 70).map(lambda n: [leaf_hash(bytes([i])) for i in range(n)])


@given(trees)
def test_a_growing_tree_has_the_defined_root(leaves: list[bytes]) -> None:
    assert root_of(leaves) == defined(leaves)


@given(trees, st.data())
def test_a_leaf_is_proved_in_its_place_and_nowhere_else(leaves: list[bytes], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(leaves) - 1))
    proof, root = inclusion_proof(leaves, at), defined(leaves)
    assert includes(leaves[at], at, len(leaves), proof, root)
    assert not includes(leaf_hash(b"other"), at, len(leaves), proof, root)
    assert not includes(leaves[at], at, len(leaves), [*proof, root], root)
    assert not includes(leaves[at], at, len(leaves), proof, leaf_hash(b"root"))
    elsewhere = data.draw(st.integers(-1, len(leaves) + 1).filter(lambda n: n != at))
    assert not includes(leaves[at], elsewhere, len(leaves), proof, root)


@given(trees, st.data())
def test_growth_is_proved_and_change_is_not(leaves: list[bytes], data: st.DataObject) -> None:
    first = data.draw(st.integers(1, len(leaves)))
    proof = consistency_proof(leaves, first)
    old, new = defined(leaves[:first]), defined(leaves)
    assert consistent(first, len(leaves), proof, old, new)
    changed = [*leaves]
    changed[data.draw(st.integers(0, first - 1))] = leaf_hash(b"other")
    assert not consistent(first, len(leaves), consistency_proof(changed, first), old, defined(changed))
    assert not consistent(first, len(leaves), [*proof, old], old, new)
    assert not consistent(len(leaves) + 1, len(leaves), proof, old, new)

"""The format is as docs/audit-format.md says: its vectors hold here, and in a verifier written from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from audit_world import CAROL, DAVE, ERIN, METADATA, World
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from make_vectors import VECTORS
from third_party import (
    derived,
    holder,
    hpke_open,
    leaf_hash,
    open_sealed,
    open_wrap,
    read_checkpoint,
    read_entry,
    root,
    sha256,
    tagged,
    verify_export,
)

from sluiceway.audit import keyfile
from sluiceway.audit.checkpoint import NodeKey, Verifier
from sluiceway.audit.export import export
from sluiceway.audit.keyfile import PrivateKey
from sluiceway.audit.merkle import root_of
from sluiceway.audit.notice import version
from sluiceway.audit.records import leaf, signed_bytes
from sluiceway.audit.sealing import Sealer, address, part_bound
from sluiceway.audit.shred import Selection, shred
from sluiceway.audit.wrap import Lock, release, unwrap

FILE: dict[str, Any] = json.loads(VECTORS.read_text("utf-8"))


@pytest.mark.parametrize("case", FILE["leaves"], ids=lambda case: case["kind"])
def test_a_leaf(case: dict[str, Any]) -> None:
    assert tagged(case["kind"], case["record"]).decode() == case["data"]
    assert leaf(case["kind"], case["record"]).hash == leaf_hash(case["kind"], case["record"])
    assert leaf(case["kind"], case["record"]).hash.hex() == case["leaf"]


def test_the_roots() -> None:
    hashes = [bytes.fromhex(case["leaf"]) for case in FILE["leaves"]]
    for size, expected in enumerate(FILE["roots"]):
        assert root_of(hashes[:size]).hex() == root(hashes[:size]).hex() == expected


def test_a_checkpoint() -> None:
    case = FILE["checkpoint"]
    node = NodeKey("sluiceway/audit/test", bytes.fromhex(case["seed"]))
    assert str(node.verifier) == case["public"]
    assert node.sign(case["size"], bytes.fromhex(case["root"])) == case["note"]
    found = Verifier.parse(case["public"]).open(case["note"])
    assert (found.size, found.root) == read_checkpoint(case["note"], case["public"])
    assert (found.size, found.root.hex()) == (case["size"], case["root"])


@pytest.mark.parametrize("case", FILE["holders"], ids=lambda case: case["name"])
def test_a_holders_keys(case: dict[str, Any]) -> None:
    key = PrivateKey(case["name"], "auditor", bytes.fromhex(case["seed"]))
    assert (str(key.public), key.public.id) == (case["public"], case["id"])
    assert holder(bytes.fromhex(case["seed"]))[:2] == (case["public"], case["id"])


def test_a_wrap() -> None:
    case = FILE["wrap"]
    place = {name: case[name] for name in ("data_key", "person", "approver", "reader")}
    lock, wrapped = Lock(**place), bytes.fromhex(case["wrap"])
    assert lock.info("approver").decode() == case["info_approver"]
    assert lock.info("reader").decode() == case["info_reader"]
    released = release(wrapped, lock, DAVE)
    assert released.hex() == case["release"]
    assert unwrap(released, lock, CAROL).hex() == case["secret"]
    assert open_wrap(place, wrapped, DAVE.seed, CAROL.seed).hex() == case["secret"]


def test_the_third_partys_hpke_is_that_of_rfc_9180() -> None:
    """Appendix A.1.1, whose cipher is AES-128-GCM; ours differs in the cipher alone."""
    receiver = X25519PrivateKey.from_private_bytes(
        bytes.fromhex("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8")
    )
    encapsulated = "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431"
    ciphertext = "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a"
    sealed = bytes.fromhex(encapsulated + ciphertext)
    plain = hpke_open(sealed, receiver, b"Ode on a Grecian Urn", b"Count-0", aead=1)
    assert plain == b"Beauty is truth, truth beauty"
    with pytest.raises(InvalidTag):
        hpke_open(sealed, receiver, b"Ode on a Grecian Urn", b"Count-1", aead=1)


def test_a_part() -> None:
    case, data_key = FILE["part"], bytes.fromhex(FILE["wrap"]["secret"])
    assert address(bytes.fromhex(case["address_key"]), case["role"], case["text"]) == case["id"]
    assert part_bound(FILE["wrap"]["data_key"], case["id"]).decode() == case["bound"]
    assert derived(data_key, "content").hex() == case["content_key"]
    sealed, bound = bytes.fromhex(case["ciphertext"]), case["bound"].encode()
    assert (
        open_sealed(data_key, sealed, bound) == Sealer(data_key).open(sealed, bound) == case["text"].encode()
    )


def test_a_notices_version() -> None:
    from audit_world import RULE

    assert sha256(tagged("notice", FILE["notice"]["promise"])).hex()[:32] == FILE["notice"]["version"]
    assert version(RULE) == FILE["notice"]["version"]


def test_a_signed_step() -> None:
    record = FILE["access"]["record"]
    unsigned = {name: value for name, value in record.items() if name != "signature"}
    assert tagged("access", unsigned) == signed_bytes(record) == FILE["access"]["signed"].encode()
    *_, signing = holder(CAROL.seed)
    signing.public_key().verify(bytes.fromhex(record["signature"]), signed_bytes(record))


def test_a_key_file(tmp_path: Path) -> None:
    case = FILE["keyfile"]
    path = tmp_path / "key.json"
    path.write_text(json.dumps(case["file"]))
    assert keyfile.load(path, case["passphrase"]).seed.hex() == case["seed"]
    file = case["file"]
    kdf = Scrypt(salt=bytes.fromhex(file["salt"]), length=32, n=2 ** file["scrypt_log_n"], r=8, p=1)
    key = kdf.derive(b"sluiceway-audit-v1\0" + case["passphrase"].encode())
    header = {name: file[name] for name in ("name", "role", "public_key")}
    opened = AESGCM(key).decrypt(
        bytes.fromhex(file["nonce"]), bytes.fromhex(file["sealed"]), tagged("keyfile", header)
    )
    assert opened.hex() == case["seed"]


@pytest.fixture
def exported(world: World) -> tuple[World, list[str]]:
    for person in ("alice", "bob"):
        world.tell(person)
    world.tell("alice", METADATA)
    world.ask(["one", "number 123-45-6789"], "fine", "r-1")
    world.ask(["one", "number 123-45-6789", "grüß dich"], None, "r-2")
    world.ask([], None, "r-3", rule=METADATA)
    world.ask(["of bob"], None, "r-4", "bob")
    number = world.asked(CAROL)
    world.approved(number)
    world.read(number)
    shred(world.log, Selection("bob"), "asked to be forgotten", "root", world.clock())
    with world.store.audit.snapshot() as snapshot:
        return world, list(export(snapshot))


def test_a_third_party_verifies_an_export(exported: tuple[World, list[str]]) -> None:
    world, lines = exported
    assert verify_export(lines, str(world.node.verifier)) == world.log.size


def test_a_third_party_finds_what_was_altered_in_an_export(exported: tuple[World, list[str]]) -> None:
    world, lines = exported
    for at, line in enumerate(lines):
        changed = [[*lines[:at], line.replace("a", "b"), *lines[at + 1 :]]]
        if '"type":"checkpoint"' not in line:  # those are compared with the ones kept elsewhere
            changed.append([*lines[:at], *lines[at + 1 :]])
        for altered in changed:
            with pytest.raises(Exception):  # noqa: B017 - a third party may find it in any way
                verify_export(altered, str(world.node.verifier))


@pytest.mark.parametrize(("approver", "reader"), [(DAVE, CAROL), (CAROL, ERIN)], ids=lambda who: who.name)
def test_a_third_party_opens_an_export_with_two_keys(
    exported: tuple[World, list[str]], approver: PrivateKey, reader: PrivateKey
) -> None:
    _, lines = exported
    rows = [json.loads(line) for line in lines]
    entries = [row["record"] for row in rows if row.get("kind") == "entry" and row["record"]["data_key"]]
    alice = [entry for entry in entries if entry["person"] == "alice"]
    assert [read_entry(rows, entry, approver.seed, reader.seed) for entry in alice] == [
        [("user", "one"), ("user", "number <US_SSN>"), ("assistant", "fine")],
        [("user", "one"), ("user", "number <US_SSN>"), ("user", "grüß dich")],
    ]
    with pytest.raises(StopIteration):  # shredded: there is no wrap any more
        read_entry(rows, next(e for e in entries if e["person"] == "bob"), approver.seed, reader.seed)
    with pytest.raises(StopIteration):  # no wrap for one person in both parts
        read_entry(rows, alice[0], approver.seed, approver.seed)

"""Writes docs/audit-format-vectors.json. Only for a new version of the format: the file is a promise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import zstandard
from audit_world import CAROL, DAVE, HOLDERS, NODE, NOON, RULE
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sluiceway.audit import keyfile
from sluiceway.audit.canonical import tagged
from sluiceway.audit.checkpoint import NodeKey
from sluiceway.audit.derive import derive
from sluiceway.audit.merkle import root_of
from sluiceway.audit.notice import version
from sluiceway.audit.records import Acknowledgement, Disclosure, HolderSet, Shred, leaf, row, signed_bytes
from sluiceway.audit.sealing import address, part_bound
from sluiceway.audit.unlock import Scope, request
from sluiceway.audit.wrap import Lock, release, wrap

VECTORS = Path(__file__).parents[2] / "docs" / "audit-format-vectors.json"
DATA_KEY, ADDRESS_KEY, NONCE = bytes(range(32)), bytes(range(32, 64)), bytes(range(12))
TEXT = "Zweck: Prüfung \u201e7\u201c\n"
AT = 1_794_000_000_000_000


def records() -> list[Any]:
    number = "00112233445566778899aabbccddeeff"
    return [
        HolderSet(HOLDERS.id, AT, HOLDERS.text),
        Disclosure(number, AT, "alice", "incident", version(RULE), TEXT, "cli", "root"),
        Acknowledgement(number, AT + 1, "alice", version(RULE), AT, "portal", "alice"),
        Shred(number, AT + 2, "person", "asked to be forgotten", "root"),
    ]


def vectors() -> dict[str, Any]:
    node = NodeKey(NODE, b"n" * 32)
    made = [(each.kind, row(each)) for each in records()]
    hashes = [leaf(kind, record).hash for kind, record in made]
    lock = Lock("ffeeddccbbaa99887766554433221100", "alice", DAVE.public.id, CAROL.public.id)
    wrapped = wrap(DATA_KEY, lock, DAVE.public, CAROL.public)
    number = address(ADDRESS_KEY, "user", "grüß dich")
    bound = part_bound(lock.data_key, number)
    packed = zstandard.ZstdCompressor(level=3).compress("grüß dich".encode())
    sealed = NONCE + AESGCM(derive(DATA_KEY, "content")).encrypt(NONCE, packed, bound)
    step = row(request(Scope("alice", NOON, NOON.replace(day=16)), "incident 12", CAROL, "carol", NOON))
    promise = {
        name: RULE.model_dump(mode="json")[name]
        for name in ("mode", "purpose", "agreement", "until", "keep_days")
    }
    return {
        "leaves": [
            {
                "kind": kind,
                "record": record,
                "data": tagged(kind, record).decode(),
                "leaf": leaf(kind, record).hash.hex(),
            }
            for kind, record in made
        ],
        "roots": [root_of(hashes[:size]).hex() for size in range(len(hashes) + 1)],
        "checkpoint": {
            "seed": (b"n" * 32).hex(),
            "public": str(node.verifier),
            "size": len(hashes),
            "root": root_of(hashes).hex(),
            "note": node.sign(len(hashes), root_of(hashes)),
        },
        "holders": [
            {"name": each.name, "seed": each.seed.hex(), "public": str(each.public), "id": each.public.id}
            for each in (CAROL, DAVE)
        ],
        "wrap": {
            "data_key": lock.data_key,
            "person": lock.person,
            "approver": lock.approver,
            "reader": lock.reader,
            "info_approver": lock.info("approver").decode(),
            "info_reader": lock.info("reader").decode(),
            "secret": DATA_KEY.hex(),
            "wrap": wrapped.hex(),
            "release": release(wrapped, lock, DAVE).hex(),
        },
        "part": {
            "address_key": ADDRESS_KEY.hex(),
            "role": "user",
            "text": "grüß dich",
            "id": number,
            "content_key": derive(DATA_KEY, "content").hex(),
            "bound": bound.decode(),
            "ciphertext": sealed.hex(),
        },
        "notice": {"promise": {"rule": RULE.name, **promise}, "version": version(RULE)},
        "access": {"record": step, "signed": signed_bytes(step).decode()},
        "keyfile": {"passphrase": "open sesame", "seed": CAROL.seed.hex(), "file": key_file()},
    }


def key_file() -> dict[str, Any]:
    path = VECTORS.with_suffix(".tmp")
    keyfile.save(CAROL, path, "open sesame", cost=4)
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    finally:
        path.unlink()
    return found


if __name__ == "__main__":
    VECTORS.write_text(json.dumps(vectors(), indent=2, ensure_ascii=False) + "\n", "utf-8")

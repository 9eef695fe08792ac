"""A verifier and a reader written from docs/audit-format.md alone: nothing of Sluiceway is imported here.

Only primitives are taken from a library: SHA-256, HMAC, X25519, Ed25519, AES-GCM, scrypt and zstd.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable
from typing import Any

import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

RAW = (Encoding.Raw, PublicFormat.Raw)


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def tagged(purpose: str, value: Any) -> bytes:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sluiceway-audit-v1/{purpose}\n{text}".encode()


# Section 3: leaves and the tree


def leaf_hash(kind: str, record: dict[str, Any]) -> bytes:
    return sha256(b"\x00" + tagged(kind, record))


def root(leaves: list[bytes]) -> bytes:
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"")
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + root(leaves[:split]) + root(leaves[split:]))


# Section 4: checkpoints


def read_checkpoint(note: str, public: str) -> tuple[int, bytes]:
    name, number, encoded = public.split("+", 2)
    key = base64.b64decode(encoded)[1:]
    text, signature_line = note.split("\n\n")
    dash, signer, signature = signature_line.removesuffix("\n").split(" ")
    data = base64.b64decode(signature)
    assert (dash, signer) == ("—", name)
    assert data[:4] == sha256(f"{name}\n".encode() + b"\x01" + key)[:4] == bytes.fromhex(number)
    Ed25519PublicKey.from_public_bytes(key).verify(data[4:], f"{text}\n".encode())
    origin, size, root_text = text.split("\n")
    assert origin == name
    return int(size), base64.b64decode(root_text)


def verify_export(lines: Iterable[str], public: str) -> int:
    """Checks an export; how many leaves it has. AssertionError for whatever is wrong."""
    rows = [json.loads(line) for line in lines]
    assert rows[0] == {"form": "sluiceway-audit-v1"}
    log = [row for row in rows if row.get("type") == "leaf"]
    assert [row["seq"] for row in log] == list(range(len(log)))
    leaves = [leaf_hash(row["kind"], row["record"]) for row in log]
    assert [leaf.hex() for leaf in leaves] == [row["leaf"] for row in log]
    heads = [read_checkpoint(row["note"], public) for row in rows if row.get("type") == "checkpoint"]
    for size, expected in heads:
        assert root(leaves[:size]) == expected
    assert heads[-1][0] == len(leaves)
    check_erasable(rows, [(row["kind"], row["record"]) for row in log])
    return len(leaves)


# Section 6: what may be destroyed


def check_erasable(rows: list[dict[str, Any]], records: list[tuple[str, dict[str, Any]]]) -> None:
    shredded = {record["id"] for kind, record in records if kind == "shred"}
    expected: dict[tuple[str, ...], str] = {}
    for kind, record in records:
        if kind == "data_key" and record["id"] not in shredded:
            for approver, reader, digest in json.loads(record["wraps"]):
                expected["wraps", record["id"], approver, reader] = digest
        if kind == "access":
            for data_key, digest in json.loads(record["releases"]):
                if data_key not in shredded:
                    expected["releases", record["id"], data_key] = digest
        if kind == "entry" and record["data_key"] not in shredded:
            for number, digest in json.loads(record["sealed"]):
                expected["sealed", number] = digest
    found: dict[tuple[str, ...], str] = {}
    for row in rows:
        if row.get("type") == "wraps":
            value = row["row"]
            place = ("wraps", value["data_key"], value["approver"], value["reader"])
            found[place] = hashlib.sha256(bytes.fromhex(value["wrap"])).hexdigest()
        if row.get("type") == "releases":
            value = row["row"]
            place = ("releases", value["approval"], value["data_key"])
            found[place] = hashlib.sha256(bytes.fromhex(value["layer"])).hexdigest()
        if row.get("type") == "sealed":
            found["sealed", row["row"]["id"]] = hashlib.sha256(
                bytes.fromhex(row["row"]["ciphertext"])
            ).hexdigest()
    assert found == expected


# Section 5: keys


def hkdf(secret: bytes, info: bytes, length: int = 32) -> bytes:
    key = hmac.digest(bytes(32), secret, "sha256")
    return hmac.digest(key, info + b"\x01", "sha256")[:length]


def derived(secret: bytes, use: str) -> bytes:
    return hkdf(secret, f"sluiceway-audit-v1 {use}".encode())


def holder(seed: bytes) -> tuple[str, str, X25519PrivateKey, Ed25519PrivateKey]:
    """(public text, key id, sealing key, signing key) of a holder's seed."""
    sealing = X25519PrivateKey.from_private_bytes(derived(seed, "x25519"))
    signing = Ed25519PrivateKey.from_private_bytes(derived(seed, "ed25519"))
    public = signing.public_key().public_bytes(*RAW) + sealing.public_key().public_bytes(*RAW)
    text = "swyaudit1." + base64.urlsafe_b64encode(public).decode().rstrip("=")
    return text, hashlib.sha256(b"sluiceway-audit-v1/holder\n" + public).hexdigest()[:32], sealing, signing


# RFC 9180, base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256


def labeled_extract(suite: bytes, salt: bytes, label: bytes, secret: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + secret, "sha256")


def labeled_expand(suite: bytes, key: bytes, label: bytes, info: bytes, length: int) -> bytes:
    labeled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(key, labeled + b"\x01", "sha256")[:length]


def hpke_open(sealed: bytes, key: X25519PrivateKey, info: bytes, aad: bytes = b"", aead: int = 2) -> bytes:
    encapsulated, ciphertext = sealed[:32], sealed[32:]
    kem = b"KEM" + (0x20).to_bytes(2, "big")
    shared = key.exchange(X25519PublicKey.from_public_bytes(encapsulated))
    context = encapsulated + key.public_key().public_bytes(*RAW)
    secret = labeled_extract(kem, b"", b"eae_prk", shared)
    shared_secret = labeled_expand(kem, secret, b"shared_secret", context, 32)
    suite = b"HPKE" + b"".join(n.to_bytes(2, "big") for n in (0x20, 1, aead))
    schedule = (
        b"\x00"
        + labeled_extract(suite, b"", b"psk_id_hash", b"")
        + labeled_extract(suite, b"", b"info_hash", info)
    )
    secret = labeled_extract(suite, shared_secret, b"secret", b"")
    aes = AESGCM(labeled_expand(suite, secret, b"key", schedule, {1: 16, 2: 32}[aead]))
    return aes.decrypt(labeled_expand(suite, secret, b"base_nonce", schedule, 12), ciphertext, aad)


def open_wrap(place: dict[str, str], wrapped: bytes, approver: bytes, reader: bytes) -> bytes:
    """The data key in a wrap, with the seeds of both holders."""
    layer = hpke_open(wrapped, holder(approver)[2], tagged("wrap", place | {"layer": "approver"}))
    return hpke_open(layer, holder(reader)[2], tagged("wrap", place | {"layer": "reader"}))


# Section 7: content


def open_sealed(data_key: bytes, sealed: bytes, bound: bytes) -> bytes:
    packed = AESGCM(derived(data_key, "content")).decrypt(sealed[:12], sealed[12:], bound)
    return zstandard.ZstdDecompressor().decompress(packed)


def read_entry(
    rows: list[dict[str, Any]], entry: dict[str, Any], approver: bytes, reader: bytes
) -> list[tuple[str, str]]:
    """(role, text) of every part of an entry in an export, with the seeds of both holders."""
    place = {
        "data_key": entry["data_key"],
        "person": entry["person"],
        "approver": holder(approver)[1],
        "reader": holder(reader)[1],
    }
    keys = ("data_key", "approver", "reader")
    wraps = [row["row"] for row in rows if row.get("type") == "wraps"]
    wrapped = next(row["wrap"] for row in wraps if all(row[name] == place[name] for name in keys))
    data_key = open_wrap(place, bytes.fromhex(wrapped), approver, reader)
    sealed = {
        row["row"]["id"]: bytes.fromhex(row["row"]["ciphertext"])
        for row in rows
        if row.get("type") == "sealed"
    }
    bound = tagged("content", {name: value for name, value in entry.items() if name != "sealed"})
    content = json.loads(open_sealed(data_key, sealed[entry["id"]], bound))
    places = [*content["request"], *([content["response"]] if content["response"] else [])]
    return [
        (
            role,
            open_sealed(
                data_key, sealed[number], tagged("part", {"data_key": entry["data_key"], "id": number})
            ).decode(),
        )
        for role, number in places
    ]

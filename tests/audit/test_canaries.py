"""Fifty canaries go through everything that may see text; none is found in any file, log or exception."""

from __future__ import annotations

import asyncio
import gc
import logging
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from audit_world import CAROL, DAVE, World, redact

from sluiceway.audit.keyfile import load, save
from sluiceway.audit.parts import Part, Redacted
from sluiceway.audit.pipeline import Item
from sluiceway.audit.shred import Selection, shred
from sluiceway.audit.subject import End
from sluiceway.audit.unlock import approve, opened
from sluiceway.errors import SluicewayError
from sluiceway.store import Store

CANARIES = [f"canary-{n:02d}-zqxj" for n in range(50)]
SPELLINGS = [
    spelling
    for canary in CANARIES
    for spelling in (
        canary.encode(),
        canary.encode("utf-16-le"),
        canary[::-1].encode(),
        canary.encode().hex().encode(),
    )
]


def found_in(folder: Path) -> list[str]:
    """Where any spelling of a canary is in any file below a folder."""
    found: list[str] = []
    for path in sorted(folder.rglob("*")):
        data = path.read_bytes() if path.is_file() else b""
        found += [f"{path.name}: {spelling!r}" for spelling in SPELLINGS if spelling in data]
    return found


def chatty(text: str) -> Redacted:
    """A redactor that chokes on some texts and quotes them when it does."""
    if "choke" in text:
        raise ValueError(f"cannot parse {text!r}")
    return redact(text)


def test_no_canary_is_in_any_file_log_or_error(
    make_world: Callable[..., World],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    world = make_world()
    errors: list[str] = []
    with caplog.at_level(logging.DEBUG):
        world.tell()
        recorder = world.new_recorder("boot-1", redact=chatty)
        for n, canary in enumerate(CANARIES):
            kind = ("", " choke", " sk-abcd1234")[n % 3]
            subject = world.subject(f"r-{n}")
            asyncio.run(recorder.begin(subject))
            parts = [Part("system", canary), Part("user", canary + kind)]
            recorder.record(subject, End(None, "ok", 200), parts, Part("assistant", canary))
            errors += [repr(parts), repr(Item(subject, End(), tuple(parts)))]
            if n % 10 == 0:
                assert recorder.flush(30)
                assert found_in(tmp_path) == []  # with the write-ahead log as it is
        assert recorder.flush(30)
        lost = world.subject("lost")
        asyncio.run(recorder.begin(lost))
        number = world.asked(CAROL)
        with world.store.audit.snapshot() as snapshot:
            for who in (CAROL, DAVE):
                try:
                    list(opened(snapshot, number, who))
                    approve(snapshot, number, CAROL, "carol", world.clock())
                except SluicewayError as error:
                    errors += traceback.format_exception(error)
        world.approved(number)
        texts = world.read(number)
        assert sum(canary in str(texts) for canary in CANARIES) == 17  # it is all there, for two people
        shred(world.log, Selection("alice"), "asked to be forgotten", "root", world.clock())
        recorder.close()
        world.close()
    captured = capfd.readouterr()
    said = [*errors, caplog.text, captured.out, captured.err]
    assert [canary for canary in CANARIES for text in said if canary in text] == []
    assert found_in(tmp_path) == []


def test_private_keys_are_in_no_file_of_the_proxy_and_no_repr(world: World, tmp_path: Path) -> None:
    save(CAROL, tmp_path / "carol.json", "open sesame", cost=4)
    world.tell()
    world.ask(["hello"], None)
    world.approved(world.asked(CAROL))
    world.close()
    data = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    for secret in (CAROL.seed, CAROL.hpke.private_bytes_raw()):
        assert secret not in data and secret.hex().encode() not in data
    assert load(tmp_path / "carol.json", "open sesame") == CAROL
    assert "ccc" not in repr(CAROL) and CAROL.seed.hex() not in repr(CAROL)


def test_the_data_key_is_in_no_file(world: World, tmp_path: Path) -> None:
    world.tell()
    world.ask(["hello"], None)
    (key,) = world.recorder._keys._keys.values()
    secrets = (key.sealer.secret, key.address_key)
    world.close()
    gc.collect()
    data = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert not any(each in data or each.hex().encode() in data for each in secrets)
    assert isinstance(world.store, Store)

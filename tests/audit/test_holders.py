"""Keys of auditors and the works council: who may open with whom, and how a private key is kept."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from audit_world import CAROL, DAVE, ERIN, FRANK, HOLDERS

from sluiceway.audit.holders import Holders, PublicKey, load_holders, one_of
from sluiceway.audit.keyfile import PrivateKey, generate, load, save
from sluiceway.errors import ConfigError

CHEAP = 4  # scrypt's cost in tests


def line(key: PrivateKey, **change: str) -> str:
    values = {"name": key.name, "role": key.role, "public_key": str(key.public), **change}
    return "  - {" + ", ".join(f"{name}: {value}" for name, value in values.items()) + "}\n"


def write(path: Path, *lines: str) -> Path:
    path.write_text("version: 1\nauditors:\n" + "".join(lines))
    return path


def test_the_file_names_who_can_open(tmp_path: Path) -> None:
    found = load_holders(write(tmp_path / "auditors.yaml", line(CAROL), line(DAVE), line(ERIN)))
    assert found == HOLDERS
    assert one_of(found, "erin").role == "council"
    with pytest.raises(ConfigError, match="there: carol, dave, erin"):
        one_of(found, "mallory")


def test_without_a_file_nobody_can_open(tmp_path: Path) -> None:
    assert load_holders(tmp_path / "none.yaml") == Holders()


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([line(CAROL), line(DAVE, name="carol")], r"auditors\.1\.name: this name stands here twice"),
        ([line(CAROL), line(CAROL, name="dave")], r"auditors\.1\.public_key: this key stands here twice"),
        (
            [line(CAROL, public_key="swyaudit1.AAAA")],
            "write the public key that `sluiceway audit keygen` printed",
        ),
        ([line(CAROL, public_key=str(CAROL.public)[10:])], "write the public key"),
        ([line(CAROL, role="boss")], "role"),
        ([line(CAROL, colour="red")], "colour"),
    ],
    ids=["name twice", "key twice", "short key", "no prefix", "another role", "unknown field"],
)
def test_a_mistake_in_the_file_is_found_with_its_place(tmp_path: Path, lines: list[str], says: str) -> None:
    with pytest.raises(ConfigError, match=says) as found:
        load_holders(write(tmp_path / "auditors.yaml", *lines))
    assert "auditors.yaml:" in str(found.value)


@pytest.mark.parametrize(
    ("people", "can"),
    [
        ([], False),
        ([CAROL], False),
        ([ERIN, FRANK], False),
        ([CAROL, DAVE], True),
        ([CAROL, ERIN], True),
    ],
    ids=["nobody", "one auditor", "the council alone", "two auditors", "an auditor and the council"],
)
def test_it_takes_two_and_one_of_them_an_auditor(people: list[PrivateKey], can: bool) -> None:
    assert Holders(tuple(each.holder for each in people)).can_open is can


def test_the_set_has_the_same_name_in_any_order() -> None:
    turned = Holders(tuple(reversed(HOLDERS.holders)))
    assert turned.id == HOLDERS.id != Holders(HOLDERS.holders[:2]).id


def test_a_public_key_is_written_in_one_way() -> None:
    assert PublicKey.parse(str(CAROL.public)) == CAROL.public
    for wrong in (str(CAROL.public) + "=", str(CAROL.public)[:-1], str(CAROL.public)[:-1] + "-", ""):
        with pytest.raises(ValueError):
            PublicKey.parse(wrong)


def test_a_private_key_opens_with_its_passphrase_and_with_no_other(tmp_path: Path) -> None:
    path = tmp_path / "carol.json"
    save(CAROL, path, "open sesame", CHEAP)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load(path, "open sesame") == CAROL
    for wrong in ("open sesam", "Open sesame", " "):
        with pytest.raises(ConfigError, match="the passphrase is wrong"):
            load(path, wrong)
    for call in (lambda: load(path, ""), lambda: save(CAROL, tmp_path / "other", "", CHEAP)):
        with pytest.raises(ConfigError, match="must not be empty"):
            call()


def test_a_key_file_is_never_replaced(tmp_path: Path) -> None:
    save(CAROL, tmp_path / "key.json", "one", CHEAP)
    with pytest.raises(ConfigError, match="File exists"):
        save(DAVE, tmp_path / "key.json", "two", CHEAP)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "dave"},
        {"role": "council"},
        {"public_key": str(DAVE.public)},
        {"sealed": "00" * 48},
        {"nonce": "00" * 12},
        {"nonce": "00"},
        {"salt": "00" * 16},
        {"scrypt_log_n": 5},
        {"scrypt_log_n": 40},
        {"form": "v2"},
        {"extra": 1},
        {"sealed": "zz"},
    ],
    ids=lambda change: " ".join(f"{name}={value}"[:20] for name, value in change.items()),
)
def test_a_key_file_that_was_altered_does_not_open(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "key.json"
    save(CAROL, path, "open sesame", CHEAP)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ConfigError, match=r"altered|not a key file"):
        load(path, "open sesame")


@pytest.mark.parametrize("content", ["", "{", "[]", "null"])
def test_what_is_no_key_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match="not a key file"):
        load(path, "open sesame")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none.json", "open sesame")


def test_every_key_is_another_one() -> None:
    first, second = generate("carol", "auditor"), generate("carol", "auditor")
    assert first.public != second.public
    assert replace(first, seed=second.seed).public == second.public

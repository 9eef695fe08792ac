"""`sluiceway key` as an operator meets it: against a running serve and without one."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sluiceway.app.deployment import KEY_FILE, Deployment
from sluiceway.app.init import init
from sluiceway.app.serve import Service
from sluiceway.errors import ConfigError
from tests.command_line import Said, sluiceway
from tests.e2e.running import Running
from tests.e2e.tunnel import CANARY, Tunnel, claude

pytestmark = pytest.mark.e2e

SECRET = f"sk-ant-api03-{CANARY}"
EVER = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
WARNING = "warning: this has the form of "


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A deployment without a running serve; its folder."""
    monkeypatch.setenv("SLUICEWAY_ANCHOR_PASSPHRASE", "correct horse battery staple")
    return init(tmp_path / "alone", "Test").deployment.folder


@pytest.fixture
def give(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Puts a text where a command reads its input."""
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))  # type: ignore[return-value]


def add(folder: Path, *more: str, label: str = "main", provider: str = "anthropic") -> Said:
    return sluiceway("key", "add", label, "--provider", provider, *more, folder=folder)


def test_a_key_is_registered_listed_and_retired_without_being_shown(alone: Path, give) -> None:
    give(SECRET + "\n")
    added = add(alone, "--json")
    assert added.code == 0
    assert (added.json["label"], added.json["key_class"]) == ("main", "company")
    assert ["keys: {unknown: company}" in warning for warning in added.json["warnings"]] == [True]
    (alone / "personal.txt").write_text(f"{SECRET}-mine\n")
    assert add(alone, "--class", "personal", "--from-file", "personal.txt", label="dave-own").code == 0
    (alone / "personal.txt").unlink()
    give(SECRET + "-newer")
    assert add(alone, label="newer").code == 0
    listed = sluiceway("key", "list", "--json", folder=alone)
    states = {row["label"]: (row["class"], row["state"]) for row in listed.json}
    assert states == {
        "main": ("company", "by label"),
        "newer": ("company", "current"),
        "dave-own": ("personal", "recognised"),
    }
    retired = sluiceway("key", "retire", "newer", folder=alone)
    assert (retired.code, retired.out) == (0, "newer is retired; its sealed form is destroyed\n")
    table = sluiceway("key", "list", folder=alone)
    assert [line.split()[5] for line in table.out.splitlines()[1:]] == ["recognised", "current", "retired"]
    for said in (added, listed, retired, table):
        assert CANARY not in said.out + said.err
    for file in alone.rglob("*"):
        assert not file.is_file() or CANARY.encode() not in file.read_bytes(), file


def test_the_running_serve_uses_it_at_once(fresh: type[Running], give) -> None:
    running = fresh()
    running.set_rules("20-keys", "inject: [{name: all}]\n")
    alice, folder = running.add("alice"), running.deployment.folder
    with Tunnel(running, alice) as tunnel:
        refused = tunnel.ask("/v1/messages", claude(), x_api_key="sluiceway")
        assert refused.header("x-sluiceway-refused") == "no_company_key"
        give(SECRET)
        assert add(folder).code == 0
        assert tunnel.ask("/v1/messages", claude(), x_api_key="sluiceway").status == 200
        assert sluiceway("key", "retire", "main", folder=folder).code == 0
        refused = tunnel.ask("/v1/messages", claude(), x_api_key=SECRET)
        assert refused.header("x-sluiceway-refused") == "key_retired"
    assert running.service.store
    events = [event for event in running.service.store.events.list(*EVER) if event.kind.startswith("key_")]
    assert [event.kind for event in events] == ["key_added", "key_retired"]
    assert CANARY not in json.dumps([event.detail for event in events])


@pytest.mark.parametrize(
    ("given", "provider", "says"),
    [
        (f"sk-proj-{CANARY}", "anthropic", "an API key of openai, not of a key of anthropic"),
        (f"sk-ant-oat01-{CANARY}", "anthropic", "a login of anthropic: it will expire"),
        (f"sk-ant-admin01-{CANARY}", "anthropic", "an admin key of anthropic: it administers"),
        (f"sk-ant-api03-{CANARY}", "anthropic", ""),
        (f"its-own-form-{CANARY}", "google", ""),
    ],
    ids=["another's", "login", "admin", "right", "unknown form"],
)  # fmt: skip
def test_a_key_that_looks_wrong_is_registered_with_a_warning(
    alone: Path, give, given: str, provider: str, says: str
) -> None:
    (alone / "rules" / "policy" / "30-unknown.yaml").write_text("version: 1\nkeys: {unknown: company}\n")
    give(given)
    said = add(alone, provider=provider)
    assert said.code == 0
    assert (WARNING + says in said.err) is bool(says)
    assert bool(said.err) is bool(says)
    assert CANARY not in said.out + said.err


@pytest.mark.parametrize(
    ("given", "label", "provider", "says"),
    [
        (SECRET, "main", "antropic", "providers.yaml has no provider 'antropic' (did you mean 'anthropic'?)"),
        (SECRET, "main", "nobody", "write one of alibaba, anthropic, azure, "),
        (SECRET, "Main Key", "anthropic", "a key's label is 1 to 64 of a-z, 0-9"),
        ("", "main", "anthropic", "a key has 12 to 4096 characters; this has 0"),
        (f"key = {CANARY}", "main", "anthropic", "one word of printable ASCII"),
        ("sluiceway", "main", "anthropic", "this has 9"),
        ("x" * 5000, "main", "anthropic", "this has 5000"),
    ],
    ids=["misspelt", "no provider", "label", "empty", "two words", "placeholder", "too long"],
)
def test_what_is_no_key_is_refused_with_a_reason(
    alone: Path, give, given: str, label: str, provider: str, says: str
) -> None:
    give(given)
    said = add(alone, label=label, provider=provider)
    assert said.code == 1
    assert says in said.err
    assert CANARY not in said.err


def test_the_same_key_or_label_twice_is_refused(alone: Path, give) -> None:
    give(SECRET)
    assert add(alone).code == 0
    give(SECRET)
    assert "registered already, as 'main'" in add(alone, label="other").err
    give(SECRET + "x")
    assert "registered already, as 'main'" in add(alone).err
    assert (
        "there is no key 'mian' (did you mean 'main'?)"
        in sluiceway("key", "retire", "mian", folder=alone).err
    )


def test_there_is_no_option_for_the_key_itself(alone: Path) -> None:
    assert add(alone, SECRET).code == 2


async def test_serve_does_not_start_with_another_key_file(alone: Path, give) -> None:
    give(SECRET)
    assert add(alone).code == 0
    key = alone / KEY_FILE
    original = key.read_text()
    key.write_text("0" * 64)
    service = Service(Deployment.load(alone / "sluiceway.yaml"))
    with pytest.raises(ConfigError, match="'main' cannot be opened: it was sealed with another"):
        await service.start()
    give(SECRET + "-2")
    assert "cannot be opened" in add(alone, label="second").err
    assert "cannot be opened" in sluiceway("key", "list", folder=alone).err
    assert sluiceway("key", "retire", "main", folder=alone).code == 0
    key.write_text(original)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("inject: [{name: all}]", None),
        ("inject: [{name: all, label: main}]", None),
        ("inject: [{name: all, label: mian}]", "all: there is no key 'mian' in use (did you mean 'main'?)"),
        ("inject: [{name: all, label: old}]", "all: there is no key 'old' in use"),
        ("routes: [{name: r, match: {model: a}, to: {model: claude-haiku-4-5}}]", None),
    ],
    ids=["newest", "label", "misspelt", "retired", "route"],
)
def test_rules_check_knows_which_keys_there_are(alone: Path, give, rule: str, says: str | None) -> None:
    (alone / "rules" / "policy" / "30-test.yaml").write_text(f"version: 1\n{rule}\n")
    without = sluiceway("rules", "check", folder=alone)
    assert "company key" in without.out
    assert without.code == 0
    for label in ("old", "main"):
        give(f"{SECRET}-{label}")
        assert add(alone, label=label).code == 0
    assert sluiceway("key", "retire", "old", folder=alone).code == 0
    said = sluiceway("rules", "check", folder=alone)
    assert said.code == 0
    assert (says or "ok: ") in said.out
    assert ("warning" in said.out) is (says is not None)

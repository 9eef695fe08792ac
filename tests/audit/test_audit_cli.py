"""`sluiceway audit`: what a person types, from the key to the reading, and what they are told."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from audit_world import AT_ONCE, RULE, redact, residue
from typer.testing import CliRunner, Result

from sluiceway.app.audit import Office, Place
from sluiceway.app.init import init
from sluiceway.app.operations import perform
from sluiceway.audit.holders import Holders
from sluiceway.audit.notice import notice
from sluiceway.audit.parts import Part
from sluiceway.audit.recorder import Recorder
from sluiceway.audit.subject import End, Subject
from sluiceway.cli.audit import audit
from sluiceway.errors import SluicewayError
from sluiceway.types import KeyClass

PASSPHRASE = "open sesame"


class Company:
    """A deployment on disk, and somebody at its terminal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.deployment = init(folder, "Example", None).deployment
        self.place = Place.of(self.deployment)
        for name in ("alice", "bob"):
            person = {"kind": "employee", "team": "core", "project": None, "cost_center": None}
            perform(self.deployment, "person.add", name=name, **person)

    def type(self, *words: str, config: bool = True) -> Result:
        """Types a command. Nothing but SluicewayError may come out of it."""
        options = ["--config", str(self.deployment.config)] if config else []
        found = CliRunner().invoke(audit, [*words, *options], env={"SLUICEWAY_AUDIT_PASSPHRASE": PASSPHRASE})
        assert isinstance(found.exception, SluicewayError | SystemExit | None), found.exception
        return found

    def answer(self, *words: str) -> Any:
        found = self.type(*words, "--json")
        assert found.exit_code == 0, found.exception or found.output
        return json.loads(found.stdout)

    def says(self, *words: str) -> str:
        """What somebody is told whose command failed."""
        found = self.type(*words)
        assert found.exit_code == 1
        return str(found.exception) if isinstance(found.exception, SluicewayError) else found.output

    def key(self, name: str) -> str:
        return str(self.folder / f"{name}.json")

    def people(self) -> Holders:
        return self.place.holders()

    def live(self) -> None:
        """A day with two audited requests of alice."""
        with self.deployment.store(writable=True) as store:
            log = self.place.log(store)
            office, given = Office(log), notice(RULE, self.people(), "ops")
            told = {"person": "alice", "version": given.version, "channel": "portal", "actor": "root"}
            office.run("audit.disclose", told | {"rule": given.rule, "text": given.text})
            office.run("audit.acknowledge", told)
            recorder = Recorder(
                log, self.people(), "boot-1", redact, residue, lambda: datetime.now(UTC), AT_ONCE
            )
            found = recorder.told("alice", given.version)
            assert found is not None
            for number in ("r-1", "r-2"):
                subject = Subject.of(
                    RULE,
                    found,
                    zone=UTC,
                    request_id=number,
                    attempt=1,
                    started_at=datetime.now(UTC),
                    person="alice",
                    team="core",
                    key_class=KeyClass.COMPANY,
                    provider="anthropic",
                    model="claude-sonnet-4-5",
                    client_name=None,
                )
                asyncio.run(recorder.begin(subject))
                parts = [Part("user", f"\x1b[2Jnumber 123-45-6789 in {number}")]
                recorder.record(subject, End(None, "ok", 200), parts, Part("assistant", "noted"))
                assert recorder.flush(30)
            recorder.close()


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company(tmp_path)


@pytest.fixture
def audited(company: Company) -> Company:
    """carol, dave and erin have made keys, which stand in rules/auditors.yaml, and alice was audited."""
    lines = ["version: 1", "auditors:"]
    for name, role in (("carol", "auditor"), ("dave", "auditor"), ("erin", "council")):
        words = ("keygen", name, "--role", role, "--out", company.key(name), "--work", "4", "--json")
        made = json.loads(company.type(*words, config=False).stdout)
        lines.append(f"  - {{name: {name}, role: {role}, public_key: {made['public_key']}}}")
    company.place.auditors.write_text("\n".join(lines) + "\n")
    company.live()
    return company


def request(company: Company, *words: str) -> str:
    options = ("--key", company.key("carol"), "--reason", "incident 12", *words)
    number: str = company.answer("request", "alice", *options)["request"]
    return number


def test_from_a_request_to_the_text_it_takes_two_people(audited: Company) -> None:
    number = request(audited)
    assert audited.answer("approve", number, "--key", audited.key("dave"))["data_keys"] == 1
    found = audited.type("open", number, "--key", audited.key("carol"), "--json").stdout.splitlines()
    texts = [json.loads(line) for line in found]
    assert [each["request"][0]["text"] for each in texts] == [
        "\x1b[2Jnumber <US_SSN> in r-1",
        "\x1b[2Jnumber <US_SSN> in r-2",
    ]
    listed = audited.answer("list")
    assert [(each["requester"], each["approved_by"], each["opened"]) for each in listed["readings"]] == [
        ("carol", "dave", 1)
    ]
    assert audited.answer("verify")["ok"]


def test_text_that_people_wrote_does_not_move_the_terminals_cursor(audited: Company) -> None:
    number = request(audited)
    audited.type("approve", number, "--key", audited.key("erin"))
    shown = audited.type("open", number, "--key", audited.key("carol")).stdout
    assert "\x1b" not in shown and "user: ?[2Jnumber <US_SSN> in r-1" in shown and "2 entries" in shown


def test_only_the_named_entry_is_opened_into_a_file_of_its_reader(audited: Company, tmp_path: Path) -> None:
    first = audited.answer("list")["entries"][0]["id"]
    number = request(audited, "--entry", first)
    audited.type("approve", number, "--key", audited.key("dave"))
    out = tmp_path / "read.jsonl"
    assert audited.type("open", number, "--key", audited.key("carol"), "--out", str(out)).exit_code == 0
    assert [json.loads(line)["id"] for line in out.read_text().splitlines()] == [first]
    assert out.stat().st_mode & 0o077 == 0
    again = audited.says("open", number, "--key", audited.key("carol"), "--out", str(out))
    assert "is there already" in again
    assert audited.answer("list")["readings"][0]["opened"] == 1  # nothing was shown, so nothing is recorded


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("approve", "NUMBER", "--key", "carol"), "somebody else has to approve"),
        (("open", "NUMBER", "--key", "carol"), "nobody has approved this request yet"),
        (("open", "NUMBER", "--key", "dave"), "only who asked can open"),
        (("approve", "nothing", "--key", "dave"), "there is no such request"),
        (("approve", "NUMBER", "--key", "nobody"), "there is no such file"),
    ],
    ids=["approve one's own", "open too early", "open another's", "no such request", "no such key"],
)
def test_what_one_person_cannot_do_is_refused_in_words(
    audited: Company, words: tuple[str, ...], says: str
) -> None:
    number = request(audited)
    given = [number if word == "NUMBER" else word for word in words]
    given[-1] = audited.key(given[-1])
    assert says in audited.says(*given)
    assert audited.answer("list")["readings"][0]["opened"] == 0


def test_a_wrong_passphrase_is_refused(audited: Company) -> None:
    options = ["request", "alice", "--reason", "x", "--key", audited.key("carol")]
    found = CliRunner().invoke(
        audit,
        [*options, "--config", str(audited.deployment.config)],
        env={"SLUICEWAY_AUDIT_PASSPHRASE": "wrong"},
    )
    assert "the passphrase is wrong" in str(found.exception)


def test_a_request_about_nobody_is_a_slip(audited: Company) -> None:
    options = ("--key", audited.key("carol"), "--reason", "incident 12")
    assert "nobody called 'alcie'" in audited.says("request", "alcie", *options)


def test_a_key_that_is_not_on_record_cannot_even_ask(audited: Company) -> None:
    made = ("keygen", "mallory", "--role", "auditor", "--out", audited.key("mallory"), "--work", "4")
    assert audited.type(*made, config=False).exit_code == 0
    options = ("--key", audited.key("mallory"), "--reason", "curious")
    assert "the key belongs to nobody for whom anything was sealed" in audited.says(
        "request", "alice", *options
    )


def test_shred_counts_first_and_destroys_when_told_so(audited: Company) -> None:
    words = ("shred", "--person", "alice", "--reason", "asked to be forgotten")
    assert audited.answer(*words) == {"data_keys": 1, "done": False}
    assert audited.answer(*words, "--yes") == {"data_keys": 1, "done": True}
    assert audited.answer(*words, "--yes") == {"data_keys": 0, "done": True}
    number = request(audited)
    assert "shredded" in audited.says("approve", number, "--key", audited.key("dave"))
    verdict = audited.answer("verify")
    assert verdict["ok"] and verdict["shredded"] == 1


@pytest.mark.parametrize(
    "words",
    [
        ("shred", "--reason", "x"),
        ("shred", "--reason", "x", "--person", "alice", "--expired"),
        ("shred", "--reason", " ", "--expired"),
        ("shred", "--reason", "x", "--from-day", "yesterday"),
        ("shred", "--person", "alice"),
        ("request", "alice"),
        ("keygen", "carol", "--role", "boss"),
    ],
)
def test_wrong_usage_ends_with_two(company: Company, words: tuple[str, ...]) -> None:
    assert company.type(*words, config=words[0] != "keygen").exit_code == 2


def test_verify_fails_aloud_and_says_where(audited: Company, tmp_path: Path) -> None:
    public = audited.answer("policy")["node_key"]
    good = audited.answer("verify", "--node-key", public)
    assert good["ok"] and good["warnings"] == []
    assert "own key" in audited.answer("verify")["warnings"][0]
    forged = tmp_path / "forged.txt"
    forged.write_text(audited.place.checkpoints.read_text().replace("\n2\n", "\n3\n"))
    found = audited.type("verify", "--checkpoints", str(forged))
    assert found.exit_code == 1 and "the signature is not good" in found.stdout


def test_an_export_is_made_for_others_and_recorded(audited: Company, tmp_path: Path) -> None:
    out = tmp_path / "audit.jsonl"
    assert audited.type("export", "--out", str(out)).exit_code == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert rows[0] == {"form": "sluiceway-audit-v1"} and len(rows) > 10
    assert audited.type("list").exit_code == 0
    now = datetime.now(UTC)
    with audited.deployment.store(writable=False) as store:
        events = store.events.list(now - timedelta(hours=1), now + timedelta(hours=1))
    assert [each.kind for each in events if each.kind.startswith("audit")] == [
        "audit_exported",
        "audit_listed",
    ]


def test_a_fresh_deployment_audits_nothing_and_says_so(company: Company) -> None:
    found = company.answer("policy")
    assert (found["rules"], found["holders"], found["can_open"]) == ([], [], False)
    assert "nothing is audited" in company.type("policy").stdout
    assert company.answer("list") == {"entries": [], "readings": []}
    assert company.answer("verify")["ok"]
    assert "there is no audit rule 'incident'" in company.says("disclose", "alice", "--rule", "incident")


def test_nothing_of_it_is_kept_in_clear(audited: Company) -> None:
    data = b"".join(path.read_bytes() for path in audited.folder.rglob("*") if path.is_file())
    assert b"123-45-6789" not in data and b"in r-1" not in data

"""The audit on the wire: the notice first, then what is kept of real requests, and how it is read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import anthropic
import openai
import pytest
from google.genai import errors as gemini_errors

from sluiceway.audit.recorder import Bounds
from sluiceway.demo.pace import NO_LATENCY
from sluiceway.errors import StoreError
from sluiceway.gateway import trail
from sluiceway.gateway.trail import CUT
from tests.e2e.audited import Clients, Company
from tests.e2e.running import Running
from tests.e2e.since import Since
from tests.e2e.socket_client import SocketClient, ask
from tests.e2e.tunnel import Tunnel, claude

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore:.*end-of-life.*:DeprecationWarning"),
]

CUSTOMER = "The customer is Ms Alice Bobsdale, alice.bobsdale@example.com"
COMPANY_KEY = {"x_api_key": "sk-ant-api03-of-the-company"}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    running = Running(tmp_path_factory.mktemp("audited"), latency=NO_LATENCY)
    yield Company(running)
    running.stop()


@contextmanager
def person(company: Company, name: str, team: str = "core") -> Iterator[Clients]:
    with closing(Clients(company.running, company.running.add(name, team))) as clients:
        yield clients


CALLS: list[tuple[str, Callable[[Clients, str], str]]] = [
    ("claude", Clients.ask_claude),
    ("claude stream", Clients.stream_claude),
    ("chat", Clients.ask_chat),
    ("chat stream", Clients.stream_chat),
    ("responses", Clients.ask_responses),
    ("gemini", Clients.ask_gemini),
    ("gemini stream", Clients.stream_gemini),
]


def test_every_sdk_is_given_the_notice_once_on_record_and_works_after_the_acknowledgement(
    company: Company,
) -> None:
    with person(company, "alice") as clients:
        since = Since(company.running)
        for name, call in CALLS:
            with pytest.raises(
                (anthropic.APIStatusError, openai.APIStatusError, gemini_errors.APIError)
            ) as no:
                call(clients, f"{CUSTOMER} ({name})")
            assert "Finding out how customer data left" in str(no.value)
            assert "http://sluiceway.internal/audit/notice/" in str(no.value)
        rows = since.rows(len(CALLS))
        assert {(row["refusal_code"], row["refusal_rule"], row["audit"]) for row in rows} == {
            ("audit_notice", "incident", "off")
        }
        assert since.served == []
        shown = disclosures(company, "alice")
        assert [each["channel"] for each in shown] == ["wire: anthropic_messages"]
        company.tell("alice")
        answers = [call(clients, f"{CUSTOMER} ({name})") for name, call in CALLS]
        assert {row["audit"] for row in since.rows(2 * len(CALLS))[len(CALLS) :]} == {"redacted"}
    read = company.read("alice")
    assert [each["content"] for each in read] == ["sealed"] * len(CALLS)
    for (name, _), answer, found in zip(CALLS, answers, read, strict=True):
        asked = "\n".join(part["text"] for part in found["request"])
        assert f"The customer is Ms <PERSON_1>, <EMAIL_1> ({name})" in asked
        assert "obsdale" not in str(found)
        assert found["response"] == answer and answer


def disclosures(company: Company, person: str) -> list[dict[str, Any]]:
    assert company.running.service.store
    with company.running.service.store.audit.snapshot() as snapshot:
        return [dict(each) for each in snapshot.records("disclosure", person=person)]


def test_a_socket_that_ends_while_a_turn_is_announced_holds_neither_money_nor_room(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = company.running
    proxy = running.add("erased")
    company.tell("erased")
    company.settled()
    store, recording = running.service.store, running.service.recording
    assert store and recording and recording._recorder
    began, goes_on, pend = threading.Event(), threading.Event(), store.audit.pend

    def slowly(*what: Any) -> None:
        began.set()
        goes_on.wait(10)
        pend(*what)

    monkeypatch.setattr(store.audit, "pend", slowly)
    try:
        with SocketClient(running, proxy, authorization="Bearer sk-proj-of-the-company") as socket:
            since = Since(running)
            socket.send({"type": "response.create", **ask(CUSTOMER)})
            assert began.wait(10)
            running.on.call(lambda: [each.interrupt() for each in running.service.gateway._sockets])
            assert socket.ended()[0] == 1012
    finally:
        goes_on.set()
    assert {(row["turn"], row["charged_nusd"]) for row in since.rows(2)} == {(None, 0), (1, 0)}
    assert store.status()["open_reservations"] == 0
    company.settled()
    assert recording._recorder.status()["held_bytes"] == 0


def test_what_counts_tokens_or_embeds_is_answered_with_the_notice_too(company: Company) -> None:
    with person(company, "bob") as clients:
        asked: Any = [{"role": "user", "content": CUSTOMER}]
        with pytest.raises(anthropic.APIStatusError, match="are audited"):
            clients.claude.messages.count_tokens(model="claude-sonnet-4-5", messages=asked)
        with pytest.raises(openai.APIStatusError, match="are audited"):
            clients.openai.embeddings.create(model="text-embedding-3-small", input=CUSTOMER)


def test_a_service_is_told_who_can_acknowledge_for_it(company: Company) -> None:
    running = company.running
    added = running.operate("person.add", name="ci", kind="service", team="core")
    with Tunnel(running, running.url("ci", added["token"])) as tunnel:
        answer = tunnel.ask("/v1/messages", claude(), **COMPANY_KEY)
        assert "sluiceway audit disclose ci --rule incident --acknowledged HOW" in str(answer.json)
        assert answer.header("x-sluiceway-refused") == "audit_notice"
        assert disclosures(company, "ci") == []
        company.tell("ci")
        answer = tunnel.ask("/v1/messages", claude(), **COMPANY_KEY)
        assert (answer.status, answer.header("x-sluiceway-audit")) == (200, "redacted")


@pytest.mark.parametrize(
    "missing", ["rule", "its end", "company's key", "two auditors", "disclosure", "both"]
)
def test_without_any_one_of_its_conditions_nothing_is_kept(fresh: type[Running], missing: str) -> None:
    running = fresh(latency=NO_LATENCY)
    company = Company(running)
    alice = running.add("alice", "data" if missing == "rule" else "core")
    if missing not in ("disclosure", "both"):
        company.tell("alice")
    if missing == "two auditors":
        company.register("carol")
        running.on.call(running.service.reload)
    if missing == "its end":
        text = (running.deployment.settings.rules / "policy" / "30-audit.yaml").read_text()
        running.set_rules("30-audit", text.removeprefix("version: 1\n").replace("2099-12-31", "2026-01-31"))
        company.tell("alice")
    if missing == "disclosure":
        given = company.running.service.gateway.parts.rules.audit
        assert given
        with pytest.raises(Exception, match="was not given this notice"):
            running.on.run(
                running.service.operate(
                    "audit.acknowledge",
                    {
                        "person": "alice",
                        "version": given.notices["incident"].version,
                        "channel": "x",
                        "actor": "x",
                    },
                )
            )
    keys = {"x_api_key": "sk-ant-api03-my-own"} if missing == "company's key" else COMPANY_KEY
    with Tunnel(running, alice) as tunnel:
        answer = tunnel.ask("/v1/messages", claude("canary-of-the-table"), **keys)
    assert answer.header("x-sluiceway-audit") == "off"
    assert (answer.status == 200) == (missing not in ("disclosure", "both"))
    assert company.entries() == []
    running.stop = lambda: None  # type: ignore[method-assign]  # stopped here, for a look at every byte
    Running.stop(running)
    data = b"".join(path.read_bytes() for path in running.folder.rglob("*") if path.is_file())
    assert b"canary-of-the-table" not in data


def test_metadata_keeps_no_text_and_holds_none(fresh: type[Running]) -> None:
    running = fresh(latency=NO_LATENCY)
    company = Company(running, mode="metadata")
    with person(company, "alice") as clients:
        company.tell("alice")
        clients.ask_claude(CUSTOMER)
        clients.stream_claude(CUSTOMER)
    entries = company.entries()
    assert [(each["content"], each["outcome"]) for each in entries] == [("none", "ok")] * 2
    assert running.service.recording
    assert running.service.recording.gauges()["audit_held_bytes"] == 0
    assert [row["audit"] for row in running.rows(2)] == ["metadata"] * 2


def test_a_rule_may_let_requests_pass_unaudited_until_the_notice_is_acknowledged(
    fresh: type[Running],
) -> None:
    running = fresh(latency=NO_LATENCY)
    company = Company(running, more="until_acknowledged: send_unaudited")
    with Tunnel(running, running.add("alice")) as tunnel:
        answer = tunnel.ask("/v1/messages", claude(), **COMPANY_KEY)
        assert (answer.status, answer.header("x-sluiceway-audit")) == (200, "off")
        link = answer.header("x-sluiceway-audit-notice")
        assert link is not None and link.startswith("http://sluiceway.internal/audit/notice/")
        assert (company.entries(), disclosures(company, "alice")) == ([], [])
        company.tell("alice")
        answer = tunnel.ask("/v1/messages", claude(), **COMPANY_KEY)
        assert (answer.header("x-sluiceway-audit"), answer.header("x-sluiceway-audit-notice")) == (
            "redacted",
            None,
        )


def pending(company: Company) -> int:
    assert company.running.service.store
    with company.running.service.store.audit.snapshot() as snapshot:
        return len(list(snapshot.pending()))


def test_a_client_that_goes_leaves_what_it_was_given_and_a_refused_request_leaves_nothing(
    fresh: type[Running],
) -> None:
    running = fresh(latency=NO_LATENCY)
    company = Company(running)
    alice = running.add("alice")
    company.tell("alice")
    running.set_rules(
        "40-cap", "budgets: [{name: none, scope: {team: poor}, limit_usd: 0.0000001, window: day}]\n"
    )
    with Tunnel(running, alice) as tunnel:
        paced = {"x-demo-fault": "slow;first=0;between=0.05", "x-demo-events": "40"}
        asked = claude(CUSTOMER, stream=True)
        tunnel.send(tunnel.request("/v1/messages", asked, **COMPANY_KEY, **paced))
        while b"text_delta" not in tunnel.secure.recv(65536):
            pass
    running.rows(settled=1)
    poor = running.add("bob", "poor")
    company.rule(more="match: {team: [core, poor]}")
    company.tell("bob")
    with Tunnel(running, poor) as tunnel:
        answer = tunnel.ask("/v1/messages", claude(), **COMPANY_KEY)
        assert (answer.status, answer.header("x-sluiceway-audit")) == (402, "off")
    (entry,) = company.entries()
    assert (entry["person"], entry["outcome"], entry["content"]) == ("alice", "client_cancelled", "sealed")
    (found,) = company.read("alice")
    assert found["response"]
    assert pending(company) == 0
    assert [row["audit"] for row in running.rows(2)] == ["redacted", "off"]


def test_a_provider_that_cannot_be_reached_got_nothing_so_nothing_is_kept(fresh: type[Running]) -> None:
    running = fresh(latency=NO_LATENCY)
    company = Company(running)
    alice = running.add("alice")
    company.tell("alice")
    running.on.run(running.providers.stop())
    with Tunnel(running, alice) as tunnel:
        answer = tunnel.ask("/v1/messages", claude(CUSTOMER), **COMPANY_KEY)
        assert (answer.status, answer.header("x-sluiceway-audit")) == (502, "off")
    running.rows(settled=1)
    assert company.entries() == []
    for _ in range(200):
        if pending(company) == 0:
            break
        threading.Event().wait(0.02)
    assert pending(company) == 0


def test_a_request_whose_record_cannot_be_written_is_not_sent(
    fresh: type[Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    running = fresh(latency=NO_LATENCY)
    company = Company(running)
    alice = running.add("alice")
    company.tell("alice")
    since = Since(running)
    assert running.service.store

    def full(*_: object) -> None:
        raise StoreError("the disk is full")

    with Tunnel(running, alice) as tunnel:
        with monkeypatch.context() as patched:
            patched.setattr(running.service.store.audit, "pend", full)
            answer = tunnel.ask("/v1/messages", claude(CUSTOMER), **COMPANY_KEY)
        assert (answer.status, answer.header("x-sluiceway-refused")) == (503, "audit_unavailable")
        assert answer.header("x-sluiceway-audit") == "off"
        row = since.row()
        assert (row["audit"], row["cost_nusd"], row["refusal_code"]) == ("off", 0, "audit_unavailable")
        assert since.served == []


def test_a_reload_changes_rules_and_auditors_together_or_not_at_all(fresh: type[Running]) -> None:
    running = fresh(latency=NO_LATENCY)
    company = Company(running)
    alice = running.add("alice")
    company.tell("alice")
    before = running.service.gateway.parts.rules
    company.file.write_text("version: 1\nauditors: [{name: eve}]\n")
    with pytest.raises(Exception, match=r"auditors\.yaml:2"):
        running.on.call(running.service.reload)
    assert running.service.gateway.parts.rules is before
    with Tunnel(running, alice) as tunnel:
        assert tunnel.ask("/v1/messages", claude(), **COMPANY_KEY).header("x-sluiceway-audit") == "redacted"
        (running.deployment.settings.rules / "policy" / "30-audit.yaml").unlink()
        company.register("carol", "erin")
        running.on.call(running.service.reload)
        assert tunnel.ask("/v1/messages", claude(), **COMPANY_KEY).header("x-sluiceway-audit") == "off"
        company.rule()
        assert tunnel.ask("/v1/messages", claude(), **COMPANY_KEY).header("x-sluiceway-audit") == "redacted"
    company.settled()
    number = company.answer("request", "alice", "--key", str(company.key("carol")), "--reason", "x")[
        "request"
    ]
    assert company.answer("approve", number, "--key", str(company.key("erin")))["data_keys"] == 1


def test_without_audit_rules_there_is_no_node_key_no_log_and_no_recorder(fresh: type[Running]) -> None:
    running = fresh()
    assert not list(running.deployment.folder.glob("audit-*"))
    assert running.service.recording and running.service.recording.gauges() == {}
    assert running.service.gateway.parts.rules.audit is None


def test_from_the_first_key_to_the_shred_as_people_do_it(fresh: type[Running]) -> None:
    running = fresh(latency=NO_LATENCY)
    company = Company(running)
    company.register("carol", "dave", council=("erin",))
    running.on.call(running.service.reload)
    stated = company.answer("policy")
    assert ([each["state"] for each in stated["rules"]], stated["can_open"]) == (["in force"], True)
    assert [each["role"] for each in stated["holders"]] == ["auditor", "auditor", "council"]
    with person(company, "alice") as clients:
        with pytest.raises(anthropic.BadRequestError, match="erin \\(council\\)"):
            clients.ask_claude(CUSTOMER)
        company.tell("alice")
        answer = clients.stream_claude(CUSTOMER)
    company.settled()
    why = ("--reason", "incident 12")
    number = company.answer("request", "alice", "--key", str(company.key("carol")), *why)["request"]
    opening = ("open", number, "--key", str(company.key("carol")))
    assert "nobody has approved" in company.says(*opening)
    assert "somebody else has to approve" in company.says(
        "approve", number, "--key", str(company.key("carol"))
    )
    company.answer("approve", number, "--key", str(company.key("erin")))
    shown = company.type("audit", *opening).stdout
    assert "user: The customer is Ms <PERSON_1>, <EMAIL_1>" in shown and f"answer: {answer}" in shown
    (reading,) = company.answer("list")["readings"]
    assert (reading["requester"], reading["approved_by"], reading["reason"], reading["opened"]) == (
        "carol",
        "erin",
        "incident 12",
        1,
    )
    assert company.answer("verify", "--node-key", company.answer("policy")["node_key"])["ok"]
    company.answer("shred", "--person", "alice", "--reason", "asked to be forgotten", "--yes")
    assert "shredded, for good" in company.says(*opening)
    again = company.answer("request", "alice", "--key", str(company.key("dave")), *why)["request"]
    for name in ("carol", "erin"):
        assert "or shredded" in company.says("approve", again, "--key", str(company.key(name)))
    verdict = company.answer("verify")
    assert (verdict["ok"], verdict["shredded"]) == (True, 1)


def test_text_without_room_in_memory_is_let_go_and_a_long_answer_says_where_it_was_cut(
    fresh: type[Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    running = fresh(latency=NO_LATENCY)
    company = Company(running)
    monkeypatch.setattr(trail, "KEPT_CHARACTERS", 100)
    with person(company, "alice") as clients:
        company.tell("alice")
        answer = clients.stream_claude("short", extra_headers={"x-demo-output-tokens": "200"})
        clients.ask_claude("x" * 300_000, extra_headers={"x-demo-output-tokens": "200"})
        recording = running.service.recording
        assert recording and recording._recorder
        running.rows(settled=2)
        assert recording._recorder.flush(30)
        monkeypatch.setattr(recording._recorder, "_bounds", Bounds(bytes=100_000))
        clients.ask_claude("y" * 300_000)
    assert [each["content"] for each in company.entries()] == ["sealed", "sealed", "content_lost"]
    first, second = company.read()
    assert first["response"] == answer[:100] + CUT
    assert second["response"].endswith(CUT)
    assert recording.gauges()["audit_held_bytes"] == 0

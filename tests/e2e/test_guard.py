"""The guard on the wire: no part of a request carries past it what a rule masks or blocks."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import orjson
import pytest

from tests.e2e.guarded import MAIL, MODELS, SECRET, Guarded
from tests.wire.smallest import PATHS
from tests.wire.test_segments import COUNT, request, table

pytestmark = pytest.mark.e2e

RULES = """
  - {name: no-secrets, detect: [SECRET], action: block, advice: "Name the key, do not paste it"}
  - {name: mask-mail, detect: [EMAIL_ADDRESS], action: mask}
  - {name: count-phones, detect: [PHONE_NUMBER], action: detect}
"""
LONG = " lorem ipsum" * 3000  # more than is scanned in the process itself
PARTS = [pytest.param(*case.values, "open", id=case.id) for case in table("open")] + [
    pytest.param(*case.values, "signed", id=f"signed-{case.id}") for case in table("signed")
]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    started = Guarded(tmp_path_factory.mktemp("guard"), RULES, more="guard: {workers: 1, deadline_s: 20}")
    yield started
    started.stop()


@pytest.fixture(autouse=True)
def as_before(guarded: Guarded) -> None:
    guarded.heard()


def planted(name: str, case: Any, text: str) -> bytes:
    document = {**request(name, case[-1], text).document}
    if name in MODELS:
        document["model"] = MODELS[name]
    return orjson.dumps(document)


def in_any_form(heard: bytes, text: str) -> bool:
    """Whether the text is in what the provider heard: as it is, escaped, or in base64 at any offset."""
    coded = [base64.b64encode(b" " * shift + text.encode())[4:-4] for shift in range(3)]
    plain = heard.decode()
    return any(form in heard for form in (text.encode(), *coded)) or text in json.dumps(plain)


@pytest.mark.parametrize(("name", "case", "section"), PARTS)
def test_a_secret_in_any_part_keeps_the_request_from_going_on(
    guarded: Guarded, name: str, case: Any, section: str
) -> None:
    answer = guarded.post(name, PATHS[name], planted(name, case, SECRET))
    assert answer.headers["x-sluiceway-refused"] == "guard_blocked"
    assert answer.status_code in (400, 403)
    assert "'no-secrets'" in answer.text and "SECRET" in answer.text
    assert SECRET not in answer.text
    assert guarded.heard() == b""


@pytest.mark.parametrize(("name", "case", "section"), PARTS)
def test_an_address_in_any_part_is_masked_or_where_it_cannot_be_blocked(
    guarded: Guarded, name: str, case: Any, section: str
) -> None:
    answer = guarded.post(name, PATHS[name], planted(name, case, MAIL))
    heard = guarded.heard()
    assert not in_any_form(heard, MAIL)
    if section == "signed":
        assert answer.headers["x-sluiceway-refused"] == "guard_blocked"
        assert "cannot be" in answer.text and heard == b""
    else:
        assert re.fullmatch(r"masked EMAIL_ADDRESS=\d", answer.headers["x-sluiceway-guard"])
        assert "<EMAIL_1>" in heard.decode() or "<EMAIL_1>" in _decoded(heard)


def _decoded(heard: bytes) -> str:
    """Every stretch of base64 in the text, decoded."""
    found = re.findall(rb"[A-Za-z0-9+/]{8,}={0,2}", heard)
    return "".join(base64.b64decode(each + b"==", validate=False).decode(errors="replace") for each in found)


BATCH = "/v1beta/models/gemini-embedding-001:batchEmbedContents"
CONTENT = {"parts": [{"text": SECRET}]}
SAID = [{"role": "user", "content": SECRET}]
PASSWORD = "Xk29vvQz!pLm7"


def using(given: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": given}]}


ARGUMENTS = json.dumps({"password": PASSWORD})
NAMED: dict[str, tuple[str, dict[str, Any]]] = {
    "a tool's input": ("anthropic_messages", using({"password": PASSWORD})),
    "deep in it": ("anthropic_messages", using({"env": {"DB_PASSWORD": PASSWORD}})),
    "arguments in a string": (
        "openai_responses",
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": ARGUMENTS},
    ),
}


@pytest.mark.parametrize(("name", "message"), NAMED.values(), ids=NAMED)
def test_a_value_is_known_by_the_name_of_its_field(
    guarded: Guarded, name: str, message: dict[str, Any]
) -> None:
    case = ({"MESSAGE": message},)
    answer = guarded.post(name, PATHS[name], planted(name, case, ""))
    assert answer.headers["x-sluiceway-refused"] == "guard_blocked"
    assert guarded.heard() == b""


def test_a_masked_value_leaves_the_name_of_its_field(guarded: Guarded) -> None:
    guarded.write("\n  - {name: mask-keys, detect: [SECRET], action: mask}\n")
    _, message = NAMED["arguments in a string"]
    guarded.post(
        "openai_responses",
        PATHS["openai_responses"],
        planted("openai_responses", ({"MESSAGE": message},), ""),
    )
    guarded.write(RULES)
    (call, *_) = orjson.loads(guarded.heard())["input"]
    assert json.loads(call["arguments"]) == {"password": "<SECRET_1>"}


def test_a_worker_that_is_late_lets_nothing_pass(guarded: Guarded) -> None:
    detection = guarded.running.service.gateway.parts.detection
    guarded.ask(f"warm up again {LONG}")
    guarded.heard()
    before, detection.deadline_s = detection.deadline_s, 0.2
    (pid,) = guarded.pids
    os.kill(pid, signal.SIGSTOP)
    try:
        answer = guarded.ask(f"late {LONG} {MAIL}")
    finally:
        detection.deadline_s = before
    assert answer.headers["x-sluiceway-refused"] == "guard_failed"
    assert "could not be looked through in time" in answer.text
    assert guarded.heard() == b""
    assert guarded.metric('sluiceway_guard_failures_total{reason="deadline"}') == 1


COUNTS = {
    "anthropic": ("anthropic_messages", "/v1/messages/count_tokens", {"messages": SAID}),
    "gemini": ("gemini", COUNT, {"contents": [CONTENT]}),
    "batch": ("gemini", BATCH, {"requests": [{"model": "models/gemini-embedding-001", "content": CONTENT}]}),
}


@pytest.mark.parametrize(("name", "path", "body"), COUNTS.values(), ids=COUNTS)
def test_what_is_only_counted_or_embedded_is_scanned_too(
    guarded: Guarded, name: str, path: str, body: Any
) -> None:
    asked = {"model": MODELS[name], **body} if name in MODELS else body
    assert guarded.post(name, path, asked).headers["x-sluiceway-refused"] == "guard_blocked"
    assert guarded.heard() == b""


def test_the_refusal_says_what_where_by_which_rule_and_what_to_do(guarded: Guarded) -> None:
    result = {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "t", "content": f"x {SECRET}"}],
    }
    body = {"model": MODELS["anthropic_messages"], "max_tokens": 9, "messages": [result]}
    answer = guarded.post("anthropic_messages", "/v1/messages", {**body, "system": f"key {SECRET}"})
    message = answer.json()["error"]["message"]
    assert message == (
        "Sluiceway: this request was not sent on. It holds a password, key or token (SECRET) in a tool's "
        "result and the system prompt, which the rule 'no-secrets' blocks. Name the key, do not paste it. "
        "Take it out and send again; what was said earlier in a conversation is sent again with each turn, "
        "so begin a new one if it stands there. Ask #ai-platform if it has to be sent. "
        "Trying again unchanged does not help."
    )
    row = guarded.running.rows()[-1]
    assert (row["outcome"], row["refusal_code"], row["refusal_rule"]) == (
        "refused",
        "guard_blocked",
        "no-secrets",
    )
    assert json.loads(row["guard_findings"]) == {"SECRET": 2}


def test_what_is_only_detected_goes_on_and_is_counted(guarded: Guarded) -> None:
    answer = guarded.ask("call me: +49 171 3920055")
    assert answer.status_code == 200 and "x-sluiceway-guard" not in answer.headers
    assert b"+49 171 3920055" in guarded.heard()
    assert json.loads(guarded.running.rows()[-1]["guard_findings"]) == {"PHONE_NUMBER": 1}


def test_a_request_without_findings_goes_on_byte_for_byte(guarded: Guarded) -> None:
    model = MODELS["anthropic_messages"]
    body = (
        b'{ "model":"%s",  "max_tokens": 9, "messages": [{"role":"user","content":"hi"}] }' % model.encode()
    )
    assert guarded.post("anthropic_messages", "/v1/messages", body).status_code == 200
    assert guarded.heard() == body


def test_numbers_stay_over_the_turns_of_a_conversation(guarded: Guarded) -> None:
    first = f"ask {MAIL} and dave@firm-mail.net"
    guarded.ask(first)
    heard = guarded.heard()
    assert b"ask <EMAIL_1> and <EMAIL_2>" in heard
    guarded.ask(
        first,
        f"I asked {MAIL}.",
        "now bob@firm-mail.net, then dave@firm-mail.net",
        system="for erin@firm-mail.net",
    )
    again = guarded.heard()
    assert b"ask <EMAIL_1> and <EMAIL_2>" in again and b"I asked <EMAIL_1>." in again
    assert b"now <EMAIL_" in again and b"then <EMAIL_2>" in again
    assert len(set(re.findall(rb"<EMAIL_\d+>", again))) == 4


def test_a_new_value_before_the_known_ones_does_not_move_their_numbers(guarded: Guarded) -> None:
    asked = {"role": "user", "content": f"a mail to {MAIL}"}
    body = {"model": MODELS["anthropic_messages"], "max_tokens": 9, "messages": [asked]}
    guarded.post("anthropic_messages", PATHS["anthropic_messages"], body)
    assert b"a mail to <EMAIL_1>" in guarded.heard()
    guarded.post(
        "anthropic_messages", PATHS["anthropic_messages"], {"system": "for erin@firm-mail.net", **body}
    )
    heard = guarded.heard()
    assert b"for <EMAIL_2>" in heard and b"a mail to <EMAIL_1>" in heard


def test_a_number_means_the_same_in_turns_that_the_provider_holds(guarded: Guarded) -> None:
    first = {"model": "gpt-4o", "input": "a mail to heinz@firm-mail.net"}
    answer = guarded.post("openai_responses", PATHS["openai_responses"], first).json()
    (number,) = re.findall(rb"<EMAIL_(\d+)>", guarded.heard())
    then = {"model": "gpt-4o", "input": "now to ida@firm-mail.net", "previous_response_id": answer["id"]}
    assert guarded.post("openai_responses", PATHS["openai_responses"], then).status_code == 200
    assert re.findall(rb"<EMAIL_(\d+)>", guarded.heard()) == [b"%d" % (int(number) + 1)]


def test_history_is_not_scanned_again(guarded: Guarded) -> None:
    turns = [f"turn {number} of a conversation about rivers" for number in range(30)]
    guarded.ask(*turns[:29])
    scanned, known = (
        guarded.metric(f'sluiceway_guard_texts_total{{how="{how}"}}') for how in ("scanned", "remembered")
    )
    guarded.ask(*turns, "and a new one")
    assert guarded.metric('sluiceway_guard_texts_total{how="scanned"}') == scanned + 2
    assert guarded.metric('sluiceway_guard_texts_total{how="remembered"}') >= known + 29


def test_what_one_person_sent_is_scanned_again_for_another(guarded: Guarded) -> None:
    said = "a sentence that two people send"
    guarded.ask(said)
    scanned = guarded.metric('sluiceway_guard_texts_total{how="scanned"}')
    mine, guarded.http = guarded.http, guarded.client(guarded.running.add("bob"))
    guarded.ask(said)
    guarded.http.close()
    guarded.http = mine
    assert guarded.metric('sluiceway_guard_texts_total{how="scanned"}') > scanned


def test_a_5_mb_request_is_scanned_to_its_end(guarded: Guarded) -> None:
    text = "The river runs past the mill. " * 175_000
    answer = guarded.ask(f"{text} {SECRET}")
    assert answer.headers["x-sluiceway-refused"] == "guard_blocked"
    assert guarded.ask(f"{text} {MAIL}").status_code == 200
    heard = guarded.heard()
    assert len(heard) > 5_000_000 and MAIL.encode() not in heard


@pytest.mark.parametrize("sent", [f"long {SECRET}", f"long {MAIL}"], ids=["block", "mask"])
def test_a_worker_killed_at_its_work_lets_nothing_pass(guarded: Guarded, sent: str) -> None:
    guarded.ask(f"warm up {LONG}")
    guarded.heard()
    (pid,) = guarded.pids
    os.kill(pid, signal.SIGSTOP)  # so that it cannot answer before it is killed
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(guarded.ask, f"{os.urandom(4).hex()} {LONG} {sent}")
        while not guarded.running.service.gateway.parts.detection.waiting:
            threading.Event().wait(0.005)
        os.kill(pid, signal.SIGKILL)
        answer = asked.result()
    assert answer.headers["x-sluiceway-refused"] == "guard_failed"
    assert answer.status_code == 503 and answer.headers["retry-after"] == "2"
    assert guarded.heard() == b""
    row = guarded.running.rows()[-1]
    assert (row["outcome"], row["refusal_code"]) == ("internal_error", "guard_failed")
    assert guarded.ask(f"{os.urandom(4).hex()} {LONG} {MAIL}").status_code == 200  # the next worker is there
    assert MAIL.encode() not in guarded.heard()


DETECT = "\n  - {{name: look, detect: ['*'], action: detect, on_failure: {}}}\n"


@pytest.mark.parametrize(("mode", "status"), [("open", 200), ("closed", 503)])
def test_after_a_failed_scan_a_rule_that_only_detects_decides_itself(
    guarded: Guarded, mode: str, status: int
) -> None:
    guarded.write(DETECT.format(mode))
    detection = guarded.running.service.gateway.parts.detection
    workers = detection.use(None, "")  # every scan fails
    try:
        answer = guarded.ask("hello")
    finally:
        detection.use(workers, "back")
        guarded.write(RULES)
    assert answer.status_code == status
    if mode == "open":
        assert answer.headers["x-sluiceway-guard"] == "not scanned"
        assert json.loads(guarded.running.rows()[-1]["guard_findings"]) == {"NOT_SCANNED": 1}


def test_rules_bind_those_whom_they_match_and_the_strictest_wins(guarded: Guarded) -> None:
    guarded.write("""
  - {name: all, detect: ["*"], action: detect}
  - {name: not-haiku, match: {model: "claude-haiku-*"}, detect: [EMAIL_ADDRESS], action: mask}
  - {name: no-mail-in-opus, match: {model: "claude-opus-*"}, detect: [EMAIL_ADDRESS], action: block}
""")
    assert guarded.ask(MAIL).headers["x-sluiceway-guard"] == "masked EMAIL_ADDRESS=1"
    refused = guarded.ask(MAIL, model="claude-opus-4-5")
    assert "'no-mail-in-opus'" in refused.text
    guarded.write(RULES)


def test_a_request_with_an_encoding_is_masked_in_the_clear(guarded: Guarded) -> None:
    import gzip

    body = {
        "model": MODELS["anthropic_messages"],
        "max_tokens": 9,
        "messages": [{"role": "user", "content": MAIL}],
    }
    packed = gzip.compress(orjson.dumps(body))
    answer = guarded.post("anthropic_messages", "/v1/messages", packed, **{"content-encoding": "gzip"})
    assert answer.status_code == 200
    assert b"<EMAIL_1>" in guarded.heard()


def test_a_reload_with_new_recognisers_finds_what_they_find_at_once(guarded: Guarded) -> None:
    rules = guarded.running.deployment.settings.rules / "recognizers.yaml"
    before = rules.read_text()
    said = "badge E-204417"
    assert "x-sluiceway-guard" not in guarded.ask(said).headers
    (pid,) = guarded.pids
    own = "{name: badge, type: EMPLOYEE_ID, regex: '\\bE-\\d{6}\\b', examples: ['badge E-204417']}"
    rules.write_text(f"version: 1\nrecognizers:\n  - {own}\n")
    guarded.write("\n  - {name: badges, detect: [EMPLOYEE_ID], action: mask}\n")
    assert guarded.ask(said).headers["x-sluiceway-guard"] == "masked EMPLOYEE_ID=1"
    assert guarded.ask(f"{said} {LONG}").headers["x-sluiceway-guard"] == "masked EMPLOYEE_ID=1"
    assert pid not in guarded.pids
    rules.write_text(before)
    guarded.write(RULES)


def test_without_guard_rules_no_process_runs_and_nothing_is_looked_at(guarded: Guarded) -> None:
    guarded.write("  []\n")
    looked = guarded.metric("sluiceway_guard_texts_total")
    assert guarded.pids == ()
    assert guarded.ask(f"{SECRET} {MAIL}").status_code == 200
    assert guarded.metric("sluiceway_guard_texts_total") == looked
    guarded.write(RULES)
    assert guarded.ask(SECRET).status_code == 400


def test_findings_are_counted_by_type_and_nothing_else(guarded: Guarded) -> None:
    before = guarded.metric('sluiceway_guard_findings_total{action="mask",type="EMAIL_ADDRESS"}')
    guarded.ask(f"{MAIL} {MAIL}")
    assert guarded.metric('sluiceway_guard_findings_total{action="mask",type="EMAIL_ADDRESS"}') == before + 2
    text = guarded.running.service.gateway.parts.metrics.text().decode()
    assert MAIL not in text and "sluiceway_guard_waiting 0.0" in text


def test_a_stream_that_is_refused_is_refused_in_the_clients_form(guarded: Guarded) -> None:
    answer = guarded.ask(SECRET, stream=True)
    assert answer.headers["x-should-retry"] == "false"
    assert answer.json()["error"]["type"] == "invalid_request_error"
    chat = {"model": "gpt-4o", "messages": [{"role": "user", "content": SECRET}]}
    assert guarded.post("openai_chat", PATHS["openai_chat"], chat).json()["error"]["code"] == "guard_blocked"


def test_many_at_once_are_all_guarded(guarded: Guarded) -> None:
    def ask(number: int) -> httpx2.Response:
        return guarded.ask(f"{number} {MAIL} {LONG if number % 3 == 0 else ''}")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(40)))
    assert {answer.headers["x-sluiceway-guard"] for answer in answers} == {"masked EMAIL_ADDRESS=1"}
    assert MAIL.encode() not in guarded.heard()


def test_fields_that_would_get_the_same_name_keep_the_request_from_going_on(guarded: Guarded) -> None:
    asked = {"role": "user", "content": "a question of its own"}
    messages = [asked, using({MAIL: 1, "<EMAIL_1>": 2})]
    body = {"model": MODELS["anthropic_messages"], "max_tokens": 9, "messages": messages}
    answer = guarded.post("anthropic_messages", PATHS["anthropic_messages"], body)
    assert "two would become one" in answer.text
    assert guarded.heard() == b""

"""`rules explain` says beforehand what the wire would do, and what is wrong with a question."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sluiceway.app.deployment import Deployment
from sluiceway.app.explain import explain
from sluiceway.app.init import init
from sluiceway.app.question import Carried, Question, question_of
from sluiceway.errors import SluicewayError

CLAUDE = "https://api.anthropic.com/v1/messages"
POLICY = """\
version: 1
budgets: [{name: core-day, scope: {team: core}, limit_usd: 5, window: day}]
routes:
  - {name: no-preview, match: {model: "*-preview"}, deny: {reason: not approved yet}}
  - {name: cheap-chat, match: {model: "claude-opus-*"}, to: {model: claude-haiku-4-5}}
  - {name: nowhere, match: {model: claude-2}, to: {provider: voyage}}
  - {name: across, match: {model: "claude-3-*"}, to: {provider: openai, model: gpt-5}}
audit:
  - {name: pilot, mode: metadata, purpose: measure how agents are used, agreement: no 7,
     until: 2999-01-01, until_acknowledged: send_unaudited}
"""


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    made = init(tmp_path_factory.mktemp("explain") / "d", "Test").deployment
    for file in (made.settings.rules / "policy").glob("*.yaml"):
        file.unlink()
    (made.settings.rules / "policy" / "10.yaml").write_text(POLICY)
    with made.store(writable=True) as store:
        store.people.add("alice", "employee", "core")
    return made


def body(model: str, **more: object) -> bytes:
    message = {"role": "user", "content": "hi"}
    return json.dumps({"model": model, "max_tokens": 9, "messages": [message], **more}).encode()


def test_a_moved_request_names_its_rule_target_and_caps(deployment: Deployment) -> None:
    found = explain(deployment, Question("alice", CLAUDE, body("claude-opus-4-5")))
    assert (found.answer, found.refused) == ("forwarded to anthropic/claude-haiku-4-5", False)
    assert [(step.kind, step.rule) for step in found.trail] == [
        ("key", None), ("guard", None), ("route", "cheap-chat"), ("audit", None),
    ]  # fmt: skip
    assert [(cap["budget"], cap["left"]) for cap in found.caps] == [("core-day", "5.000000000")]


def test_the_state_of_the_audit_says_what_is_missing(deployment: Deployment) -> None:
    found = explain(deployment, Question("alice", CLAUDE, body("claude-haiku-4-5")))
    assert found.trail[-1].effect == "off: the person was not given the notice"


def test_an_own_key_is_neither_moved_nor_capped(deployment: Deployment) -> None:
    question = Question("alice", CLAUDE, body("claude-opus-4-5"), carried=Carried.PERSONAL)
    found = explain(deployment, question)
    assert found.answer == "forwarded to anthropic/claude-opus-4-5"
    assert found.caps == ()


REFUSED = {
    "denied": (
        "claude-9-preview",
        "refused: Sluiceway: this request is not allowed by the rule",
    ),
    "no way": ("claude-2", "refused: 'voyage' does not take requests of this kind (rule 'nowhere')"),
}


@pytest.mark.parametrize(("model", "answer"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_is_told_beforehand(deployment: Deployment, model: str, answer: str) -> None:
    found = explain(deployment, Question("alice", CLAUDE, body(model)))
    assert found.refused
    assert found.answer.startswith(answer)


def test_what_a_translation_loses_is_told_beforehand(deployment: Deployment) -> None:
    found = explain(deployment, Question("alice", CLAUDE, body("claude-3-opus", temperature=1, top_k=5)))
    told = [step.effect for step in found.trail if step.kind == "translate"]
    assert told == [
        "from anthropic_messages to openai_chat",
        "lost: top_k: there is no such setting",
        "lost: temperature: the model reasons and takes none",
    ]


def test_what_a_translation_cannot_do_without_refuses_beforehand(deployment: Deployment) -> None:
    tools = [{"type": "web_search_20250305", "name": "web_search"}]
    found = explain(deployment, Question("alice", CLAUDE, body("claude-3-opus", tools=tools)))
    assert (found.refused, found.refusal_code) == (True, "not_translatable")
    assert found.answer == "refused: it cannot be translated without tools.web_search_20250305"


BAD = {
    "stranger": (Question("alcie", CLAUDE, body("m")), "did you mean 'alice'?"),
    "other host": (Question("alice", "https://example.com/v1", b"{}"), "no https address"),
    "cleartext": (Question("alice", CLAUDE.replace("https", "http"), b"{}"), "no https address"),
    "other path": (Question("alice", CLAUDE + "x", b"{}"), "is not listed"),
    "harmless path": (
        Question("alice", "https://api.anthropic.com/v1/models", b"{}", "GET"), "is passed on unmetered",
    ),
    "no model": (Question("alice", CLAUDE, b'{"messages": []}'), "model: a non-empty string is required"),
}  # fmt: skip


@pytest.mark.parametrize(("question", "says"), BAD.values(), ids=BAD)
def test_a_question_that_makes_no_sense_is_answered_with_what_to_write(
    deployment: Deployment, question: Question, says: str
) -> None:
    with pytest.raises(SluicewayError, match=says.replace("?", r"\?")):
        explain(deployment, question)


def test_a_whole_request_is_read_from_a_file() -> None:
    whole = {"url": CLAUDE, "headers": {"User-Agent": "claude-cli/2.1"}, "body": {"model": "m"}}
    found = question_of(json.dumps(whole).encode(), "alice", None, Carried.COMPANY)
    assert (found.url, found.method, found.headers) == (CLAUDE, "POST", {"user-agent": "claude-cli/2.1"})
    assert json.loads(found.body) == {"model": "m"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"{", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"model": "m"}', "give --url"),
        (b'{"url": "https://x", "body": {}, "headers": {"a": 1}}', "headers: must be"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_file_that_is_no_request_is_refused(text: bytes, says: str) -> None:
    with pytest.raises(SluicewayError, match=says):
        question_of(text, "alice", None, Carried.COMPANY)


def test_a_body_alone_goes_with_an_address(tmp_path: Path) -> None:
    assert question_of(b'{"model": "m"}', "alice", CLAUDE, Carried.UNKNOWN).body == b'{"model": "m"}'

"""`rules explain` on keys, guard, audit and caps: in the order of a request's life, up to the first no, and
without a value."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from sluiceway.app import keys
from sluiceway.app.deployment import Deployment
from sluiceway.app.explain import Explained, explain
from sluiceway.app.init import init
from sluiceway.app.question import Carried, Question

CLAUDE, CHAT = "https://api.anthropic.com/v1/messages", "https://api.openai.com/v1/chat/completions"
POLICY = """\
version: 1
budgets:
  - {name: core-day, scope: {team: core}, limit_usd: 5, window: day}
  - {name: rate, scope: {employee: "*"}, limit_requests: 60, window: minute}
inject:
  - {name: core-key, match: {team: core, provider: anthropic}}
  - {name: gone, match: {team: core, provider: google}, label: gone}
routes:
  - {name: to-grok, match: {model: gpt-4.1}, to: {provider: xai, model: grok-4}}
  - {name: cheap, match: {model: claude-opus-4-5}, to: {model: claude-haiku-4-5}}
guard:
  - {name: no-secrets, detect: [SECRET], action: block, advice: use the vault}
  - {name: masked, match: {model: claude-haiku-4-5}, detect: [EMAIL_ADDRESS, TICKET], action: mask}
audit:
  - {name: pilot, match: {team: core, model: claude-3-5-haiku-latest}, mode: metadata,
     purpose: measure how agents are used, agreement: no 7, until: 2999-01-01}
"""
RECOGNIZERS = """\
version: 1
recognizers: [{name: tickets, type: TICKET, regex: "TCK-[0-9]{6}"}]
"""
OURS, SECRET = "sk-ant-api03-the-companys", "ghp_" + "J4kQ9ZtXw2Lr8VbN5mCs7HdPf3GyTe6RuA0o"
MAIL, TICKET = "carol.weber@firm-mail.net", "TCK-493021"


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    made = init(tmp_path_factory.mktemp("life") / "d", "Test").deployment
    for file in (made.settings.rules / "policy").glob("*.yaml"):
        file.unlink()
    (made.settings.rules / "policy" / "10.yaml").write_text(POLICY)
    (made.settings.rules / "recognizers.yaml").write_text(RECOGNIZERS)
    with made.store(writable=True) as store:
        store.people.add("alice", "employee", "core")
        store.people.add("bob", "employee", "data")
        store.people.add("carol", "employee", "core")
        store.people.disable("carol")
        given = {"label": "main", "provider": "anthropic", "key_class": "company", "secret": OURS}
        keys.run(made, store, "key.add", {**given, "actor": "test"})
    return made


def asked(deployment: Deployment, text: str = "hi", who: str = "alice", **more: object) -> Explained:
    url = str(more.pop("url", CLAUDE))
    model = str(more.pop("model", "claude-sonnet-4-5"))
    said = {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": text}]}
    said |= {name: more.pop(name) for name in ("thinking", "max_tokens", "tools") if name in more}
    return explain(deployment, Question(who, url, json.dumps(said).encode(), **more))  # type: ignore[arg-type]


def trail(found: Explained) -> list[tuple[str, str | None, str]]:
    return [(step.kind, step.rule, step.effect) for step in found.trail]


KEYS = {
    "none, and a rule": ("alice", Carried.NONE, "core-key", "the company's key 'main' goes out", False),
    "none, and no rule": ("bob", Carried.NONE, None, "refused: no_company_key", True),
    "the company's": ("alice", Carried.COMPANY, "core-key", "the company's key 'main' goes out", False),
    "the company's, no rule": (
        "bob", Carried.COMPANY, None, "no rule puts in another: the company's key it brings goes out", False,
    ),
    "personal": ("alice", Carried.PERSONAL, None, "keeps the credential it brings (personal)", False),
    "login": ("bob", Carried.SUBSCRIPTION, None, "keeps the credential it brings (subscription)", False),
}  # fmt: skip


@pytest.mark.parametrize(("who", "carried", "rule", "effect", "refused"), KEYS.values(), ids=KEYS)
def test_the_trail_begins_with_the_key_that_goes_out(
    deployment: Deployment, who: str, carried: Carried, rule: str | None, effect: str, refused: bool
) -> None:
    found = asked(deployment, who=who, carried=carried)
    assert trail(found)[0] == ("key", rule, effect)
    assert found.refused is refused


HEADERS = {
    "the placeholder": ({"x-api-key": "sluiceway"}, "the company's key 'main' goes out"),
    "a registered key": ({"x-api-key": OURS}, "the company's key 'main' goes out"),
    "a login": (
        {"authorization": "Bearer sk-ant-oat01-mine"}, "keeps the credential it brings (subscription)",
    ),
    "another provider's": ({"x-api-key": "sk-proj-" + "a1B2" * 12}, "refused: foreign_key"),
    "nothing": ({}, "the company's key 'main' goes out"),
}  # fmt: skip


@pytest.mark.parametrize(("headers", "effect"), HEADERS.values(), ids=HEADERS)
def test_whose_key_it_is_follows_from_the_headers(
    deployment: Deployment, headers: dict[str, str], effect: str
) -> None:
    assert asked(deployment, headers=headers).trail[0].effect == effect


def test_a_route_elsewhere_needs_a_key_of_there(deployment: Deployment) -> None:
    found = asked(deployment, url=CHAT, model="gpt-4.1")
    assert [step.kind for step in found.trail] == ["key", "guard", "route", "key"]
    assert "the rule 'to-grok' sends it there" in found.answer
    assert found.refusal_code == "no_company_key"


def test_what_the_guard_blocks_is_told_by_part_and_the_trail_ends_there(deployment: Deployment) -> None:
    found = asked(deployment, f"take {SECRET} and tell {MAIL}")
    assert trail(found)[1:] == [
        ("guard", None, "EMAIL_ADDRESS: no rule's business; once in your message"),
        ("guard", "no-secrets", "SECRET: blocked; once in your message"),
    ]
    assert found.refusal_code == "guard_blocked"
    assert "use the vault" in found.answer
    assert found.audit.why == "the request is refused"


def test_a_rule_for_where_a_route_leads_masks_with_the_companys_recognisers(deployment: Deployment) -> None:
    found = asked(deployment, f"{TICKET} and {TICKET} of {MAIL}", model="claude-opus-4-5")
    assert [dict(each) for each in found.findings] == [
        {"type": kind, "count": count, "places": "your message", "action": "mask", "rule": "masked"}
        for kind, count in (("EMAIL_ADDRESS", 1), ("TICKET", 2))
    ]
    assert [step.kind for step in found.trail] == ["key", "guard", "guard", "route", "audit"]
    assert found.answer == "forwarded to anthropic/claude-haiku-4-5"


def test_nothing_found_is_said_too(deployment: Deployment) -> None:
    assert asked(deployment).trail[1].effect == "1 rule asked: nothing found"


def test_no_value_is_in_the_answer(deployment: Deployment) -> None:
    found = asked(deployment, f"{SECRET} {MAIL} {TICKET}", headers={"x-api-key": OURS})
    call = replace(found.call, units=dict(found.call.units))
    told = json.dumps(asdict(replace(found, call=call)), default=str)
    assert not [value for value in (SECRET, MAIL, TICKET, OURS) if value in told]


def test_a_notice_that_waits_is_a_refusal_as_on_the_wire(deployment: Deployment) -> None:
    found = asked(deployment, model="claude-3-5-haiku-latest")
    assert found.refused
    assert found.answer.startswith("refused: with the notice of the audit rule 'pilot'")
    assert trail(found)[-1] == ("audit", "pilot", "off: the person was not given the notice")


def test_limits_on_requests_bind_an_own_key_and_money_does_not(deployment: Deployment) -> None:
    own = asked(deployment, carried=Carried.PERSONAL)
    assert [cap["budget"] for cap in own.caps] == ["rate"]
    assert [cap["budget"] for cap in asked(deployment).caps] == ["core-day", "rate"]


FORESEEN = """\
version: 1
budgets:
  - {name: gone, scope: {team: core}, limit_requests: 1, window: day,
     on_exceed: {degrade: {model: claude-haiku-4-5}}}
inject: [{name: all}]
guard:
  - {name: not-to-openai, match: {provider: openai}, detect: [EMAIL_ADDRESS], action: block}
  - {name: not-by-sonnet, match: {model: claude-sonnet-4-6}, detect: [EMAIL_ADDRESS], action: detect}
routes:
  - {name: count, match: {operation: count_tokens}, to: {provider: openai, model: gpt-4.1}}
  - {name: think, match: {model: claude-opus-4-1}, to: {provider: openai, model: gpt-4.1}}
  - {name: able, match: {model: claude-opus-4-5}, choose: {from: [gpt-4.1-nano, claude-haiku-4-5]}}
  - {name: next, failover: [{provider: openai, model: gpt-4.1}, {provider: openai, model: gpt-5.1}]}
"""
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2048}
SEARCH = {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}


@pytest.fixture(scope="module")
def foreseen(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    made = init(tmp_path_factory.mktemp("foreseen") / "d", "Test").deployment
    for file in (made.settings.rules / "policy").glob("*.yaml"):
        file.unlink()
    (made.settings.rules / "policy" / "10.yaml").write_text(FORESEEN)
    with made.store(writable=True) as store:
        store.people.add("alice", "employee", "data")
        for provider in ("anthropic", "openai"):
            given = {"label": f"{provider}s", "provider": provider, "key_class": "company"}
            keys.run(made, store, "key.add", {**given, "secret": f"{OURS}-{provider}", "actor": "test"})
    return made


SAYS: dict[str, tuple[dict[str, object], tuple[str, str | None, str]]] = {
    "counted here": (
        {"url": f"{CLAUDE}/count_tokens", "model": "claude-opus-4-5"},
        ("count", "count", "openai counts in another way: about 18 tokens are told"),
    ),
    "a model that cannot think": (
        {"model": "claude-opus-4-1", **THINKING},
        ("route", "think", "not applied: openai/gpt-4.1 cannot think"),
    ),
    "a choice without those that cannot think": (
        {"model": "claude-opus-4-5", **THINKING},
        ("route", "able", "out: openai/gpt-4.1-nano: cannot think"),
    ),
    "a chain without those that cannot think": (
        {**THINKING},
        ("failover", "next", "out: openai/gpt-4.1: cannot think"),
    ),
    "a choice without whom it cannot be translated for": (
        {"model": "claude-opus-4-5", **SEARCH},
        (
            "route",
            "able",
            "out: openai/gpt-4.1-nano: the request cannot be translated without tools.web_search_20250305",
        ),
    ),
    "whom the guard would not let it go to": (
        {"text": MAIL},
        ("guard", "not-to-openai", "if it came to openai/gpt-5.1, the guard would turn it away, so it is "
         "passed over"),
    ),
    "that nobody can be asked who answers": (
        {},
        ("breaker", None, "not known: no serve is running that could say who answers"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("more", "step"), SAYS.values(), ids=SAYS)
def test_the_trail_foretells(
    foreseen: Deployment, more: dict[str, object], step: tuple[str, str | None, str]
) -> None:
    assert step in trail(asked(foreseen, **more))  # type: ignore[arg-type]


def test_a_question_for_tokens_that_is_answered_here_is_sent_nowhere(foreseen: Deployment) -> None:
    found = asked(foreseen, url=f"{CLAUDE}/count_tokens")
    assert found.answer == "answered here: openai counts in another way: about 18 tokens are told"
    assert (found.refused, found.audit.state, found.trail[-1].kind) == (False, "off", "count")


def test_somebody_who_is_disabled_is_named_so(deployment: Deployment) -> None:
    with pytest.raises(Exception, match="'carol' is disabled"):
        asked(deployment, who="carol")

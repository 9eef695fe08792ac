"""The company's key: the table of design, class by class; where it may go, and what it takes the place of."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict
from tests.gateway.gateway_world import Ledger, call, exchange, parts
from yarl import URL

from sluiceway.audit.keyring import NO_KEYS, CompanyKey, KeyRing, Known
from sluiceway.errors import Refused
from sluiceway.gateway.credentials import Presented
from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.injection import equip, equip_elsewhere, facts_of, put_in
from sluiceway.gateway.parts import GatewayParts, Rules
from sluiceway.gateway.scrub import Scrubber, masked
from sluiceway.policy.kinds import Inject
from sluiceway.types import KeyClass, Provider, Route

COMPANY, PERSONAL, LOGIN, UNKNOWN = (
    KeyClass.COMPANY,
    KeyClass.PERSONAL,
    KeyClass.SUBSCRIPTION,
    KeyClass.UNKNOWN,
)
SECRET = "sk-ant-api03-the-companys"
KEY = CompanyKey("main", "anthropic", "f" * 16, SECRET)
OLDER = CompanyKey("older", "anthropic", "e" * 16, "sk-ant-api03-the-older")
RING = KeyRing({KEY.fingerprint: Known("main", "anthropic", COMPANY, retired=False)}, (KEY, OLDER))
OPENAI = Provider("openai", ("api.openai.com",), (), "openai", "openai_chat")
OWN = {
    COMPANY: Presented(COMPANY, "a" * 16),
    PERSONAL: Presented(PERSONAL, "b" * 16),
    LOGIN: Presented(LOGIN, "c" * 16),
    UNKNOWN: Presented(UNKNOWN, "d" * 16),
}
VACANT, PLACEHOLDER = Presented(vacant=True), Presented(vacant=True, placeholder=True)


def asked(
    presented: Presented,
    *rules: dict[str, Any],
    ring: KeyRing = RING,
    unknown: Any = None,
    query: str = "",
    method: str = "POST",
    metered: bool = True,
) -> tuple[Exchange, GatewayParts]:
    """alice of team core asks Anthropic, under these inject rules."""
    of = parts(Ledger())
    policy = replace(
        of.rules.policy,
        inject=tuple(Inject.model_validate({"name": f"i{n}", **rule}) for n, rule in enumerate(rules)),
        unknown_keys=unknown,
    )
    of.rules = Rules(policy, of.rules.prices, {}, ring)
    made = exchange(of, call() if metered else None)
    head = SimpleNamespace(raw_path=f"/v1/messages?{query}", headers=CIMultiDict[str]())
    made.request, made.sent_query = cast(web.BaseRequest, head), query
    if not metered:
        made.route = Route(method, "/v1/models", None, "pass")
    made.came_with(presented)
    return made, of


@pytest.mark.parametrize(
    ("key_class", "unknown", "capped", "may_reroute", "injected"),
    [
        pytest.param(COMPANY, None, True, True, True, id="company"),
        pytest.param(PERSONAL, None, False, False, False, id="personal"),
        pytest.param(LOGIN, None, False, False, False, id="subscription"),
        pytest.param(UNKNOWN, None, False, False, False, id="unknown, by default as personal"),
        pytest.param(UNKNOWN, "company", True, False, False, id="unknown, capped by policy"),
        pytest.param(UNKNOWN, "personal", False, False, False, id="unknown, personal by policy"),
    ],
)
def test_what_may_be_done_to_whose_traffic(
    key_class: KeyClass, unknown: str | None, capped: bool, may_reroute: bool, injected: bool
) -> None:
    made, of = asked(OWN[key_class], {}, unknown=unknown)
    equip(made, of)
    assert made.row().metered
    assert made.row().key_class == key_class
    assert made.row().spends is capped
    assert facts_of(made, of).may_reroute is may_reroute
    assert (made.company_key is not None) is injected
    assert made.key_fingerprint == (KEY.fingerprint if injected else OWN[key_class].fingerprint)


@pytest.mark.parametrize(("unknown", "capped"), [(None, True), ("company", True), ("personal", False)])
def test_while_no_company_key_is_registered_unknown_ones_are_capped(
    unknown: str | None, capped: bool
) -> None:
    made, _ = asked(OWN[UNKNOWN], ring=NO_KEYS, unknown=unknown)
    assert made.row().spends is capped


@pytest.mark.parametrize("presented", [VACANT, PLACEHOLDER], ids=["nothing", "placeholder"])
@pytest.mark.parametrize(
    ("rules", "label"),
    [
        ([{}], "main"),
        ([{"match": {"team": "core"}}], "main"),
        ([{"match": {"team": "data"}}], None),
        ([{"match": {"team": "data"}}, {"label": "older"}], "older"),
        ([{"label": "older"}, {}], "older"),
        ([{"label": "gone"}, {}], None),
        ([{"match": {"provider": "openai"}}], None),
        ([{"match": {"model": "m"}}], "main"),
        ([], None),
    ],
    ids=str,
)
def test_the_first_rule_that_matches_gives_the_key(
    presented: Presented, rules: list[dict[str, Any]], label: str | None
) -> None:
    made, of = asked(presented, *rules)
    if label is None:
        with pytest.raises(Refused) as refused:
            equip(made, of)
        assert refused.value.refusal.code == "no_company_key"
        assert "#ai-platform" in refused.value.refusal.message
        assert made.company_key is None
        return
    equip(made, of)
    assert made.company_key is not None
    assert (made.company_key.label, made.row().key_class, made.row().spends) == (label, COMPANY, True)


def test_a_company_key_without_a_rule_goes_out_as_it_came() -> None:
    made, of = asked(OWN[COMPANY])
    equip(made, of)
    assert made.company_key is None
    assert made.key_fingerprint == OWN[COMPANY].fingerprint


@pytest.mark.parametrize(
    ("presented", "method", "label"),
    [
        (VACANT, "GET", "main"),
        (PLACEHOLDER, "GET", "main"),
        (VACANT, "DELETE", None),
        (VACANT, "*", None),
        (OWN[LOGIN], "GET", None),
    ],
)
def test_of_unmetered_paths_only_reading_gets_the_key(
    presented: Presented, method: str, label: str | None
) -> None:
    made, of = asked(presented, {}, method=method, metered=False)
    equip(made, of)
    assert (made.company_key and made.company_key.label) == label


@pytest.mark.parametrize("pattern", ["/", "/*"])
def test_a_whole_host_that_is_read_gets_no_key(pattern: str) -> None:
    """At openrouter.ai the site and the account's figures are below the same pattern."""
    made, of = asked(VACANT, {}, method="GET", metered=False)
    made.route = Route("GET", pattern, None, "pass")
    equip(made, of)
    assert made.company_key is None


def test_the_placeholder_goes_nowhere_even_where_nothing_is_metered() -> None:
    made, of = asked(PLACEHOLDER, {}, method="DELETE", metered=False)
    with pytest.raises(Refused, match="no_company_key"):
        equip(made, of)


def test_below_a_star_where_anybody_may_have_a_host_nothing_is_injected() -> None:
    made, of = asked(PLACEHOLDER, {})
    made.provider = replace(made.provider, hosts=("*.anthropic.com", "eu.anthropic.com"))
    with pytest.raises(Refused, match="no_company_key"):
        equip(made, of)
    with pytest.raises(Refused, match="key_astray"):
        put_in(CIMultiDict(), KEY, made.url, made.provider)
    made.host = "eu.anthropic.com"
    equip(made, of)
    assert made.company_key is KEY


def test_another_provider_needs_the_companys_key_of_its_own() -> None:
    made, of = asked(OWN[COMPANY], {})
    equip(made, of)
    made.move(OPENAI, OPENAI.hosts[0], "/v1/chat/completions")
    with pytest.raises(Refused, match="no_company_key"):
        equip_elsewhere(made, of)
    assert made.company_key is None
    theirs = CompanyKey("gpt", "openai", "9" * 16, "sk-proj-the-companys")
    of.rules.keys = KeyRing(RING.known, (*RING.usable, theirs))
    equip_elsewhere(made, of)
    assert made.company_key is theirs


def test_a_key_in_the_query_does_not_go_along_with_the_companys() -> None:
    made, of = asked(VACANT, {}, query="key=sluiceway&alt=sse")
    assert made.url.raw_query_string == "key=sluiceway&alt=sse"
    equip(made, of)
    assert str(made.url) == "https://api.anthropic.com/v1/messages?alt=sse"


AT_HOME = Provider(
    "anthropic", ("api.anthropic.com", "eu.anthropic.com"), (), "anthropic", "anthropic_messages",
    credential_headers=("x-api-key", "authorization"),
)  # fmt: skip


@pytest.mark.parametrize(
    "url",
    [
        "https://api.anthropic.com.evil.example/v1",
        "https://evil.example/api.anthropic.com",
        "https://api.anthropic.com@evil.example/",
        "https://evil.example#api.anthropic.com",
        "http://api.anthropic.com/v1",
        "https://api.anthropic.com:8443/v1",
        "https://anthropic.com/v1",
        "https://API.anthropic.com./v1",
        "https://api.openai.com/v1",
        "wss://api.anthropic.com/v1",
    ],
)
def test_the_key_goes_to_no_other_place(url: str) -> None:
    fields: CIMultiDict[str] = CIMultiDict({"x-api-key": "sluiceway"})
    with pytest.raises(Refused, match="key_astray"):
        put_in(fields, KEY, URL(url, encoded=True), AT_HOME)
    assert SECRET not in repr(fields)


@pytest.mark.parametrize("provider", [None, replace(AT_HOME, name="openai")], ids=["unknown", "another's"])
def test_the_key_goes_to_no_other_provider(provider: Provider | None) -> None:
    with pytest.raises(Refused, match="key_astray"):
        put_in(CIMultiDict(), KEY, URL("https://api.anthropic.com/v1"), provider)


@pytest.mark.parametrize(
    ("header", "written"),
    [("x-api-key", SECRET), ("authorization", f"Bearer {SECRET}"), ("x-goog-api-key", SECRET)],
)
def test_the_key_is_written_as_the_provider_wants_it_and_alone(header: str, written: str) -> None:
    fields: CIMultiDict[str] = CIMultiDict(
        [
            ("X-Api-Key", "sluiceway"),
            ("x-api-key", "twice"),
            ("Authorization", "Bearer mine"),
            ("Cookie", "sessionKey=mine"),
            ("X-Goog-Api-Key", "mine"),
            ("OpenAI-Organization", "org-mine"),
            ("anthropic-version", "2023-06-01"),
            ("accept-encoding", "br"),
        ]
    )
    home = replace(AT_HOME, credential_headers=(header, "x-own"))
    put_in(fields, KEY, URL("https://eu.anthropic.com/v1"), home)
    assert sorted((name.lower(), value) for name, value in fields.items()) == sorted(
        [(header, written), ("anthropic-version", "2023-06-01"), ("accept-encoding", "identity")]
    )


def test_the_key_for_whom_the_client_named_is_not_shown_to_another() -> None:
    fields: CIMultiDict[str] = CIMultiDict([("X-House-Key", "the companys for the house model"), ("a", "b")])
    put_in(fields, KEY, URL("https://eu.anthropic.com/v1"), AT_HOME, ("x-house-key",))
    assert "x-house-key" not in fields
    assert fields["a"] == "b"


@given(st.data())
def test_a_key_is_taken_out_of_a_stream_however_it_is_cut(data: st.DataObject) -> None:
    secret = data.draw(st.sampled_from(["sk-ant-sk-ant-sk-an", "aaaaaaaaaaab", "ab/cd+ef=/x"]))
    forms = [secret, secret.replace("/", "\\/"), secret[:-1], secret[1:], "s", "a", "\n\n"]
    text = "".join(data.draw(st.lists(st.sampled_from(forms), max_size=12))).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    scrubber = Scrubber(secret)
    out = b"".join(map(scrubber.feed, pieces)) + scrubber.rest()
    assert len(out) == len(text)
    assert secret.encode() not in out
    if secret.encode() not in text and secret.replace("/", "\\/").encode() not in text:
        assert out == text


def test_nothing_is_held_back_of_a_stream_that_does_not_end_like_a_key() -> None:
    scrubber = Scrubber(SECRET)
    assert scrubber.feed(b"data: a sk- of it\n\n") == b"data: a sk- of it\n\n"
    assert scrubber.feed(b"half: " + SECRET[:9].encode()) == b"half: "
    assert scrubber.feed(SECRET[9:].encode() + b"!") == masked(SECRET).encode() + b"!"
    assert scrubber.header(f"https://elsewhere.example/?k={SECRET}").endswith("?k=" + masked(SECRET))
    assert masked(SECRET).startswith("[key]*")

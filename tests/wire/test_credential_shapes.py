"""Every form of credential and what it is taken for; near-misses; and that no length makes it slow."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluiceway.types import KeyClass, Provider
from sluiceway.wire.credential_shapes import (
    OWNERS,
    SHAPES,
    is_foreign,
    is_placeholder,
    key_class_at,
    shape_of,
)

MIXED = "q7Rk2Vw9Zt4Hs8Lm3Xc6Nb1Pd5Gf0JyTaEuKoSiQ"  # 41 made-up characters
HEX = "3f9a1c7be2d8460f5b7ce19d04a8362f71be5c9d28f0a64e90ab12cd34ef5678"
LOGIN, UNKNOWN = KeyClass.SUBSCRIPTION, KeyClass.UNKNOWN


def jwt(**payload: object) -> str:
    parts = ({"alg": "RS256"}, payload)
    head = ".".join(
        base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in parts
    )
    return f"{head}.{MIXED}"


CASES = [
    ("sk-ant-api03-" + MIXED, "an API key of anthropic", UNKNOWN),
    ("sk-ant-api04-" + MIXED, "an API key of anthropic", UNKNOWN),
    ("sk-ant-admin01-" + MIXED, "an admin key of anthropic", UNKNOWN),
    ("sk-ant-oat01-" + MIXED, "a login of anthropic", LOGIN),
    ("sk-ant-ort01-" + MIXED, "a session token of anthropic", UNKNOWN),
    ("sk-ant-sid01-" + MIXED, "a session token of anthropic", UNKNOWN),
    ("sk-proj-" + MIXED, "an API key of openai", UNKNOWN),
    ("sk-svcacct-" + MIXED, "an API key of openai", UNKNOWN),
    ("sk-service-" + MIXED, "an API key of openai", UNKNOWN),
    ("sk-None-" + MIXED, "an API key of openai", UNKNOWN),
    ("sk-admin-" + MIXED, "an admin key of openai", UNKNOWN),
    ("sk-" + MIXED[:20] + "T3BlbkFJ" + MIXED[:20], "an API key of openai", UNKNOWN),
    ("sk-" + HEX[:32], "an API key of openai", UNKNOWN),
    ("sess-" + MIXED, "a session token of openai", UNKNOWN),
    ("ek_" + HEX[:32], "a session token of openai", UNKNOWN),
    (jwt(iss="https://auth.openai.com"), "a login of openai", LOGIN),
    ("AIza" + MIXED[:35], "an API key of google", UNKNOWN),
    ("AQ." + MIXED, "an API key of google", UNKNOWN),
    ("ya29." + MIXED, "a login of google", LOGIN),
    ("1//0" + MIXED, "a session token of google", UNKNOWN),
    ("GOCSPX-" + MIXED, "a session token of google", UNKNOWN),
    (jwt(iss="bot@project.iam.gserviceaccount.com"), "a cloud credential of google", UNKNOWN),
    ("xai-" + MIXED * 2, "an API key of xai", UNKNOWN),
    ("xai-token-" + MIXED, "an admin key of xai", UNKNOWN),
    ("AKIA" + "Q7RK2VW9ZT4HS8LM", "a cloud credential of aws", UNKNOWN),
    ("ASIA" + "Q7RK2VW9ZT4HS8LM", "a cloud credential of aws", UNKNOWN),
    ("ABIA" + "Q7RK2VW9ZT4HS8LM", "a cloud credential of aws", UNKNOWN),
    ("ACCA" + "Q7RK2VW9ZT4HS8LM", "a cloud credential of aws", UNKNOWN),
    ("AWS4-HMAC-SHA256 Credential=x", "a cloud credential of aws", UNKNOWN),
    ("AWS4-ECDSA-P256-SHA256 Credential=x", "a cloud credential of aws", UNKNOWN),
    ("ABSK" + MIXED * 3, "an API key of aws", UNKNOWN),
    ("bedrock-api-key-" + MIXED, "an API key of aws", UNKNOWN),
    (HEX[:32], "an API key of azure", UNKNOWN),
    ((MIXED * 3)[:52] + "JQQJ9" + (MIXED * 3)[:27], "an API key of azure", UNKNOWN),
    (jwt(iss="https://login.microsoftonline.com/t/v2.0"), "a cloud credential of azure", UNKNOWN),
    (jwt(iss="https://sts.windows.net/t/"), "a cloud credential of azure", UNKNOWN),
    (MIXED[:32], "an API key of mistral", UNKNOWN),
    ("gsk_" + MIXED, "an API key of groq", UNKNOWN),
    ("sk-or-v1-" + HEX, "an API key of openrouter", UNKNOWN),
    (MIXED[:40], "an API key of cohere", UNKNOWN),
    ("tgp_v1_" + MIXED, "an API key of together", UNKNOWN),
    (HEX, "an API key of together", UNKNOWN),
    ("fw_" + MIXED[:24], "an API key of fireworks", UNKNOWN),
    ("csk-" + HEX[:48], "an API key of cerebras", UNKNOWN),
    ("pplx-" + MIXED, "an API key of perplexity", UNKNOWN),
    ("hf_" + MIXED[:34], "an API key of huggingface", UNKNOWN),
    ("api_org_" + MIXED[:34], "an API key of huggingface", UNKNOWN),
    ("nvapi-" + MIXED, "an API key of nvidia", UNKNOWN),
    ("pa-" + MIXED, "an API key of voyage", UNKNOWN),
    ("r8_" + MIXED, "an API key of replicate", UNKNOWN),
    (HEX[:32] + "." + MIXED[:16], "an API key of zhipu", UNKNOWN),
    ("gho_" + MIXED[:36], "a login of github", LOGIN),
    ("ghu_" + MIXED[:36], "a login of github", LOGIN),
    ("tid=" + HEX[:32] + ";exp=1;sku=x", "a login of github", LOGIN),
    ("ghp_" + MIXED[:36], "an API key of github", UNKNOWN),
    ("ghr_" + MIXED[:36], "a session token of github", UNKNOWN),
    ("swy_" + MIXED, "a login of sluiceway", LOGIN),
    (jwt(iss="https://idp.example"), "a login", LOGIN),
    ("eyJhbGciOi.x.y", "a login", LOGIN),
]


@pytest.mark.parametrize(("credential", "words", "key_class"), CASES, ids=[case[0][:16] for case in CASES])
def test_a_credential_is_known_by_its_looks(credential: str, words: str, key_class: KeyClass) -> None:
    shape = shape_of(credential)
    assert shape is not None
    assert (shape.words, shape.key_class) == (words, key_class)


def test_there_are_forty_shapes_of_eleven_providers_and_each_prefix_is_found() -> None:
    assert len(SHAPES) > 40
    assert len(OWNERS) >= 11
    for shape in SHAPES:
        found = shape_of(shape.prefix + shape.holds)
        assert found is not None
        assert found.owners[0] == shape.owners[0]


@pytest.mark.parametrize(
    "credential",
    [
        "",
        "s",
        "sk",
        "SK-ANT-api03-x",
        " sk-ant-api03-x",
        "Basic YTpi",
        "AKI",
        "hello there",
        HEX[:31],
        "ey",
        "né",
    ],
)
def test_what_only_resembles_one_is_none(credential: str) -> None:
    assert shape_of(credential) is None


@pytest.mark.parametrize(
    ("text", "is_one"), [("sluiceway", True), ("SLUICEWAY", True), ("Sluiceway", True), ("sluiceways", False),
                         ("sk-sluiceway", False), ("", False), ("sluicewaẏ", False)],
)  # fmt: skip
def test_the_placeholder_is_one_word_in_any_case(text: str, is_one: bool) -> None:
    assert is_placeholder(text) is is_one


@pytest.mark.parametrize(
    ("credential", "provider", "price_id", "foreign"),
    [
        pytest.param("sk-proj-x", "anthropic", "anthropic", True, id="openai's at anthropic"),
        pytest.param("sk-ant-api03-x", "openai", "openai", True, id="anthropic's at openai"),
        pytest.param("sk-ant-oat01-x", "openai", "openai", True, id="a login elsewhere"),
        pytest.param("sk-something", "anthropic", "anthropic", True, id="a bare sk- where none begin so"),
        pytest.param("sk-something", "deepseek", "deepseek", False, id="a bare sk- where they may"),
        pytest.param("sk-something", "cerebras", "cerebras", False, id="a bare sk- is not certain"),
        pytest.param("xai-x", "xai", "x-ai", False, id="its own"),
        pytest.param("xai-x", "grok-eu", "x-ai", False, id="its own under another name"),
        pytest.param("AIza-x", "xai", "x-ai", True, id="google's at xai"),
        pytest.param("swy_x", "openai", "openai", True, id="our own token"),
        pytest.param("sk-ant-api03-x", "our-gateway", "our-gateway", False, id="a gateway may take any"),
        pytest.param("eyJ.x.y", "openai", "openai", False, id="a token of nobody in particular"),
        pytest.param(HEX[:32], "openai", "openai", False, id="a guess refuses nothing"),
        pytest.param("whatever", "openai", "openai", False, id="no shape"),
    ],
)
def test_a_credential_of_another_provider_is_foreign_where_that_is_sure(
    credential: str, provider: str, price_id: str, foreign: bool
) -> None:
    called = Provider(provider, ("x.example",), (), price_id, "openai_chat")
    assert is_foreign(shape_of(credential), called) is foreign


@pytest.mark.parametrize(
    ("name", "token", "wanted"),
    [
        pytest.param("anthropic", "eyJ.x.y", LOGIN, id="seats-are-sold"),
        pytest.param("openai", "eyJ.x.y", LOGIN, id="seats-are-sold-too"),
        pytest.param("minimax", "eyJ.x.y", UNKNOWN, id="its-keys-are-such-tokens"),
        pytest.param("snowflake", "eyJ.x.y", UNKNOWN, id="a-companys-own-account"),
        pytest.param("minimax", "sk-ant-oat01-x", LOGIN, id="a-login-by-its-looks"),
    ],
)
def test_a_token_of_nobody_known_is_a_login_only_where_seats_are_sold(
    name: str, token: str, wanted: KeyClass
) -> None:
    shape = shape_of(token)
    assert shape is not None
    assert key_class_at(shape, Provider(name, (), (), name, "openai_chat")) is wanted


@given(
    st.one_of(st.text(max_size=200), st.binary(max_size=200).map(lambda data: "eyJ" + data.decode("latin-1")))
)
def test_no_text_breaks_it(text: str) -> None:
    shape = shape_of(text)
    assert shape is None or shape.words


def test_of_a_long_token_only_a_bounded_part_is_read() -> None:
    long = jwt(iss="https://login.microsoftonline.com/", padding="x" * 10_000)
    assert shape_of(long) is shape_of("eyJ.x.y")


@pytest.mark.parametrize(
    ("credential", "seats", "wanted"),
    [
        pytest.param("ya29." + MIXED, False, UNKNOWN, id="a token at a cloud, billed to a project"),
        pytest.param("ya29." + MIXED, True, LOGIN, id="the same token where it is a login"),
        pytest.param(jwt(iss="bot@project.iam.gserviceaccount.com"), False, UNKNOWN, id="a service account"),
        pytest.param("AIza" + MIXED[:35], False, UNKNOWN, id="an API key, which can be registered"),
    ],
)
def test_at_a_cloud_without_seats_a_login_is_billed_by_use(
    credential: str, seats: bool, wanted: KeyClass
) -> None:
    provider = Provider("vertex", (), (), "google", "gemini", seats=seats)
    shape = shape_of(credential)
    assert shape is not None
    assert key_class_at(shape, provider) is wanted
    assert not is_foreign(shape, provider)

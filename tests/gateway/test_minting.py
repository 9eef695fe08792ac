"""What Google's token endpoint may say, and what is made of it: a token, or a word that may be shown."""

from __future__ import annotations

import contextlib
import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluiceway.gateway.minting import ERRORS, Minted, NotMinted, ahead_s, minted

TOKEN = "ya29.c.c0ASRK0Ga" + "x" * 900 + "." * 60
GOOD = {"access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer"}
WORDS = ERRORS | {"malformed_answer"}


def test_a_token_and_how_long_it_is_good() -> None:
    assert minted(200, orjson.dumps(GOOD)) == Minted(TOKEN, 3599.0)
    assert minted(200, orjson.dumps(GOOD | {"expires_in": 10**9})).lasts_s == 3600.0


@pytest.mark.parametrize(
    "changes",
    [
        {"access_token": None},
        {"access_token": "short"},
        {"access_token": TOKEN + "\r\nx-evil: 1"},
        {"access_token": "pass word " * 9},
        {"access_token": ["ya29"]},
        {"token_type": "MAC"},
        {"expires_in": 0},
        {"expires_in": -1},
        {"expires_in": True},
        {"expires_in": "3599"},
        {"expires_in": None},
    ],
    ids=str,
)
def test_what_could_not_be_sent_or_trusted_is_no_token(changes: dict[str, object]) -> None:
    with pytest.raises(NotMinted, match="malformed_answer") as refused:
        minted(200, orjson.dumps(GOOD | changes))
    assert not refused.value.final


@pytest.mark.parametrize(
    ("status", "body", "why", "final"),
    [
        (400, {"error": "invalid_grant", "error_description": "Invalid JWT"}, "invalid_grant", True),
        (401, {"error": "invalid_client"}, "invalid_client", True),
        (403, {"error": {"code": 403, "status": "PERMISSION_DENIED"}}, "403", True),
        (400, {"error": "a secret"}, "400", True),
        (404, [], "404", True),
        (429, {"error": "rateLimitExceeded"}, "429", False),
        (500, {"error": "internal_failure"}, "internal_failure", False),
        (503, None, "503", False),
        (307, None, "307", True),
    ],
)  # fmt: skip
def test_a_no_says_whether_it_may_pass(status: int, body: object, why: str, final: bool) -> None:
    with pytest.raises(NotMinted) as refused:
        minted(status, orjson.dumps(body))
    assert (refused.value.why, refused.value.final) == (why, final)


@given(st.sampled_from([200, 400, 500]), st.binary(max_size=200) | st.builds(orjson.dumps, st.text()))
def test_any_bytes_are_a_no_in_words_of_ours(status: int, body: bytes) -> None:
    with pytest.raises(NotMinted) as refused:
        minted(status, body)
    assert refused.value.why in WORDS | {str(status)}


@given(st.dictionaries(st.sampled_from([*GOOD, "error"]), st.text(max_size=40) | st.integers() | st.none()))
def test_any_fields_are_a_token_fit_for_a_header_or_a_no(fields: dict[str, object]) -> None:
    with contextlib.suppress(NotMinted):
        found = minted(200, json.dumps(fields).encode())
        assert found.token.isascii()
        assert found.token.isprintable()
        assert " " not in found.token
        assert 0 < found.lasts_s <= 3600


@pytest.mark.parametrize(
    ("date", "ahead"),
    [
        ("Thu, 01 Jan 1970 00:10:00 GMT", 500),
        ("Thu, 01 Jan 1970 00:00:00 GMT", -100),
        ("Thu, 01 Jan 1970 00:10:00 -0000", 500),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_googles_clock_is_read_off_its_answer(date: str | None, ahead: int | None) -> None:
    assert ahead_s({} if date is None else {"date": date}, 100.0) == ahead

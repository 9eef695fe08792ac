"""Which header fields travel, and what becomes of those that say how an answer may be encoded."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from sluiceway.errors import WireError
from sluiceway.gateway.headers import accepted, to_client, to_provider


def fields(*pairs: tuple[str, str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(pairs))


@pytest.mark.parametrize(
    "name",
    [
        "Connection",
        "Keep-Alive",
        "Proxy-Authorization",
        "Proxy-Connection",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "Expect",
        "Content-Length",
        "X-Sluiceway-Route",
    ],
)
def test_this_field_stays_on_the_clients_side(name: str) -> None:
    assert dict(to_provider(fields((name, "x"), ("x-kept", "1")), "api.openai.com")) == {
        "x-kept": "1",
        "host": "api.openai.com",
    }


@pytest.mark.parametrize(
    "name", ["Authorization", "x-api-key", "Cookie", "Proxied", "Upgrade-Insecure-Requests"]
)
def test_this_field_goes_to_the_provider(name: str) -> None:
    assert to_provider(fields((name, "x")), "api.openai.com")[name] == "x"


def test_fields_that_any_connection_field_names_stay() -> None:
    given = fields(("connection", "X-One , close"), ("Connection", "x-two"), ("X-One", "1"), ("x-two", "2"))
    assert dict(to_provider(given, "h")) == {"host": "h"}


def test_the_host_is_the_one_that_was_checked() -> None:
    assert to_provider(fields(("Host", "api.openai.com:443"), ("host", "evil")), "api.openai.com").getall(
        "host"
    ) == ["api.openai.com"]


def test_cookies_keep_their_number_and_order() -> None:
    given = fields(("Set-Cookie", "a=1"), ("x", "y"), ("set-cookie", "b=2"))
    assert to_client(given, []).getall("set-cookie") == ["a=1", "b=2"]


def test_what_would_lead_past_us_does_not_reach_the_client() -> None:
    given = fields(("Alt-Svc", 'h3=":443"'), ("Proxy-Authenticate", "Basic"), ("x-sluiceway-route", "forged"))
    assert dict(to_client(given, [("x-sluiceway-route", "openai/gpt-5.1")])) == {
        "x-sluiceway-route": "openai/gpt-5.1"
    }


@pytest.mark.parametrize("bad", ["a\rb", "a\nb", "a\0b", "\x1b[31m", "\x7f"])
def test_a_control_character_in_an_answer_is_a_wire_error_that_does_not_quote_it(bad: str) -> None:
    with pytest.raises(WireError) as error:
        to_client(fields(("x-odd", bad)), [])
    assert bad not in str(error.value)


def test_a_tab_and_letters_outside_ascii_are_no_control_characters() -> None:
    assert to_client(fields(("x-odd", "a\tbü")), [])["x-odd"] == "a\tbü"


@pytest.mark.parametrize(
    ("offered", "sent"),
    [
        ("gzip, deflate, br, zstd", "gzip, deflate, br, zstd"),
        ("gzip;q=0.5, identity; q=1", "gzip;q=0.5, identity; q=1"),
        ("GZIP", "GZIP"),
        ("gzip, dcb, dcz, compress, *", "gzip"),
        ("*", "identity"),
        ("*;q=0.1, snappy", "identity"),
        ("", "identity"),
    ],
)
def test_only_encodings_we_can_meter_are_offered(offered: str, sent: str) -> None:
    assert accepted(offered) == sent

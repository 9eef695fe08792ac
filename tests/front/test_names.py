"""One place has one spelling: tables of names as clients write them, then properties for any text."""

from __future__ import annotations

import ipaddress
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluiceway.errors import WireError
from sluiceway.front.names import Destination, normalise, parse_authority

LOOPBACK = ipaddress.ip_address("127.0.0.1")


@pytest.mark.parametrize(
    ("written", "host"),
    [
        pytest.param("api.openai.com", "api.openai.com", id="as it is"),
        pytest.param("API.OpenAI.com", "api.openai.com", id="case"),
        pytest.param("api.openai.com.", "api.openai.com", id="trailing dot"),
        pytest.param("localhost", "localhost", id="single label"),
        pytest.param("my_bucket.s3.example.com", "my_bucket.s3.example.com", id="underscore"),
        pytest.param("r3---sn-4g5e.googlevideo.com", "r3---sn-4g5e.googlevideo.com", id="hyphens in a row"),
        pytest.param("3.example", "3.example", id="number first, name last"),
        pytest.param("1.2.3.4.example", "1.2.3.4.example", id="address inside a name"),
        pytest.param("0x7f.example", "0x7f.example", id="hex first, name last"),
        pytest.param("bücher.example", "xn--bcher-kva.example", id="unicode to A-label"),
        pytest.param("XN--BCHER-KVA.example", "xn--bcher-kva.example", id="A-label stays"),
        pytest.param("BÜCHER。example", "xn--bcher-kva.example", id="upper-case unicode, ideographic dot"),
        pytest.param("ａｐｉ.openai.com", "api.openai.com", id="full-width letters"),
        pytest.param("api.open\u00adai.com", "api.openai.com", id="soft hyphen vanishes"),
        pytest.param("a" * 63 + ".example", "a" * 63 + ".example", id="63 characters in a label"),
        pytest.param(".".join(["a" * 49] * 5) + ".", ".".join(["a" * 49] * 5), id="249 characters"),
        pytest.param("a." * 126 + "a", "a." * 126 + "a", id="253 characters"),
        pytest.param("a." * 126 + "a.", "a." * 126 + "a", id="253 characters and a dot"),
    ],
)
def test_a_name_has_one_spelling(written: str, host: str) -> None:
    assert normalise(written, 443) == Destination(host, 443, None)


@pytest.mark.parametrize(
    ("written", "address"),
    [
        pytest.param("127.0.0.1", "127.0.0.1", id="dotted"),
        pytest.param("127.0.0.1.", "127.0.0.1", id="trailing dot"),
        pytest.param("2130706433", "127.0.0.1", id="one decimal"),
        pytest.param("0177.0.0.1", "127.0.0.1", id="octal"),
        pytest.param("0x7f.1", "127.0.0.1", id="hex, short"),
        pytest.param("0X7F000001", "127.0.0.1", id="one hex, upper case"),
        pytest.param("127.1", "127.0.0.1", id="two parts"),
        pytest.param("127.0.1", "127.0.0.1", id="three parts"),
        pytest.param("017700000001", "127.0.0.1", id="one octal"),
        pytest.param("0", "0.0.0.0", id="zero"),
        pytest.param("0x", "0.0.0.0", id="empty hex is zero, as in browsers"),
        pytest.param("4294967295", "255.255.255.255", id="largest"),
        pytest.param("１２７。０。０。１", "127.0.0.1", id="full-width digits and dots"),
        pytest.param("10.0x10.010.1", "10.16.8.1", id="mixed bases"),
        pytest.param("::ffff:127.0.0.1", "127.0.0.1", id="v4-mapped"),
        pytest.param("[::ffff:7f00:1]", "127.0.0.1", id="v4-mapped in hex and brackets"),
        pytest.param("0:0:0:0:0:0:0:1", "::1", id="long v6"),
        pytest.param("[::1]", "::1", id="v6 in brackets"),
        pytest.param("2001:DB8::00ff", "2001:db8::ff", id="v6 case and zeros"),
        pytest.param("::127.0.0.1", "::7f00:1", id="v4-compatible stays v6, for egress to refuse"),
    ],
)
def test_an_address_has_one_spelling(written: str, address: str) -> None:
    assert normalise(written, 443) == Destination(address, 443, ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("", id="nothing"),
        pytest.param(".", id="only a dot"),
        pytest.param("api.openai.com..", id="two trailing dots"),
        pytest.param("api..openai.com", id="empty label"),
        pytest.param(".openai.com", id="leading dot"),
        pytest.param("a" * 64 + ".example", id="64 characters in a label"),
        pytest.param("a." * 126 + "aa", id="254 characters"),
        pytest.param("a" * 100_000, id="very long"),
        pytest.param("ü" * 60 + ".example", id="label too long once encoded"),
        pytest.param("api.openai.com\n", id="newline at the end"),
        pytest.param("api.openai.com\x00.evil.example", id="NUL"),
        pytest.param("api openai.com", id="space"),
        pytest.param(" api.openai.com", id="leading space"),
        pytest.param("api\u3000.openai.com", id="ideographic space"),
        pytest.param("api%2eopenai.com", id="percent"),
        pytest.param("*.openai.com", id="star"),
        pytest.param("api.openai.com/v1", id="slash"),
        pytest.param("api.openai.com\\@evil.example", id="backslash"),
        pytest.param("-a.example", id="hyphen first"),
        pytest.param("a-.example", id="hyphen last"),
        pytest.param("xn--zzzzzz.example", id="punycode of nothing"),
        pytest.param("xn--a.example", id="punycode of a control character"),
        pytest.param("xn--.example", id="empty punycode"),
        pytest.param("xn--api-.example", id="punycode of plain ASCII"),
        pytest.param("\udcff.example", id="byte that is not UTF-8"),
        pytest.param("\u200fapi.openai.com", id="right-to-left mark"),
        pytest.param("256.0.0.1", id="part above 255"),
        pytest.param("1.2.3.4.5", id="five parts"),
        pytest.param("4294967296", id="beyond 32 bits"),
        pytest.param("127.0.0.08", id="bad octal"),
        pytest.param("example.1", id="ends in a number"),
        pytest.param("example.0x1", id="ends in hex"),
        pytest.param("fe80::1%eth0", id="zone id"),
        pytest.param("[fe80::1%25eth0]", id="zone id, escaped"),
        pytest.param("[::1", id="bracket left open"),
        pytest.param("[127.0.0.1]", id="v4 in brackets"),
        pytest.param("[v1.fe80]", id="future address"),
        pytest.param("::ffff:0177.0.0.1", id="octal inside v6"),
        pytest.param("::1::", id="not v6"),
    ],
)
def test_what_has_no_one_spelling_is_refused(written: str) -> None:
    with pytest.raises(WireError, match=r"^host: "):
        normalise(written, 443)


@pytest.mark.parametrize(
    ("authority", "host", "port"),
    [
        pytest.param("API.openai.com:443", "api.openai.com", 443, id="name and port"),
        pytest.param("api.openai.com", "api.openai.com", 80, id="default port"),
        pytest.param("api.openai.com.:8443", "api.openai.com", 8443, id="dot and port"),
        pytest.param("[::1]:443", "::1", 443, id="v6 and port"),
        pytest.param("[::1]", "::1", 80, id="v6 alone"),
        pytest.param("2130706433:65535", "127.0.0.1", 65535, id="decimal address, last port"),
        pytest.param("a.example:1", "a.example", 1, id="first port"),
    ],
)
def test_an_authority_is_host_and_port(authority: str, host: str, port: int) -> None:
    destination = parse_authority(authority, 80)
    assert (destination.host, destination.port) == (host, port)


@pytest.mark.parametrize(
    "authority",
    [
        pytest.param("a.example:0", id="port 0"),
        pytest.param("a.example:65536", id="port 65536"),
        pytest.param("a.example:+443", id="signed port"),
        pytest.param("a.example:0443", id="port with a leading zero"),
        pytest.param("a.example: 443", id="space before the port"),
        pytest.param("a.example:443 ", id="space after the port"),
        pytest.param("a.example:443\n", id="newline after the port"),
        pytest.param("a.example:", id="empty port"),
        pytest.param("a.example:https", id="port by name"),
        pytest.param("a.example:４４３", id="full-width port"),
        pytest.param(":443", id="no host"),
        pytest.param("", id="nothing"),
        pytest.param("alice:secret@a.example:443", id="user information"),
        pytest.param("a.example:80:443", id="two ports"),
        pytest.param("::1:443", id="v6 without brackets"),
        pytest.param("[::1]443", id="no colon after the bracket"),
        pytest.param("[::1]:443]", id="bracket at the end"),
        pytest.param("a.example:99999999999999999999", id="endless port"),
    ],
)
def test_an_unclear_authority_is_refused(authority: str) -> None:
    with pytest.raises(WireError, match=r"^(host|port): "):
        parse_authority(authority, 80)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_out_of_range_is_refused(port: int) -> None:
    with pytest.raises(WireError, match=r"^port: "):
        normalise("a.example", port)


def test_an_authority_is_written_as_a_client_would() -> None:
    assert normalise("A.example", 443).authority == "a.example:443"
    assert normalise("::1", 443).authority == "[::1]:443"
    assert normalise("0x7f.1", 80).authority == "127.0.0.1:80"


def test_a_refusal_never_repeats_what_was_sent() -> None:
    with pytest.raises(WireError, match="user information") as refused:
        parse_authority("alice:hunter2@a.example", 443)
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


LIKELY = st.text(st.sampled_from("aAxX0178.:-_[]%@üßﬀ。 １\u00ad\u200d\n"), max_size=24)


@given(LIKELY | st.text(max_size=80) | st.from_regex(r"(0x[0-9a-f]{0,9}|[0-9]{1,11})(\.[0-9a-fx]{1,4}){0,4}"))
def test_any_text_is_refused_or_has_one_stable_spelling(written: str) -> None:
    try:
        once = normalise(written, 443)
    except WireError:
        return
    assert normalise(once.host, once.port) == once
    assert parse_authority(once.authority, 1) == once
    assert set(once.host) <= set(string.ascii_lowercase + string.digits + "._-:")
    assert not once.host.endswith(".")
    assert len(once.host) <= 253
    if once.ip is None:
        assert not once.host.rpartition(".")[2].isdigit()
        with pytest.raises(ValueError):
            ipaddress.ip_address(once.host)
    else:
        assert once.host == str(once.ip)


@given(st.ip_addresses(v=4))
def test_every_spelling_of_an_ipv4_address_is_that_address(ip: ipaddress.IPv4Address) -> None:
    a, b, c, d = ip.packed
    spellings = [
        str(int(ip)),
        hex(int(ip)),
        f"0{int(ip):o}",
        f"{a}.{int(ip) & 0xFFFFFF}",
        f"{a:#x}.{b:#o}.{(c << 8) | d}".replace("0o", "0"),
        f"{a}.{b}.{c}.{d}.",
        f"::ffff:{ip}",
        f"[::ffff:{a:02x}{b:02x}:{c:02x}{d:02x}]",
    ]
    assert {normalise(spelling, 443) for spelling in spellings} == {Destination(str(ip), 443, ip)}

"""Content-encodings come off in bounded pieces, whole or not at all."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from sluiceway.errors import TooLarge, WireError
from sluiceway.gateway.decoding import decoder, is_plain, whole

TEXT = b'{"model":"claude-sonnet-4-5","messages":[]}' * 50


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}
ENCODED = [pytest.param(name, encode, id=name) for name, encode in ENCODERS.items()]
ENCODED.append(pytest.param("deflate", raw_deflate, id="raw deflate"))


@pytest.mark.parametrize(("encoding", "encode"), ENCODED)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_an_answer_is_decoded_however_it_is_cut(
    encoding: str, encode: Callable[[bytes], bytes], size: int
) -> None:
    found = decoder(encoding, len(TEXT))
    assert found is not None
    data = encode(TEXT)
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    assert b"".join(out for piece in pieces for out in found.feed(piece)) == TEXT
    assert found.ended


@given(data=st.binary(max_size=5000), name=st.sampled_from(sorted(ENCODERS)))
@settings(max_examples=60, deadline=None)
def test_what_was_encoded_comes_back(data: bytes, name: str) -> None:
    assert whole(ENCODERS[name](data), name, 5000) == data


@given(junk=st.binary(min_size=1, max_size=300), name=st.sampled_from(sorted(ENCODERS)))
@settings(max_examples=100, deadline=None)
def test_junk_is_a_wire_error_or_decodes_to_a_bounded_body(junk: bytes, name: str) -> None:
    try:
        body = whole(junk, name, 1000)
    except WireError:
        return
    assert body is not None
    assert len(body) <= 1000


@pytest.mark.parametrize(("encoding", "encode"), ENCODED)
def test_the_bound_is_the_last_size_that_passes(encoding: str, encode: Callable[[bytes], bytes]) -> None:
    assert whole(encode(TEXT), encoding, len(TEXT)) == TEXT
    with pytest.raises(TooLarge):
        whole(encode(TEXT), encoding, len(TEXT) - 1)


@pytest.mark.parametrize(("encoding", "encode"), ENCODED)
def test_a_bomb_is_noticed_before_it_is_in_memory(encoding: str, encode: Callable[[bytes], bytes]) -> None:
    found = decoder(encoding, 2_000_000)
    assert found is not None
    sizes: list[int] = []
    with pytest.raises(TooLarge):
        sizes.extend(len(piece) for piece in found.feed(encode(b" " * 50_000_000)))
    assert sum(sizes) <= 2_000_000


@pytest.mark.parametrize(("encoding", "encode"), ENCODED)
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda data: data[:-1], id="cut"),
        pytest.param(lambda data: data[: len(data) // 2], id="half"),
        pytest.param(lambda data: data + b"x", id="a byte behind it"),
        pytest.param(lambda data: data + data, id="twice"),
        pytest.param(lambda data: TEXT, id="not encoded"),
    ],
)
def test_a_body_that_is_not_exactly_one_encoded_body_is_a_wire_error(
    encoding: str, encode: Callable[[bytes], bytes], spoil: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(WireError):
        whole(spoil(encode(TEXT)), encoding, 100_000)


@pytest.mark.parametrize("encoding", ["compress", "gzip, br", "gzip;q=1", "*", "x-zstd"])
def test_an_encoding_we_do_not_know_is_none(encoding: str) -> None:
    assert whole(b"", encoding, 10) is None


@pytest.mark.parametrize("encoding", ["", " ", "identity", "Identity "])
def test_no_encoding_changes_nothing(encoding: str) -> None:
    assert is_plain(encoding)
    assert whole(TEXT, encoding, len(TEXT)) == TEXT


def test_names_of_encodings_are_read_in_any_case() -> None:
    assert whole(gzip.compress(TEXT), " GZip", len(TEXT)) == TEXT
    assert not is_plain("GZip")


def test_a_window_larger_than_http_allows_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27, compression_level=3)
    data = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    encoded = data.compress(b"x" * 100) + data.flush()
    with pytest.raises(WireError):
        whole(encoded, "zstd", 1000)

"""tiktoken is used only from a verified file on disk, in pieces, and its panics are an unknown count."""

from __future__ import annotations

import inspect
import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import tiktoken
import tiktoken_ext.openai_public as published

from sluiceway.pricing.tokens import MAX_BYTES, O200K, PIECE, Counter, Vocabulary, load

# A download of this URL would raise, so a test that passes has not tried one.
URL = "https://vocabulary.invalid/tiny.tiktoken"
# Every byte, and three merges: "ab", "abc" and "  ".
RANKS = {bytes([byte]): byte for byte in range(256)} | {b"ab": 256, b"abc": 257, b"  ": 258}
FILE = b"".join(b64encode(token) + b" %d\n" % rank for token, rank in RANKS.items())
TINY = Vocabulary(
    name="tiny",
    url=URL,
    sha256=sha256(FILE).hexdigest(),
    pattern=r"\s+|\S+",
)


@pytest.fixture
def counter(tmp_path: Path) -> Counter:
    TINY.file(tmp_path).write_bytes(FILE)
    found = load(TINY, tmp_path)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        pytest.param("", 0, id="nothing"),
        pytest.param("abc", 1, id="one merged token"),
        pytest.param("abcab abc", 4, id="words and a space"),
        pytest.param("é", 2, id="bytes of one character"),
        pytest.param("\ud800", 3, id="half a surrogate pair counts as the replacement character"),
        # 9 cuts at 32768 characters: after "ab" (1 token more), after "a" (2 more), between words, and again
        pytest.param("abc" * 100_000, 100_000 + 3 * (1 + 2 + 0), id="cut into pieces"),
        pytest.param("a" * (MAX_BYTES + 1), 666_667, id="too long to count: a token per 3 bytes"),
        pytest.param("é" * (MAX_BYTES // 2 + 1), 666_668, id="too long in bytes, not in characters"),
    ],
)
def test_text_is_counted(counter: Counter, text: str, tokens: int) -> None:
    assert counter.count(text) == tokens


def test_the_folder_is_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    TINY.file(tmp_path).write_bytes(FILE)
    monkeypatch.delenv("TIKTOKEN_CACHE_DIR", raising=False)
    assert load(TINY) is None
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    assert load(TINY) is not None


@pytest.mark.parametrize(
    ("vocabulary", "content"),
    [
        pytest.param(TINY, None, id="no file"),
        pytest.param(TINY, FILE + b"YQ== 999\n", id="not the published bytes"),
        pytest.param(
            replace(TINY, sha256=sha256(b"not a vocabulary").hexdigest()), b"not a vocabulary", id="not ranks"
        ),
    ],
)
def test_without_the_published_file_there_is_no_counter(
    tmp_path: Path, vocabulary: Vocabulary, content: bytes | None
) -> None:
    if content is not None:
        vocabulary.file(tmp_path).write_bytes(content)
    assert load(vocabulary, tmp_path) is None
    assert content is None or vocabulary.file(tmp_path).read_bytes() == content


def test_our_definition_of_the_encoding_is_the_published_one() -> None:
    source = inspect.getsource(published.o200k_base)
    assert O200K.url in source
    assert O200K.sha256 in source
    pieces = re.findall(r'r"""(.+)"""', source)
    assert O200K.pattern == "|".join(pieces)


class Panics(tiktoken.Encoding):
    """Stands for tiktoken on 1 MB of spaces. pyo3 makes its exception type at run time, as here."""

    def encode_ordinary(self, text: str) -> list[int]:
        raise type("PanicException", (BaseException,), {})("called `Result::unwrap()`")


class Interrupted(tiktoken.Encoding):
    def encode_ordinary(self, text: str) -> list[int]:
        raise KeyboardInterrupt


def encoding(kind: type[tiktoken.Encoding]) -> tiktoken.Encoding:
    return kind("tiny", pat_str=TINY.pattern, mergeable_ranks=RANKS, special_tokens={})


def test_a_panic_is_an_unknown_count_and_an_interrupt_is_not_swallowed() -> None:
    assert Counter(encoding(Panics)).count("abc") is None
    with pytest.raises(KeyboardInterrupt):
        Counter(encoding(Interrupted)).count("abc")


def test_a_megabyte_of_spaces_is_counted(counter: Counter) -> None:
    assert counter.count(" " * (PIECE * 30)) == PIECE * 15

"""An exact token count by tiktoken, where its vocabulary is on disk. Never fetched, never required.

tiktoken's own loader downloads what it does not find, and replaces a file whose hash is wrong by a
download. So the cached file is found, verified and read here, and only the encoder is tiktoken's.
"""

from __future__ import annotations

import os
from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass
from hashlib import sha1, sha256
from pathlib import Path

import tiktoken

PIECE = 32 * 1024
# Above this a count costs more than it is worth; one token per 3 bytes leans high.
MAX_BYTES = 2_000_000
BYTES_PER_TOKEN = 3


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A published encoding: where tiktoken caches it (by the SHA-1 of its URL), and its split pattern."""

    name: str
    url: str
    sha256: str
    pattern: str

    def file(self, cache_dir: Path) -> Path:
        return cache_dir / sha1(self.url.encode(), usedforsecurity=False).hexdigest()


# As tiktoken_ext.openai_public defines it (a test compares).
O200K = Vocabulary(
    name="o200k_base",
    url="https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken",
    sha256="446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    pattern="|".join(
        (
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
            r"\p{N}{1,3}",
            r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
            r"\s*[\r\n]+",
            r"\s+(?!\S)",
            r"\s+",
        )
    ),
)


class Counter:
    """Counts tokens of text with one vocabulary. CPU-bound: call it in a thread."""

    def __init__(self, encoding: tiktoken.Encoding) -> None:
        self._encoding = encoding

    def count(self, text: str) -> int | None:
        """Tokens of `text`, at most a few high where pieces meet; an estimate above 2 MB; None where
        tiktoken gives up."""
        if (size := len(text.encode(errors="replace"))) > MAX_BYTES:
            return -(-size // BYTES_PER_TOKEN)
        total = 0
        for start in range(0, len(text), PIECE):
            counted = self._piece(text[start : start + PIECE])
            if counted is None:
                return None
            total += counted
        return total

    def _piece(self, text: str) -> int | None:
        try:
            return len(self._encoding.encode_ordinary(text))
        except BaseException as error:
            # tiktoken's Rust panics (1 MB of spaces) arrive as a BaseException that cannot be imported.
            if type(error).__name__ != "PanicException":
                raise
            return None


def load(vocabulary: Vocabulary = O200K, cache_dir: Path | None = None) -> Counter | None:
    """The counter, from `cache_dir` or TIKTOKEN_CACHE_DIR; None if the vocabulary is not there or not the
    published one. Reads 4 MB and takes about a second: call it at start, in a thread."""
    if cache_dir is None:
        named = os.environ.get("TIKTOKEN_CACHE_DIR")
        if not named:
            return None
        cache_dir = Path(named)
    try:
        data = vocabulary.file(cache_dir).read_bytes()
    except OSError:
        return None
    if sha256(data).hexdigest() != vocabulary.sha256 or (ranks := _ranks(data)) is None:
        return None
    return Counter(
        tiktoken.Encoding(
            vocabulary.name, pat_str=vocabulary.pattern, mergeable_ranks=ranks, special_tokens={}
        )
    )


def _ranks(data: bytes) -> dict[bytes, int] | None:
    """Lines of `base64-of-token rank`; None if they are not."""
    try:
        pairs = (line.split() for line in data.splitlines() if line)
        return {b64decode(token, validate=True): int(rank) for token, rank in pairs}
    except (ValueError, Base64Error):
        return None

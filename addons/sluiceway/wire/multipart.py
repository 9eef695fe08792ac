"""Multipart forms (RFC 7578): finds the fields and files of one without copying it, and writes fields anew.

What two readers could take for different forms is refused: text before the first part or after the last, a
name given twice, a field of another transfer encoding, a quote that does not end, a boundary anywhere else
(some take it after a bare line feed). Otherwise a client could show us one model and the provider another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sluiceway.errors import WireError

MOST_PARTS = 256
HEAD_BYTES = 8192
TEXT_BYTES = 1 << 20  # the longest prompt an API takes (32,000 characters) is well below it
_BOUNDARY = re.compile(r';[ \t]*boundary=(?:"([^"\\]{1,70})"|([^\s;",]{1,70}))[ \t]*(?:;|\Z)', re.IGNORECASE)
_HEADER = re.compile(rb"([A-Za-z-]{1,64}):[ \t]*([^\r\n]*)")
_DISPOSITION = re.compile(
    r'form-data(?:[ \t]*;[ \t]*[\w*-]+=(?:"(?:[^"\\]|\\.)*"|[^\s";]+))*[ \t]*;?[ \t]*', re.IGNORECASE
)
_NAME = re.compile(r';[ \t]*name="([^"\\\r\n]{1,200})"', re.IGNORECASE)
_CODED_NAME = re.compile(r";[ \t]*name\*", re.IGNORECASE)  # a second name to those who know it
_FILE = re.compile(r";[ \t]*filename\*?=", re.IGNORECASE)
_FILE_NAME = re.compile(r';[ \t]*filename="([^"\r\n]*)"', re.IGNORECASE)
_PLAIN = frozenset({"", "binary", "8bit", "7bit"})


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its content is the body from `start` up to `end`. `file_name` None: a field, no file."""

    name: str
    start: int
    end: int
    file_name: str | None = None
    media_type: str = ""

    @property
    def size_bytes(self) -> int:
        return self.end - self.start


def is_multipart(content_type: str) -> bool:
    return content_type.strip().lower().startswith("multipart/")


def read(body: bytes, content_type: str) -> tuple[Part, ...]:
    """The parts of a form. Raises WireError for all that is not one sound form."""
    if not content_type.strip().lower().startswith("multipart/form-data"):
        raise WireError("content-type: multipart/form-data is expected")
    boundaries = _BOUNDARY.findall(content_type)
    if len(boundaries) != 1 or content_type.lower().count("boundary") != 1:
        raise WireError("content-type: one boundary is required")
    return _parts(body, (boundaries[0][0] or boundaries[0][1]).encode("latin-1", "replace"))


def first_text(begun: bytes, name: str) -> str | None:
    """A short text field, where it stands whole in the beginning of a form; not checked further."""
    head = rb'[ ;]name="%b"[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n' % re.escape(name.encode())
    found = re.search(head + rb"([^\r\n]{0,64})\r\n--", begun, re.IGNORECASE)
    return None if found is None else found[1].decode("utf-8", "replace")


def again(body: bytes) -> tuple[Part, ...]:
    """The parts of a form that was read before: its first line says the boundary."""
    return _parts(body, body[2 : body.index(b"\r\n")])


def text(body: bytes, part: Part) -> str:
    """A field's text. Raises WireError where it is none."""
    if part.size_bytes > TEXT_BYTES:
        raise WireError("a field of the form is larger than 1 MB and no file")
    try:
        return body[part.start : part.end].decode()
    except UnicodeDecodeError:
        raise WireError("a field of the form is neither UTF-8 text nor a file with a name") from None


def written(body: bytes, texts: Mapping[Part, str]) -> bytes:
    """The form with other texts in these fields, and all else as it came."""
    pieces: list[bytes] = []
    begin = 0
    boundary = body[: body.index(b"\r\n")]
    for part in sorted(texts, key=lambda part: part.start):
        new = texts[part].encode()
        if boundary in new:
            raise WireError("a replacement holds the form's boundary")
        pieces += [body[begin : part.start], new]
        begin = part.end
    return b"".join([*pieces, body[begin:]])


def _parts(body: bytes, boundary: bytes) -> tuple[Part, ...]:
    first, between = b"--" + boundary, b"\r\n--" + boundary
    if not body.startswith(first):
        raise WireError("the form does not begin with its boundary")
    found: list[Part] = []
    at = len(first)
    while body[at : at + 2] == b"\r\n":
        if len(found) == MOST_PARTS:
            raise WireError(f"the form has more than {MOST_PARTS} parts")
        head = body.find(b"\r\n\r\n", at, at + HEAD_BYTES)
        end = body.find(between, head + 4) if head >= 0 else -1
        if end < 0 or body.startswith(between, head + 2):  # there, some see the part's end and some do not
            raise WireError("the form breaks off, or a part has no head")
        found.append(_part(body[at + 2 : head + 2], head + 4, end))
        at = end + len(between)
    if body[at:] not in (b"--", b"--\r\n"):
        raise WireError("the form has no end, or something stands behind it")
    if body.count(first) != len(found) + 1:
        raise WireError("the form's boundary stands within a part")
    return tuple(found)


def _part(head: bytes, start: int, end: int) -> Part:
    fields: dict[bytes, str] = {}
    for line in head.split(b"\r\n")[:-1]:
        header = _HEADER.fullmatch(line)
        if header is None or header[1].lower() in fields:
            raise WireError("a part of the form has a head that cannot be read")
        fields[header[1].lower()] = header[2].decode("utf-8", "replace")
    described = fields.get(b"content-disposition", "")
    names = _NAME.findall(described)
    if not _DISPOSITION.fullmatch(described) or len(names) != 1 or _CODED_NAME.search(described):
        raise WireError("a part of the form has no name, or two")
    if fields.get(b"content-transfer-encoding", "").strip().lower() not in _PLAIN:
        raise WireError("a part of the form is encoded once more")
    name = _FILE_NAME.search(described)
    is_file = _FILE.search(described) is not None
    media_type = fields.get(b"content-type", "")
    return Part(names[0], start, end, (name[1] if name else "") if is_file else None, media_type)

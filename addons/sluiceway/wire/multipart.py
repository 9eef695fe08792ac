"""Reads multipart/form-data (RFC 7578) of a bounded size and few parts: the form in which files are sent."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sluiceway.errors import WireError

MAX_PARTS = 32
_BOUNDARY = re.compile(r'\bboundary=(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
_NAME = re.compile(rb'[;\s]name="([^"\r\n]{1,100})"', re.IGNORECASE)


def fields(content_type: str, body: bytes) -> Mapping[str, bytes]:
    """The form's fields by name. Raises WireError for what is no such form, and for a name given twice."""
    found = _BOUNDARY.search(content_type)
    if found is None or not content_type.lower().startswith("multipart/form-data"):
        raise WireError("the body must be multipart/form-data with a boundary")
    mark = b"--" + (found[1] or found[2]).encode()
    pieces = (b"\r\n" + body).split(b"\r\n" + mark, MAX_PARTS + 1)
    if len(pieces) > MAX_PARTS + 1 or len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise WireError("the form has too many parts, or does not end")
    read: dict[str, bytes] = {}
    for piece in pieces[1:-1]:
        head, blank, content = piece.partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if not blank or name is None:
            raise WireError("a part of the form has no name")
        key = name[1].decode("latin-1")
        if key in read:
            raise WireError("a field of the form is given twice")
        read[key] = content
    return read

"""Multipart forms as the simulated providers read them, by the standard library's parser of mail."""

from __future__ import annotations

from email.parser import BytesParser
from email.policy import HTTP

from sluiceway.demo.exchange import Asked, Json, Rejected, body_of


def fields_of(asked: Asked) -> Json:
    """A request's fields, in JSON or as a form; files as their bytes."""
    kind = asked.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        return body_of(asked)
    form = BytesParser(policy=HTTP).parsebytes(b"content-type: " + kind.encode() + b"\r\n\r\n" + asked.raw)
    if not form.is_multipart():
        raise Rejected(400, "Could not parse multipart form")
    found: Json = {}
    for part in form.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(content, bytes):
            raise Rejected(400, "Could not parse multipart form")
        found[name] = content if part.get_filename() is not None else content.decode()
    return found

"""Requests of cases that are forms: `form.json` lists their fields and files, so that they can be read."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import Any

import orjson

BOUNDARY = "sluice-7d3f"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


def request_of(folder: Path) -> tuple[bytes, dict[str, str]]:
    """The body of a case's request, and the header that says what it is."""
    form = folder / "form.json"
    if not form.exists():
        return (folder / "request.json").read_bytes(), {}
    return form_of(orjson.loads(form.read_bytes())), {"content-type": FORM}


def form_of(fields: list[tuple[str, Any]]) -> bytes:
    """A form of (name, text) and (name, {file, type, and its base64 or how many zeros it has after that})."""
    parts = b"".join(_part(name, value) for name, value in fields)
    return parts + f"--{BOUNDARY}--\r\n".encode()


def _part(name: str, value: Any) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'
    if isinstance(value, str):
        return f"{head}\r\n\r\n{value}\r\n".encode()
    head += f'; filename="{value["file"]}"\r\nContent-Type: {value["type"]}\r\n\r\n'
    content = b64decode(value.get("base64", "")) + b"\0" * int(value.get("zeros", 0))
    return head.encode() + content + b"\r\n"

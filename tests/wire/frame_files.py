"""Event streams of AWS written from readable files, so that a case can be read and changed by people."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import orjson

from sluiceway.wire.eventstream import frame, render


def stream_of(path: Path) -> bytes:
    """The bytes that a case's `response.frames.json` stands for: a list of frames, each one of

    {"event": NAME, "payload": {...}}       an event; "exception" in place of "event" for an exception
    {"chunk": {...}}                        a vendor's event inside a chunk, in base64
    {"error": CODE, "message": TEXT}        an error without a model
    {"bad_crc": FRAME}                      such a frame with a wrong CRC at its end
    {"begun": FRAME, "bytes": N}            only the first bytes of it
    {"raw": TEXT}                           bytes that are no frame
    """
    return b"".join(_frame(entry) for entry in orjson.loads(path.read_bytes()))


def _frame(entry: dict[str, Any]) -> bytes:
    match entry:
        case {"event": name}:
            return render(entry.get("payload", {}), name)
        case {"exception": name}:
            return render(entry.get("payload", {}), name, kind="exception")
        case {"chunk": inner}:
            data = base64.b64encode(orjson.dumps(inner)).decode()
            return render({"bytes": data, "p": "abcdef"}, "chunk")
        case {"error": code, "message": text}:
            return frame({":message-type": "error", ":error-code": code, ":error-message": text}, b"")
        case {"bad_crc": inner}:
            return _frame(inner)[:-4] + b"\0\0\0\0"
        case {"begun": inner, "bytes": count}:
            return _frame(inner)[:count]
        case {"raw": text}:
            return str(text).encode()
    raise AssertionError(f"no frame: {entry}")

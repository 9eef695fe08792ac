"""`guard scan --jsonl`: lines of `{"text"}` in, lines of `{"spans"}` out, offsets in characters."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import IO, Any

from sluiceway.guard.patterns import Profile
from sluiceway.guard.scan import Scanner, scan


def run_jsonl(
    lines: Iterable[bytes], out: IO[bytes], errors: IO[str], profile: Profile, scanner: Scanner | None = None
) -> int:
    """Scan each line's `text`. A line that cannot be read is named on `errors` and passed over; the answer
    is then 1, else 0. Blank lines are no lines. Never writes a text or a value."""
    status = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            text = _text(line)
        except ValueError as error:
            errors.write(f"line {number}: {error}\n")
            status = 1
            continue
        spans = [{"start": f.start, "end": f.end, "type": f.type} for f in scan(text, profile, scanner)]
        out.write(json.dumps({"spans": spans}).encode() + b"\n")
        out.flush()  # whoever asks line by line waits for the answer
    return status


def _text(line: bytes) -> str:
    try:
        record: Any = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None
    except (ValueError, RecursionError):
        raise ValueError("is not JSON") from None
    text = record.get("text") if isinstance(record, dict) else None
    if isinstance(text, str):
        return text
    raise ValueError('is not an object with a string "text"')

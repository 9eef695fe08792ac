"""Our marked lines inside a file that belongs to the user: put in once, taken out without a trace."""

from __future__ import annotations

from pathlib import Path

from sluiceway.errors import MachineError

BEGIN = b"# >>> sluiceway >>> made by `sluiceway enroll`; `sluiceway enroll --undo` takes it out"
END = b"# <<< sluiceway <<<"
_MARK = BEGIN.split(b" made")[0]


def put(data: bytes, lines: bytes, path: Path) -> bytes:
    """The file with our block: in its place if it is there, else at the end."""
    block = BEGIN + b"\n" + lines.rstrip(b"\n") + b"\n" + END + b"\n"
    found = _find(data, path)
    if found:
        return data[: found[0]] + block + data[found[1] :]
    gap = b"" if not data or data.endswith(b"\n") else b"\n"
    return data + gap + block


def take_out(data: bytes, path: Path) -> bytes:
    """The file without our block; unchanged if there is none."""
    found = _find(data, path)
    return data[: found[0]] + data[found[1] :] if found else data


def _find(data: bytes, path: Path) -> tuple[int, int] | None:
    start = _line_start(data, _MARK, 0)
    if start is None:
        return None
    end = _line_start(data, END, start)
    if end is None:
        raise MachineError(
            f"{path}: our first line `{_MARK.decode()}` is there but the last one `{END.decode()}` is not; "
            "remove what is left of the block by hand"
        )
    line_end = data.find(b"\n", end)
    return start, len(data) if line_end < 0 else line_end + 1


def _line_start(data: bytes, mark: bytes, after: int) -> int | None:
    if after == 0 and data.startswith(mark):
        return 0
    found = data.find(b"\n" + mark, after)
    return None if found < 0 else found + 1

"""Recorded exchanges between a client of one API and a provider of another.

A folder `cases/<client's dialect>--<provider's dialect>/<case>/` is a test:

- `request.json`: what the client sends; `expect.json` has the `model` it is written for, the client's `path`
  (and `query`) where the API's path says something, and what was lost: `losses` by field, `essential` fields
- `sent.json`: the body that the provider gets; `expect.json` may name its `sent_path`
- `answer.json`, `answer.sse` or `answer.frames.json`: what the provider answers, and `shown.json` or
  `shown.sse`: what the client gets

`python tests/wire/translation/translation_cases.py` writes `sent`, `shown` and the losses anew, to be read
with `git diff`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from sluiceway.wire.dialect import Target
from sluiceway.wire.translation import by_dialect
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.passage import Translation, translated
from sluiceway.wire.translation.translator import Aim, Asked, Translator

FOLDERS = sorted(path.parent for path in Path(__file__).parent.glob("cases/*/*/request.json"))
AT = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


def named(dialect: str) -> Translator:
    """The translator of that dialect, which is there."""
    found = by_dialect(dialect)
    assert found is not None, dialect
    return found


def name_of(folder: Path) -> str:
    """The name of a case as pytest shows it."""
    return f"{folder.parent.name}-{folder.name}"


class Case:
    """One folder, read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        client, provider = folder.parent.name.split("--")
        self.source, self.target = named(client), named(provider)
        self.expect: dict[str, Any] = self.document("expect")
        self.request: dict[str, Any] = self.document("request")
        self.losses = Losses()

    def document(self, name: str) -> Any:
        """The JSON file of that name."""
        return orjson.loads((self.folder / f"{name}.json").read_bytes())

    def translated(self) -> Translation:
        """The request as it goes to the provider."""
        at = Target("POST", self.expect.get("path", "/"), self.expect.get("query", ""))
        aim = Aim(self.expect["model"], default_output_tokens=self.expect.get("default_output_tokens"))
        asked = Asked(AT, "sw_000000000000000000000001", self.expect["model"])
        self.losses = Losses()
        return translated(self.source, self.target, self.request, at, aim, asked, self.losses)

    @property
    def stream(self) -> bytes | None:
        """What the provider streams, None where it answers at once."""
        if (frames := self.folder / "answer.frames.json").exists():
            from tests.wire.frame_files import stream_of

            return stream_of(frames)
        path = self.folder / "answer.sse"
        return path.read_bytes() if path.exists() else None

    @property
    def shown_stream(self) -> bytes:
        """What the client gets of it."""
        return (self.folder / "shown.sse").read_bytes()


def write(folder: Path) -> None:
    """Writes what this version makes of the case."""
    case = Case(folder)
    translation = case.translated()
    pretty = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    (folder / "sent.json").write_bytes(orjson.dumps(translation.rendered.document, option=pretty))
    counts = {loss.field: loss.times for loss in case.losses.all() if not loss.essential}
    essential = sorted(loss.field for loss in case.losses.essential)
    expect = {**case.expect, "losses": counts, "essential": essential}
    (folder / "expect.json").write_bytes(orjson.dumps(expect, option=pretty))
    if case.stream is not None:
        passage = translation.passage()
        (folder / "shown.sse").write_bytes(passage.feed(case.stream) + passage.finish())
    elif (folder / "answer.json").exists():
        shown = translation.answer(case.document("answer"))
        (folder / "shown.json").write_bytes(orjson.dumps(shown, option=pretty))


if __name__ == "__main__":
    for one in FOLDERS:
        write(one)

"""What the APIs of images and recordings share: a request in JSON or as a form, output that nothing limits.

A form's files are never copied: where a field is written anew, the body is put together around them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sluiceway.errors import WireError
from sluiceway.types import Call, ErrorAnswer, Refusal
from sluiceway.wire import multipart, notice, openai_error
from sluiceway.wire.answer_parts import NOTHING, AnswerParts
from sluiceway.wire.body import read_object
from sluiceway.wire.dialect import Reading, Tap, Target
from sluiceway.wire.fields import need_model
from sluiceway.wire.multipart import Part
from sluiceway.wire.parts import Path, Segment
from sluiceway.wire.rewrite import replaced, with_model
from sluiceway.wire.tap import JsonTap
from sluiceway.wire.walk import Parts, rewritten, segments

_FORM = b"--"  # how a form begins, and no JSON does


@dataclass(frozen=True, slots=True)
class Asked:
    """A request's fields by name, those of a form as text (a list for `name[]`), and its files."""

    document: Mapping[str, Any]
    path: str
    files: tuple[Part, ...] = ()
    body: bytes = b""

    def number(self, name: str, most: int, least: int = 1) -> int | None:
        """A whole number, also where a form has it as text; None when absent. Raises WireError."""
        value = self.document.get(name)
        if value is None:
            return None
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise WireError(f"{name}: must be a whole number from {least} to {most}")
        return value

    def says(self, name: str) -> bool:
        """A boolean; false when absent. A form has it as text."""
        value = self.document.get(name)
        if value in (True, "true", "True", "1"):
            return True
        if value in (None, False, "false", "False", "0", ""):
            return False
        raise WireError(f"{name}: must be true or false")

    def text(self, name: str) -> str:
        """A text that must be there."""
        value = self.document.get(name)
        if not isinstance(value, str):
            raise WireError(f"{name}: a string is required")
        return value


def _said_nothing(document: object) -> AnswerParts:
    return NOTHING


@dataclass(frozen=True, slots=True)
class Media:
    """A dialect of OpenAI's. `parts` are the places of its fields, `call_of` reads a request, `tap_of` gives
    the tap of a good answer by its content type, `said` finds the model's words in an answer."""

    name: str
    parts: Parts
    call_of: Callable[[Asked], Call]
    tap_of: Callable[[Call, str], Tap]
    said: Callable[[object], AnswerParts] = _said_nothing

    def read(
        self, target: Target, headers: Mapping[str, str], body: bytes, add_usage: bool = True
    ) -> Reading:
        kind = headers.get("content-type", "")
        if multipart.is_multipart(kind):
            document, files = fields_of(body, multipart.read(body, kind), self.parts)
            call = self.call_of(Asked(document, target.path, files, body))
            return Reading(call, body, document, target)
        document, sound = read_object(body)
        return Reading(self.call_of(Asked(document, target.path)), sound, document, target)

    def limit_output(self, reading: Reading, max_output_tokens: int) -> Reading:
        """Nothing in the request limits it."""
        return reading

    def segments(self, reading: Reading) -> tuple[Segment, ...]:
        """Of a form also its files, and their names, which cannot be replaced."""
        found = segments(reading.document, self.parts)
        if not reading.body.startswith(_FORM):
            return found
        files = [part for part in multipart.again(reading.body) if part.file_name is not None]
        named = (
            Segment((part.name, n, 0), part.file_name, "user", "identifier", fixed=True)
            for n, part in enumerate(files)
            if part.file_name
        )
        media = (Segment((part.name, n), "", "user", "media", fixed=True) for n, part in enumerate(files))
        return (*found, *named, *media)

    def replaced(self, reading: Reading, changes: Mapping[Path, str]) -> Reading:
        if not reading.body.startswith(_FORM):
            path = reading.target.path
            return replaced(reading, self.parts, changes, lambda found: self.call_of(Asked(found, path)))
        document = rewritten(reading.document, self.parts, changes)
        return reading if document is reading.document else self._form(reading, document)

    def with_model(self, reading: Reading, model: str) -> tuple[Reading, str]:
        if not reading.body.startswith(_FORM):
            return with_model(reading, model)
        need_model({"model": model})
        if "model" not in reading.document:
            raise WireError("model: a form that names none cannot be sent on for another")
        return self._form(reading, {**reading.document, "model": model}), reading.target.path

    def answer_parts(self, document: object) -> AnswerParts:
        return self.said(document)

    def notice(self, reading: Reading, text: str, request_id: str) -> ErrorAnswer:
        return self.refuse(notice.refusal(text), request_id)

    def tap(self, call: Call, status: int, content_type: str) -> Tap:
        if status >= 400:
            return JsonTap(openai_error.parse_error, generates=False)
        return self.tap_of(call, content_type)

    def refuse(self, refusal: Refusal, request_id: str, codex: bool = False) -> ErrorAnswer:
        return openai_error.refuse(refusal, request_id, codex)

    def _form(self, reading: Reading, document: Mapping[str, Any]) -> Reading:
        """The form with the texts of another document in its fields."""
        texts: dict[Part, str] = {}
        met: dict[str, int] = {}
        for part in multipart.again(reading.body):
            if part.file_name is not None:
                continue
            new = document.get(part.name)
            if isinstance(new, list):
                place = met[part.name] = met.get(part.name, -1) + 1
                new = new[place]
            if not isinstance(new, str):
                raise WireError("the name of a form's field cannot be replaced")
            if new != multipart.text(reading.body, part):
                texts[part] = new
        body = multipart.written(reading.body, texts)
        _, files = fields_of(body, multipart.again(body), self.parts)
        call = self.call_of(Asked(document, reading.target.path, files, body))
        return replace(reading, call=call, body=body, document=document)


def fields_of(body: bytes, parts: tuple[Part, ...], known: Parts) -> tuple[dict[str, Any], tuple[Part, ...]]:
    """The fields of a form, and its files. Raises WireError where a field is given twice, or as a file."""
    document: dict[str, Any] = {}
    for part in parts:
        if part.file_name is not None:
            if part.name in known:
                raise WireError(f"{part.name}: a text is expected, not a file")
            continue
        value = multipart.text(body, part)
        if part.name.endswith("[]"):
            document.setdefault(part.name, []).append(value)
        elif part.name in document:
            raise WireError("a field of the form is given twice")
        else:
            document[part.name] = value
    return document, tuple(part for part in parts if part.file_name is not None)

"""Forms: what is read of them, what is refused because two readers could differ, what is written anew."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.form_files import BOUNDARY, FORM, form_of
from werkzeug.formparser import parse_form_data

from sluiceway.errors import WireError
from sluiceway.wire import Target, by_name, multipart

SOUND = {"file": "Protokoll.wav", "type": "audio/wav", "zeros": 4000}
FIELDS: list[tuple[str, Any]] = [
    ("model", "gpt-4o-transcribe"),
    ("prompt", "Names: carol"),
    ("include[]", "logprobs"),
    ("include[]", "carol@example.com"),
    ("file", SOUND),
]
GOOD = form_of(FIELDS)
PART = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="'.encode()
END = f"--{BOUNDARY}--\r\n".encode()
TARGET = Target("POST", "/v1/audio/transcriptions")
TRANSCRIPTION = by_name("openai_transcription")


def read(body: bytes, kind: str = FORM) -> Any:
    return TRANSCRIPTION.read(TARGET, {"content-type": kind}, body)


def part(head: str, content: str = "x") -> bytes:
    return f"--{BOUNDARY}\r\n{head}\r\n\r\n{content}\r\n".encode() + END


def test_a_form_is_forwarded_as_the_same_bytes() -> None:
    reading = read(GOOD)
    assert reading.body is GOOD
    assert reading.document == {
        "model": "gpt-4o-transcribe",
        "prompt": "Names: carol",
        "include[]": ["logprobs", "carol@example.com"],
    }


def test_texts_in_a_form_are_found_and_replaced_and_its_files_stay() -> None:
    reading = read(GOOD)
    found = {segment.path: segment for segment in TRANSCRIPTION.segments(reading)}
    assert (found[("prompt",)].text, found[("prompt",)].role) == ("Names: carol", "user")
    assert (found[("file", 0)].kind, found[("file", 0)].fixed) == ("media", True)
    assert (found[("file", 0, 0)].text, found[("file", 0, 0)].kind) == ("Protokoll.wav", "identifier")
    changes = {("prompt",): "Names: <PERSON_1>", ("include[]", 1): "<EMAIL_1>"}
    masked = TRANSCRIPTION.replaced(reading, changes)
    wanted = [
        (name, {"Names: carol": "Names: <PERSON_1>", "carol@example.com": "<EMAIL_1>"}.get(str(value), value))
        for name, value in FIELDS
    ]
    assert masked.body == form_of(wanted)
    assert read(masked.body).call == masked.call


def test_nothing_replaced_is_the_same_reading() -> None:
    reading = read(GOOD)
    assert TRANSCRIPTION.replaced(reading, {("prompt",): "Names: carol"}) is reading


def test_a_replacement_cannot_end_the_form() -> None:
    with pytest.raises(WireError, match="boundary"):
        TRANSCRIPTION.replaced(read(GOOD), {("prompt",): f"x\r\n--{BOUNDARY}--"})


def test_a_form_is_sent_on_for_another_model() -> None:
    moved, path = TRANSCRIPTION.with_model(read(GOOD), "whisper-1")
    assert (moved.call.model, path) == ("whisper-1", TARGET.path)
    assert moved.body == form_of([("model", "whisper-1"), *FIELDS[1:]])
    assert moved.call.units == {"audio_seconds": 2}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        pytest.param(b"", "does not begin", id="empty"),
        pytest.param(b"preamble\r\n" + GOOD, "does not begin", id="preamble"),
        pytest.param(GOOD + b"more", "no end", id="epilogue"),
        pytest.param(GOOD[:-6], "breaks off|no end", id="without an end"),
        pytest.param(GOOD[:200], "breaks off", id="cut in a file"),
        pytest.param(PART + b'a"\r\n' + END, "breaks off", id="a head without a blank line"),
        pytest.param(PART + b'model"\r\n\r\nx\r\n' + GOOD, "twice", id="a field given twice"),
        pytest.param(
            PART + b'model"; filename="m"\r\n\r\nx\r\n' + END, "text is expected", id="a field as a file"
        ),
        pytest.param(PART + b'model"\r\n\r\n\xff\r\n' + END, "UTF-8", id="not text"),
        pytest.param(PART + b'a"; name="model"\r\n\r\nx\r\n' + END, "two", id="two names"),
        pytest.param(PART + b"a\"; name*=utf-8''model\r\n\r\nx\r\n" + END, "two", id="a coded second name"),
        pytest.param(part("Content-Type: text/plain"), "no name", id="no name"),
        pytest.param(part("no header"), "cannot be read", id="a broken head"),
        pytest.param(
            part('Content-Disposition: form-data; name="model"\r\nContent-Transfer-Encoding: base64'),
            "encoded once more",
            id="encoded once more",
        ),
        pytest.param(part(f'Content-Disposition: form-data; name="{"x" * 9000}"'), "no head", id="long head"),
        pytest.param(form_of([("a[]", "x")] * 300), "256 parts", id="too many parts"),
        pytest.param(form_of([("prompt", "x" * 1_100_000)]), "1 MB", id="a field that is too long"),
        pytest.param(PART + b'a"\r\n\r\n' + END, "breaks off", id="an end that not everybody sees"),
        pytest.param(PART + b'a"; filename="b\r\n\r\nx\r\n' + END, "no name", id="a quote that does not end"),
        pytest.param(
            PART + b'a"\r\n\r\nx\n' + PART + b'b"\r\n\r\ny\r\n' + END,
            "within a part",
            id="a boundary after a bare line feed",
        ),
    ],
)
def test_what_two_readers_could_take_for_different_forms_is_refused(body: bytes, says: str) -> None:
    with pytest.raises(WireError, match=says):
        read(body)


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data",
        "multipart/mixed; boundary=x",
        f"{FORM}; boundary=other",
        'multipart/form-data; boundary="a\\"b"',
        f"multipart/form-data; boundary={'x' * 80}",
    ],
)
def test_a_form_whose_boundary_is_not_clear_is_refused(kind: str) -> None:
    with pytest.raises(WireError, match=r"^content-type:"):
        read(GOOD, kind)


def test_a_file_name_in_another_alphabet_is_fine() -> None:
    body = part("Content-Disposition: form-data; name=\"file\"; filename*=utf-8''%C3%BC.wav", "RIFF")
    assert multipart.read(body, FORM)[0].file_name == ""


@given(data=st.data())
def test_every_form_we_take_is_the_same_to_another_reader(data: st.DataObject) -> None:
    """Werkzeug is the judge: what it finds in a damaged form is what we found, or we refused it."""
    body = bytearray(GOOD[:420] + GOOD[-40:])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body)))
        new = data.draw(
            st.sampled_from([b"", b"\r\n", b"\n", b"\r", b'"', b"--", b";", b'; name="x"', PART, END, b"\0"])
        )
        body[at : at + data.draw(st.integers(0, 6))] = new
    try:
        parts = multipart.read(bytes(body), FORM)
    except WireError:
        return
    environ = {"wsgi.input": _Stream(bytes(body)), "CONTENT_TYPE": FORM, "REQUEST_METHOD": "POST"}
    environ["CONTENT_LENGTH"] = str(len(body))
    _, form, files = parse_form_data(environ, silent=False)
    theirs = dict(form.lists())
    ours: dict[str, list[str]] = {}
    for one in parts:
        if one.file_name is None:
            ours.setdefault(one.name, []).append(body[one.start : one.end].decode("utf-8", "replace"))
    assert ours == theirs
    assert sum(one.file_name is not None for one in parts) == sum(len(each) for _, each in files.lists())


class _Stream:
    """A body as WSGI reads it."""

    def __init__(self, body: bytes) -> None:
        self._left = body

    def read(self, size: int = -1) -> bytes:
        size = len(self._left) if size < 0 else size
        piece, self._left = self._left[:size], self._left[size:]
        return piece

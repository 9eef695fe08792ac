"""Images and recordings: their bounds before the answer, how long one is, whose words are found in them."""

from __future__ import annotations

import struct
import tracemalloc
from base64 import b64encode
from typing import Any

import orjson
import pytest
from tests.wire.form_files import FORM, form_of

from sluiceway.errors import WireError
from sluiceway.types import Refusal, RefusalKind, UsageSource
from sluiceway.wire import Reading, Target, audio_length, by_name
from sluiceway.wire.skim import Skimmer

IMAGES = "/v1/images/generations"
GONE = Refusal(RefusalKind.UNREACHABLE, "upstream_lost", "The provider closed the connection.")


def read(name: str, path: str, **fields: Any) -> Reading:
    return by_name(name).read(Target("POST", path), {}, orjson.dumps(fields))


@pytest.mark.parametrize(
    ("fields", "most"),
    [
        pytest.param({"quality": "low", "size": "1024x1024"}, 272, id="documented"),
        pytest.param({"quality": "high", "size": "1024x1536"}, 6240, id="in proportion to its area"),
        pytest.param({}, 6240, id="what the model chooses: the best of the largest usual size"),
        pytest.param({"quality": "auto", "size": "auto"}, 6240, id="the same, said"),
        pytest.param({"quality": "max", "size": "2048x2048"}, 66_560, id="four times the best, four squares"),
        pytest.param({"quality": "novel", "size": "1024x1024"}, 16_640, id="a quality nobody knows"),
        pytest.param({"quality": "low", "size": "large"}, 408, id="a size that is none"),
        pytest.param(
            {"quality": "low", "size": "9" * 12 + "x" + "9" * 12}, 272 * 64, id="a size without bounds"
        ),
        pytest.param({"quality": "low", "size": "1024x1024", "partial_images": 3}, 572, id="partial images"),
        pytest.param({"quality": "low", "size": "1024x1024", "frame_count": 4}, 1088, id="frames"),
    ],
)
def test_an_image_is_bounded_by_its_quality_and_size(fields: dict[str, Any], most: int) -> None:
    call = read("openai_images", IMAGES, model="gpt-image-2", prompt="a gate", n=2, **fields).call
    assert (call.max_output_tokens, call.choices, call.fixed_output) == (most, 2, True)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"n": 11, "prompt": "x"}, "n: must be a whole number from 1 to 10"),
        ({"n": "2x", "prompt": "x"}, "n: "),
        ({"n": True, "prompt": "x"}, "n: "),
        ({"prompt": 7}, "prompt: a string is required"),
        ({"prompt": "x", "model": ""}, "model: "),
        ({"prompt": "x", "stream": "maybe"}, "stream: must be true or false"),
        ({"prompt": "x", "size": "ü" * 4}, "size: must be a short word"),
        ({"prompt": "x", "partial_images": 9}, "partial_images: must be a whole number from 0 to 3"),
    ],
)
def test_a_wrong_field_of_an_image_is_named(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(WireError, match=says):
        read("openai_images", IMAGES, **fields)


@pytest.mark.parametrize(
    ("name", "path", "fields", "found"),
    [
        (
            "openai_images",
            IMAGES,
            {"model": "gpt-image-2", "prompt": "carol at her desk"},
            {("prompt",): ("user", "text")},
        ),
        (
            "openai_speech",
            "/v1/audio/speech",
            {"model": "tts-1", "voice": "alloy", "input": "Dear carol", "instructions": "as if to dave"},
            {("input",): ("user", "text"), ("instructions",): ("system", "text")},
        ),
        (
            "openai_moderation",
            "/v1/moderations",
            {"input": [{"type": "text", "text": "carol is nice"}]},
            {("input", 0, "text"): ("user", "text")},
        ),
        (
            "google_predict",
            "/v1/models/imagen-4.0-generate-001:predict",
            {
                "instances": [{"prompt": "carol at her desk"}],
                "parameters": {"negativePrompt": "without dave"},
            },
            {("instances", 0, "prompt"): None, ("parameters", "negativePrompt"): None},
        ),
    ],
)
def test_a_persons_words_are_found_and_can_be_masked(
    name: str, path: str, fields: dict[str, Any], found: dict[tuple[str | int, ...], tuple[str, str] | None]
) -> None:
    dialect, reading = by_name(name), read(name, path, **fields)
    listed = {segment.path: segment for segment in dialect.segments(reading)}
    for where, place in found.items():
        assert place is None or (listed[where].role, listed[where].kind) == place
        masked = dialect.replaced(reading, {where: "<PERSON_1>"})
        assert b"<PERSON_1>" in masked.body
        assert listed[where].text.encode() not in masked.body


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"data": [{"revised_prompt": "A gate"}, {"url": "u"}]}, ["A gate"]),
        ({"data": None}, []),
        ("data", []),
    ],
)
def test_what_became_of_a_prompt_is_the_models_word(document: object, said: list[str]) -> None:
    pieces = by_name("openai_images").answer_parts(document).pieces
    assert [piece.text for piece in pieces] == said


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"text": "Hm.", "segments": [{"text": "Hm."}, {}]}, [("Hm.", "whole"), ("Hm.", "whole")]),
        ({"type": "transcript.text.delta", "delta": "H"}, [("H", "delta")]),
        ({"type": "transcript.text.done", "text": "Hm."}, [("Hm.", "repeat")]),
        ({"text": 7}, []),
    ],
)
def test_a_transcript_is_the_models_word(document: object, said: list[tuple[str, str]]) -> None:
    pieces = by_name("openai_transcription").answer_parts(document).pieces
    assert [(piece.text, piece.form) for piece in pieces] == said


def wave(seconds: int, rate: int) -> bytes:
    size = seconds * rate
    form = struct.pack("<IHHIIHH", 16, 1, 1, rate // 2, rate, 2, 16)
    return b"RIFF" + struct.pack("<I", size + 36) + b"WAVEfmt " + form + b"data" + b"\0" * size


def flac(samples: int, rate: int) -> bytes:
    fields = (rate << 44) | (1 << 41) | (15 << 36) | samples
    return b"fLaC" + b"\0" * 14 + fields.to_bytes(8, "big") + b"\0" * 500


@pytest.mark.parametrize(
    ("sound", "seconds"),
    [
        pytest.param(wave(7, 32_000)[:-44], 7, id="WAVE"),
        pytest.param(flac(16_000 * 61 + 1, 16_000), 62, id="FLAC, rounded up"),
        pytest.param(b"\xff\xfb\x50\x00" + b"\0" * (8000 * 9 - 4), 9, id="MP3 at 64 kbit/s"),
        pytest.param(b"\xff\xf3\x44\xc4" + b"\0" * (4000 * 5 - 4), 5, id="MP3 of MPEG-2 at 32 kbit/s"),
        pytest.param(
            b"ID3\4\0\0\0\0\0\x0a" + b"x" * 10 + b"\xff\xfb\x50\x00" + b"\0" * (8000 * 9 - 24),
            9,
            id="MP3 behind a tag",
        ),
        pytest.param(b"OggS" + b"\0" * 19_996, 10, id="anything else, as if it were sparing"),
        pytest.param(b"RIFF\0\0\0\0WAVE" + b"\0" * 3988, 2, id="WAVE without its form"),
        pytest.param(b"fLaC" + b"\0" * 3996, 2, id="FLAC that says nothing"),
        pytest.param(b"\xff\xfb\xf0\x00" + b"\0" * 3996, 2, id="MP3 with a rate that is none"),
        pytest.param(b"", 1, id="empty"),
    ],
)
def test_the_length_of_a_recording(sound: bytes, seconds: int) -> None:
    assert audio_length.seconds(b"--" + sound + b"--", 2, 2 + len(sound)) == seconds


def test_a_recording_named_by_its_address_may_be_an_hour_long() -> None:
    call = read(
        "openai_transcription", "/v1/audio/transcriptions", model="whisper-1", url="https://a.example/b"
    ).call
    assert call.units == {"audio_seconds": 3600}


def test_of_a_large_answer_little_is_kept() -> None:
    picture = b64encode(b"pixels" * 1_000_000).decode()
    answer = orjson.dumps(
        {"data": [{"b64_json": picture}] * 3, "usage": {"input_tokens": 1, "output_tokens": 2}}
    )
    tap = by_name("openai_images").tap(
        read("openai_images", IMAGES, prompt="x").call, 200, "application/json"
    )
    chunks = [answer[at : at + 65_536] for at in range(0, len(answer), 65_536)]
    tracemalloc.start()
    for chunk in chunks:
        tap.feed(chunk)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert tap.answer().usage.source is UsageSource.REPORTED
    assert most < 1 << 20


@pytest.mark.parametrize(
    "text",
    ['{"a":"\\"\\\\","b":[1,{"c":"x\\u00e9"}]}', '""', '"\\\\"', "[]", '{"a":{"b":"' + "y" * 900 + '"}}'],
)
@pytest.mark.parametrize("size", [1, 2, 3, 5, 4096])
def test_short_strings_are_kept_however_they_are_cut(text: str, size: int) -> None:
    skimmer, data = Skimmer(), text.encode()
    for at in range(0, len(data), size):
        skimmer.feed(data[at : at + size])
    assert skimmer.document() == orjson.loads(text)


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_a_long_string_is_left_empty(size: int) -> None:
    skimmer, data = Skimmer(), orjson.dumps({"a": 'x\\"' * 1000, "b": "short"})
    for at in range(0, len(data), size):
        skimmer.feed(data[at : at + size])
    assert skimmer.document() == {"a": "", "b": "short"}


def test_a_broken_stream_of_an_image_says_so() -> None:
    body = form_of([("prompt", "x"), ("stream", "true"), ("image", {"file": "a.png", "type": "image/png"})])
    dialect = by_name("openai_images")
    call = dialect.read(Target("POST", "/v1/images/edits"), {"content-type": FORM}, body).call
    tap = dialect.tap(call, 200, "text/event-stream")
    assert tap.fail(GONE, "req").startswith(b"event: error\ndata: ")

"""Images, recordings and Vertex AI by the official SDKs: each row equals what the provider billed."""

from __future__ import annotations

import io
import ssl
import wave
from base64 import b64decode
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx2
import openai
import pytest
from google import genai
from google.genai import types as gemini_types
from google.oauth2.credentials import Credentials

from sluiceway.types import to_nusd
from tests.e2e.running import Running
from tests.e2e.since import Row, Since
from tests.sdks import gemini_http

pytestmark = pytest.mark.e2e

RED = b"\x89PNG\r\n\x1a\n" + b"red" * 100


def sound(seconds: int) -> io.BytesIO:
    """A WAVE file, as a client uploads it."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(24_000)
        out.writeframes(b"\0\0" * 24_000 * seconds)
    file.seek(0)
    file.name = "meeting.wav"
    return file


@pytest.fixture(scope="module")
def alice(quick: Running) -> str:
    return quick.add("alice")


@pytest.fixture
def since(quick: Running) -> Since:
    return Since(quick)


@pytest.fixture
def sdk(quick: Running, alice: str) -> Iterator[openai.OpenAI]:
    context = ssl.create_default_context(cafile=quick.anchor)
    with httpx2.Client(proxy=alice, verify=context) as client:
        yield openai.OpenAI(api_key="sk-test", http_client=client, max_retries=0)


@pytest.fixture
def vertex(quick: Running, alice: str) -> Iterator[genai.Client]:
    context = ssl.create_default_context(cafile=quick.anchor)
    with gemini_http().Client(proxy=alice, verify=context) as client:
        yield genai.Client(
            vertexai=True,
            project="team-core",
            location="us-central1",
            credentials=Credentials(token="ya29.test-token"),  # of nobody's
            http_options=gemini_types.HttpOptions(httpx_client=client),
        )


def ended(since: Since, source: str = "reported") -> tuple[Row, dict[str, Any]]:
    """The one new row and what the provider billed for it."""
    row = since.row()
    assert (row["outcome"], row["usage_source"]) == ("ok", source)
    (served,) = since.served
    assert served.usage is not None
    return row, dict(served.usage)


def test_an_image_is_billed_by_its_tokens(sdk: openai.OpenAI, since: Since) -> None:
    answer = sdk.images.generate(model="gpt-image-2", prompt="a sluice in the rain", quality="low")
    assert answer.usage and answer.data and b64decode(answer.data[0].b64_json or "").startswith(b"\x89PNG")
    row, billed = ended(since)
    assert (row["input_tokens"], row["output_tokens"]) == (billed["input_tokens"], 272)
    # 5 USD a million tokens in, 30 out.
    assert row["cost_nusd"] == to_nusd(Decimal(billed["input_tokens"] * 5 + 272 * 30).scaleb(-6))
    assert (row["operation"], row["image_tokens"]) == ("images", 272)


def test_an_edited_image_is_uploaded_as_it_is_and_its_own_tokens_cost_more(
    sdk: openai.OpenAI, since: Since
) -> None:
    answer = sdk.images.edit(model="gpt-image-2", image=("red.png", RED, "image/png"), prompt="make it blue")
    assert answer.usage
    assert answer.usage.input_tokens_details.image_tokens == 323
    row, billed = ended(since)
    # The image's 323 tokens cost 8 USD a million, the text 5, the drawing 30.
    exact = (billed["input_tokens"] - 323) * 5 + 323 * 8 + billed["output_tokens"] * 30
    assert row["cost_nusd"] == to_nusd(Decimal(exact).scaleb(-6))


def test_a_stream_of_partial_images_tells_its_usage_at_its_end(sdk: openai.OpenAI, since: Since) -> None:
    stream = sdk.images.generate(
        model="gpt-image-2", prompt="a gate", stream=True, partial_images=2, quality="medium"
    )
    assert [event.type for event in stream][-1] == "image_generation.completed"
    row, _ = ended(since)
    assert (row["stream"], row["output_tokens"]) == (True, 1056)


def test_images_by_the_piece_count_as_pieces(sdk: openai.OpenAI, since: Since) -> None:
    sdk.images.generate(model="dall-e-3", prompt="a gate", quality="hd", size="1024x1792")
    row, billed = ended(since)
    assert row["tool_units"] in ({"image_hd_1024x1792": 1}, '{"image_hd_1024x1792":1}')
    assert billed == {"images": 1}


def test_speech_is_billed_by_the_characters_of_its_text(sdk: openai.OpenAI, since: Since) -> None:
    text = "Der Schieber öffnet sich."
    answer = sdk.audio.speech.create(model="tts-1", voice="alloy", input=text)
    assert len(answer.content) == 48_000 * 3
    row, billed = ended(since)
    assert "characters" in str(row["tool_units"])
    assert str(billed["characters"]) in str(row["tool_units"])


def test_speech_as_events_tells_its_tokens(sdk: openai.OpenAI, since: Since) -> None:
    with sdk.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="alloy", input="Open the gate, please.", stream_format="sse"
    ) as answer:
        assert b"speech.audio.done" in answer.read()
    row, billed = ended(since)
    assert (row["input_tokens"], row["audio_output_tokens"]) == (
        billed["input_tokens"],
        billed["output_tokens"],
    )
    assert row["cost_nusd"] == row["input_tokens"] * 600 + row["output_tokens"] * 12_000


def test_a_recording_without_usage_is_counted_by_its_length(sdk: openai.OpenAI, since: Since) -> None:
    sdk.audio.speech.create(model="gpt-4o-mini-tts", voice="alloy", input="x" * 48, response_format="pcm")
    row, _ = ended(since, source="estimated")
    assert row["output_tokens"] == 4 * 21  # four seconds
    assert row["cost_nusd"] > 0


def test_a_transcript_is_billed_by_its_tokens(sdk: openai.OpenAI, since: Since) -> None:
    answer = sdk.audio.transcriptions.create(model="gpt-4o-transcribe", file=sound(3), prompt="minutes")
    assert answer.text
    row, billed = ended(since)
    assert row["audio_input_tokens"] == billed["input_token_details"]["audio_tokens"]
    text = billed["input_tokens"] - row["audio_input_tokens"]
    # 2.5 USD a million tokens of text, 6 of audio, 10 of output.
    assert (
        row["cost_nusd"] == text * 2_500 + row["audio_input_tokens"] * 6_000 + row["output_tokens"] * 10_000
    )


def test_a_streamed_transcript_reaches_the_client_piece_by_piece(sdk: openai.OpenAI, since: Since) -> None:
    stream = sdk.audio.transcriptions.create(model="gpt-4o-transcribe", file=sound(1), stream=True)
    assert [event.type for event in stream][-1] == "transcript.text.done"
    row, billed = ended(since)
    assert (row["stream"], row["output_tokens"]) == (True, billed["output_tokens"])


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_transcript_by_the_second_counts_seconds(sdk: openai.OpenAI, since: Since, form: Any) -> None:
    sdk.audio.transcriptions.create(model="whisper-1", file=sound(7), response_format=form)
    row, billed = ended(since, source="reported" if form == "json" else "estimated")
    assert "audio_seconds" in str(row["tool_units"])
    assert str(billed["seconds"]) in str(row["tool_units"])


def test_moderation_and_counting_are_free(sdk: openai.OpenAI, since: Since) -> None:
    assert not sdk.moderations.create(input="Is this all right?").results[0].flagged
    assert sdk.responses.input_tokens.count(model="gpt-5-mini", input="How long is this?").input_tokens > 0
    rows = since.rows(2)
    assert [(row["operation"], row["cost_nusd"], row["metered"]) for row in rows] == [
        ("moderation", 0, True),
        ("count_tokens", 0, True),
    ]


def test_a_request_that_is_refused_is_not_uploaded(quick: Running, sdk: openai.OpenAI, since: Since) -> None:
    with pytest.raises(openai.BadRequestError, match="file: only one upload is expected"):
        sdk.post(
            "/audio/transcriptions",
            cast_to=object,
            body={"model": "whisper-1"},
            files=[("file", ("a.wav", b"x")), ("file", ("b.wav", b"x"))],
            options={"headers": {"Content-Type": "multipart/form-data"}},
        )
    assert since.served == []


def test_gemini_on_vertex(vertex: genai.Client, since: Since) -> None:
    answer = vertex.models.generate_content(model="gemini-2.5-flash", contents="Say hi")
    assert answer.text
    row = since.matching()
    assert (row["provider"], row["host"]) == ("vertex", "us-central1-aiplatform.googleapis.com")
    # A token of an hour, billed to a project, not a seat; whose project it is, nothing tells.
    assert (row["key_class"], row["cost_basis"]) == ("unknown", "list")


def test_a_stream_of_gemini_on_vertex(vertex: genai.Client, since: Since) -> None:
    stream = vertex.models.generate_content_stream(model="gemini-2.5-flash", contents="Say hi")
    assert "".join(chunk.text or "" for chunk in stream)
    assert since.matching()["stream"]


def test_embeddings_on_vertex_tell_their_tokens(vertex: genai.Client, since: Since) -> None:
    answer = vertex.models.embed_content(model="text-embedding-005", contents=["one text", "and another"])
    assert answer.embeddings and len(answer.embeddings) == 2
    row, billed = ended(since)
    assert (row["operation"], row["input_tokens"]) == ("embeddings", billed["promptTokenCount"])


@pytest.mark.filterwarnings("ignore:The generate_images method is deprecated")
def test_imagen_on_vertex_counts_images(vertex: genai.Client, since: Since) -> None:
    config = gemini_types.GenerateImagesConfig(number_of_images=2)
    drawn = vertex.models.generate_images(model="imagen-4.0-generate-001", prompt="a gate", config=config)
    assert drawn.generated_images and len(drawn.generated_images) == 2
    row, _ = ended(since)
    assert "images" in str(row["tool_units"])
    assert row["operation"] == "images"


def test_counting_on_vertex_is_free(vertex: genai.Client, since: Since) -> None:
    assert vertex.models.count_tokens(model="gemini-2.5-flash", contents="How long?").total_tokens
    row = since.row()
    assert (row["operation"], row["cost_nusd"]) == ("count_tokens", 0)


@pytest.mark.filterwarnings("ignore:The generate_videos method with prompt:DeprecationWarning")
def test_videos_are_refused_by_default(vertex: genai.Client, since: Since) -> None:
    with pytest.raises(genai.errors.ClientError, match="Sluiceway"):
        vertex.models.generate_videos(model="veo-3.0-generate-001", prompt="a gate")
    assert since.row()["refusal_code"] == "path_not_listed"

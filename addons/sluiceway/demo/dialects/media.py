"""OpenAI's images, speech, transcripts and moderation: small pictures and recordings, counted like the rest.

An image takes 272, 1,056 or 4,160 tokens by its quality, a second of sound 10; speech has 12 characters a
second, 48,000 bytes of sound each.
"""

from __future__ import annotations

from base64 import b64encode
from itertools import batched

import orjson

from sluiceway.demo import answers, models
from sluiceway.demo.counting import tokens
from sluiceway.demo.exchange import Asked, Json, Rejected, Reply, new_id, sse
from sluiceway.demo.forms import fields_of
from sluiceway.demo.headers import answer_headers
from sluiceway.demo.memory import Memory

_IMAGE_TOKENS = {"low": 272, "medium": 1056}
_BEST_TOKENS = 4160
_EDITED_TOKENS = 323
_TOKENS_PER_S = 10
_CHARACTERS_PER_S = 12
_BYTES_PER_S = 48_000
_PIECE_BYTES = 24_000
_PIXELS = b64encode(b"\x89PNG\r\n\x1a\n" + b"demo picture" * 400).decode()
_TYPES = {
    "wav": "audio/wav",
    "pcm": "audio/pcm",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
}


def images(asked: Asked, memory: Memory) -> Reply:
    """POST /v1/images/generations, /edits and /variations."""
    body = fields_of(asked)
    model = _model(asked, body, "dall-e-2")
    many = int(body.get("n") or 1)
    if model.startswith("dall-e"):
        kind = "url" if body.get("response_format") != "b64_json" else "b64_json"
        data = [{kind: "https://images.example/1.png" if kind == "url" else _PIXELS} for _ in range(many)]
        return _reply(asked, model, {"images": many}, {"created": asked.now, "data": data})
    usage = _image_usage(body, many)
    if body.get("stream") in (True, "true"):
        return _reply(asked, model, usage, events=_image_events(asked, body, usage))
    data = [{"b64_json": _PIXELS} for _ in range(many)]
    shape = {"background": "opaque", "output_format": "png", "quality": "high", "size": "1024x1024"}
    return _reply(asked, model, usage, {"created": asked.now, "data": data, **shape, "usage": usage})


def speech(asked: Asked, memory: Memory) -> Reply:
    """POST /v1/audio/speech."""
    body = fields_of(asked)
    model, text = _model(asked, body, None), str(body.get("input") or "")
    if not text:
        raise Rejected(400, "Missing required parameter: 'input'.", param="input")
    seconds = -(-len(text) // _CHARACTERS_PER_S)
    sound = b"\0" * (_BYTES_PER_S * seconds)
    usage: Json = {"characters": len(text)}
    if model.startswith("gpt-"):
        given, spoken = tokens(len(text.encode())), _TOKENS_PER_S * seconds
        usage = {"input_tokens": given, "output_tokens": spoken, "total_tokens": given + spoken}
    if body.get("stream_format") == "sse":
        pieces = [b64encode(bytes(piece)).decode() for piece in batched(sound, _PIECE_BYTES)]
        events = [sse(None, {"type": "speech.audio.delta", "audio": piece}) for piece in pieces]
        events.append(sse(None, {"type": "speech.audio.done", "usage": usage}))
        return _reply(asked, model, usage, events=events)
    reply = _reply(asked, model, usage)
    kind = _TYPES.get(str(body.get("response_format")), "audio/mpeg")
    return Reply(
        200, reply.request_id, reply.headers, kind, sound, usage=usage, usage_sent=False, model=model
    )


def transcripts(asked: Asked, memory: Memory) -> Reply:
    """POST /v1/audio/transcriptions and /translations."""
    body = fields_of(asked)
    model, sound = _model(asked, body, None), body.get("file")
    if not isinstance(sound, bytes) or not sound:
        raise Rejected(400, "Missing required parameter: 'file'.", param="file")
    seconds = -(-len(sound) // _BYTES_PER_S)
    text = answers.write(asked.raw[-512:], wanted=asked.wanted or 8, limit=None, thinks=False).text
    usage: Json = {"type": "duration", "seconds": seconds}
    if model.startswith("gpt-4o"):
        heard, given, written = (
            _TOKENS_PER_S * seconds,
            tokens(len(str(body.get("prompt") or ""))),
            tokens(len(text)),
        )
        usage = {
            "type": "tokens",
            "input_tokens": heard + given,
            "input_token_details": {"audio_tokens": heard, "text_tokens": given},
            "output_tokens": written,
            "total_tokens": heard + given + written,
        }
        if body.get("stream") in (True, "true"):
            pieces = answers.pieces(text, asked.events)
            events = [sse(None, {"type": "transcript.text.delta", "delta": piece}) for piece in pieces]
            events.append(sse(None, {"type": "transcript.text.done", "text": text, "usage": usage}))
            return _reply(asked, model, usage, events=events)
    if body.get("response_format") in ("text", "srt", "vtt"):
        reply = _reply(asked, model, usage)
        return Reply(
            200, reply.request_id, reply.headers, "text/plain", text.encode(), usage=usage, usage_sent=False
        )
    return _reply(asked, model, usage, {"text": text, "usage": usage})


def moderation(asked: Asked, memory: Memory) -> Reply:
    """POST /v1/moderations, which is free."""
    body = fields_of(asked)
    given = body.get("input")
    if not given:
        raise Rejected(400, "Missing required parameter: 'input'.", param="input")
    texts = given if isinstance(given, list) and isinstance(given[0], str) else [given]
    clean = {"flagged": False, "categories": {"violence": False}, "category_scores": {"violence": 0.001}}
    types = {"category_applied_input_types": {"violence": ["text"]}}
    model = str(body.get("model") or "omni-moderation-latest")
    return _reply(
        asked, model, None, {"id": new_id("modr-"), "model": model, "results": [clean | types for _ in texts]}
    )


def input_tokens(asked: Asked, memory: Memory) -> Reply:
    """POST /v1/responses/input_tokens, which is free."""
    given = orjson.dumps(fields_of(asked).get("input"))
    return _reply(asked, None, None, {"object": "response.input_tokens", "input_tokens": tokens(len(given))})


def _model(asked: Asked, body: Json, default: str | None) -> str:
    model = body.get("model") or default
    if not isinstance(model, str) or not models.knows(asked.provider, model):
        raise Rejected(404, f"The model `{model}` does not exist.", code="model_not_found")
    return model


def _image_usage(body: Json, many: int) -> Json:
    text = tokens(len(str(body.get("prompt") or "").encode()))
    edited = _EDITED_TOKENS if "image" in body or "image[]" in body or "images" in body else 0
    drawn = _IMAGE_TOKENS.get(str(body.get("quality")), _BEST_TOKENS) * many
    return {
        "input_tokens": text + edited,
        "input_tokens_details": {"image_tokens": edited, "text_tokens": text},
        "output_tokens": drawn,
        "output_tokens_details": {"image_tokens": drawn, "text_tokens": 0},
        "total_tokens": text + edited + drawn,
    }


def _image_events(asked: Asked, body: Json, usage: Json) -> list[bytes]:
    kind = "image_edit" if asked.path.endswith("/edits") else "image_generation"
    shape = {"b64_json": _PIXELS, "created_at": asked.now, "size": "1024x1024", "quality": "high"}
    shape |= {"background": "opaque", "output_format": "png"}
    partial = [
        sse(f"{kind}.partial_image", {"type": f"{kind}.partial_image", "partial_image_index": n, **shape})
        for n in range(int(body.get("partial_images") or 0))
    ]
    return [*partial, sse(f"{kind}.completed", {"type": f"{kind}.completed", **shape, "usage": usage})]


def _reply(
    asked: Asked,
    model: str | None,
    usage: Json | None,
    answer: Json | None = None,
    events: list[bytes] | None = None,
) -> Reply:
    request_id = new_id("req_")
    headers = answer_headers(asked.provider, request_id, asked.now)
    if events is not None:
        return Reply(200, request_id, headers, "text/event-stream", events=events, usage=usage, model=model)
    return Reply(200, request_id, headers, body=orjson.dumps(answer), usage=usage, model=model)

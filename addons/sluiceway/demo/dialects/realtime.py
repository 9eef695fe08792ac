"""OpenAI's Realtime API as its reference describes it: a conversation, an audio buffer, answers said aloud.

Voice activity is simulated: a person has stopped speaking when the client appends nothing but zero bytes.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

import orjson

from sluiceway.demo import answers
from sluiceway.demo.counting import block_bytes, message_blocks, prompt_tokens, tokens
from sluiceway.demo.exchange import Asked, Json, Reply, new_id
from sluiceway.demo.speaker import Said
from sluiceway.demo.tools import Tool, call_for

# A token is 100 ms of what is heard and 50 ms of what is said; PCM has 48,000 bytes a second.
_HEARD_BYTES, _SAID_BYTES = 4_800, 2_400


class RealtimeSpeaker:
    """One session. What was said before is cached: it costs less when it is read again."""

    binary = False

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        model = asked.query.get("model", "gpt-realtime")
        detection: Json = {"type": "server_vad", "create_response": True}
        self._session: Json = {
            "id": new_id("sess_"),
            "object": "realtime.session",
            "type": "realtime",
            "model": model,
            "instructions": "",
            "output_modalities": ["audio"],
            "tools": [],
            "audio": {"input": {"turn_detection": detection, "transcription": None}, "output": {}},
        }
        self._text_tokens = self._audio_tokens = self._cached_text = self._cached_audio = 0
        self._buffer = 0
        self._last = ""
        self._active: set[str] = set()
        self._cancelled: set[str] = set()

    def greeting(self) -> list[bytes]:
        return [_event("session.created", session=self._session)]

    def heard(self, frame: bytes) -> list[Said]:
        try:
            event = orjson.loads(frame)
        except orjson.JSONDecodeError:
            return [_error(None, "invalid_json", "The message is not valid JSON.")]
        kind = event.get("type") if isinstance(event, dict) else None
        react = _REACTIONS.get(str(kind))
        if react is None:
            return [_error(event, "invalid_value", f"Invalid value: '{kind}'.")]
        found: list[Said] = react(self, event)
        return found

    def _update(self, event: Json) -> list[Said]:
        given = event.get("session", {})
        audio = {
            name: self._session["audio"][name] | (given.get("audio") or {}).get(name, {})
            for name in ("input", "output")
        }
        self._session |= given | {"audio": audio, "id": self._session["id"]}
        return [Said((_event("session.updated", session=self._session),))]

    def _item(self, event: Json) -> list[Said]:
        item = {"id": new_id("item_"), **event["item"]}
        blocks = message_blocks(item.get("role", "tool"), item.get("content") or item.get("output"))
        self._text_tokens += prompt_tokens(blocks)
        self._last = b" ".join(map(block_bytes, item.get("content") or [])).decode(errors="replace")
        return [Said((_event("conversation.item.added", item=item, previous_item_id=None),))]

    def _append(self, event: Json) -> list[Said]:
        audio = b64decode(event["audio"])
        if any(audio):
            self._buffer += len(audio)
            return []
        if not self._session["audio"]["input"].get("turn_detection") or not self._buffer:
            return []
        stopped = Said((_event("input_audio_buffer.speech_stopped", audio_end_ms=0, item_id="item_0"),))
        return [stopped, *self._commit(event), *self._create({})]

    def _commit(self, event: Json) -> list[Said]:
        heard = max(1, self._buffer // _HEARD_BYTES)
        self._buffer = 0
        self._audio_tokens += heard
        self._last = ""
        item = new_id("item_")
        said = [Said((_event("input_audio_buffer.committed", item_id=item, previous_item_id=None),))]
        transcription = self._session["audio"]["input"].get("transcription")
        if transcription:
            said.append(_transcribed(item, transcription["model"], heard, self._asked))
        return said

    def _clear(self, event: Json) -> list[Said]:
        self._buffer = 0
        return [Said((_event("input_audio_buffer.cleared"),))]

    def _nothing(self, event: Json) -> list[Said]:
        return []

    def _cancel(self, event: Json) -> list[Said]:
        named = event.get("response_id")
        active = {named} & self._active if named else set(self._active)
        if not active:
            return [
                _error(event, "response_cancel_not_active", "Cancellation failed: no active response found")
            ]
        self._cancelled |= active
        return []

    def _create(self, event: Json) -> list[Said]:
        if self._active:
            message = "Conversation already has an active response in progress."
            return [_error(event, "conversation_already_has_active_response", message)]
        asked = event.get("response") or {}
        modalities = asked.get("output_modalities") or self._session["output_modalities"]
        tools = [Tool(tool["name"], tool.get("parameters") or {}) for tool in self._session["tools"]]
        limit = asked.get("max_output_tokens")
        written = answers.write(
            self._last.encode(),
            wanted=self._asked.wanted,
            limit=limit if isinstance(limit, int) else None,
            thinks=False,
            call=call_for(tools, self._last, forced=False),
        )
        return [self._said(written, "audio" in modalities and written.call is None)]

    def _said(self, written: answers.Written, aloud: bool) -> Said:
        name = new_id("resp_")
        self._active.add(name)
        usage = self._usage(written, aloud)
        response: Json = {"id": name, "object": "realtime.response", "status": "in_progress", "output": []}
        frames = [_event("response.created", response=response)]
        item: Json = {"id": new_id("item_"), "type": "message", "role": "assistant", "status": "completed"}
        if written.call:
            item = {
                "id": item["id"],
                "type": "function_call",
                "name": written.call.name,
                "call_id": new_id("call_"),
            }
            item["arguments"] = written.call.arguments
        place = {"response_id": name, "item_id": item["id"], "output_index": 0}
        frames.append(_event("response.output_item.added", **_without(place, "item_id"), item=item))
        frames += _deltas(written, aloud, place, self._asked.events)
        frames.append(_event("response.output_item.done", **_without(place, "item_id"), item=item))
        done = response | {"status": "completed", "output": [item], "usage": usage, "status_details": None}
        frames.append(_event("response.done", response=done))
        reply = Reply(200, name, (), usage=usage, model=self._session["model"], events=frames)
        return Said(tuple(frames), reply, name)

    def _usage(self, written: answers.Written, aloud: bool) -> Json:
        text, audio = self._text_tokens, self._audio_tokens
        cached_text, cached_audio = self._cached_text, self._cached_audio
        said_aloud = written.output_tokens if aloud else 0
        usage = {
            "input_tokens": text + audio,
            "input_token_details": {
                "text_tokens": text,
                "audio_tokens": audio,
                "cached_tokens": cached_text + cached_audio,
                "cached_tokens_details": {"text_tokens": cached_text, "audio_tokens": cached_audio},
            },
            "output_tokens": written.output_tokens,
            "output_token_details": {
                "text_tokens": written.output_tokens - said_aloud,
                "audio_tokens": said_aloud,
            },
            "total_tokens": text + audio + written.output_tokens,
        }
        self._cached_text, self._cached_audio = text, audio
        self._text_tokens += written.output_tokens
        return usage

    def interrupted(self, said: Said, index: int) -> bytes | None:
        if said.name not in self._cancelled or not index:
            return None
        self.over(said)
        response = {"id": said.name, "object": "realtime.response", "status": "cancelled", "output": []}
        details = {"type": "cancelled", "reason": "client_cancelled"}
        return _event(
            "response.done", response=response | {"status_details": details, "usage": self.spent(said, index)}
        )

    def over(self, said: Said) -> None:
        self._active.discard(said.name)

    def spent(self, said: Said, sent: int) -> Json | None:
        """A cancelled answer is billed for what was said of it."""
        assert said.reply
        usage = said.reply.usage
        if usage is None or said.name not in self._cancelled:
            return usage
        output = usage["output_tokens"] * sent // len(said.frames)
        aloud = output if usage["output_token_details"]["audio_tokens"] else 0
        details = {"text_tokens": output - aloud, "audio_tokens": aloud}
        return usage | {
            "output_tokens": output,
            "output_token_details": details,
            "total_tokens": usage["input_tokens"] + output,
        }


_REACTIONS: dict[str, Any] = {
    "session.update": RealtimeSpeaker._update,
    "conversation.item.create": RealtimeSpeaker._item,
    "conversation.item.delete": RealtimeSpeaker._nothing,
    "conversation.item.truncate": RealtimeSpeaker._nothing,
    "input_audio_buffer.append": RealtimeSpeaker._append,
    "input_audio_buffer.commit": RealtimeSpeaker._commit,
    "input_audio_buffer.clear": RealtimeSpeaker._clear,
    "output_audio_buffer.clear": RealtimeSpeaker._nothing,
    "response.create": RealtimeSpeaker._create,
    "response.cancel": RealtimeSpeaker._cancel,
}


def _deltas(written: answers.Written, aloud: bool, place: Json, count: int | None) -> list[bytes]:
    if written.call:
        text = written.call.arguments
        kind = "response.function_call_arguments"
        return [_event(f"{kind}.delta", **place, delta=text), _event(f"{kind}.done", **place, arguments=text)]
    place = place | {"content_index": 0}
    frames: list[bytes] = []
    for piece in answers.pieces(written.text, count):
        if not aloud:
            frames.append(_event("response.output_text.delta", **place, delta=piece))
            continue
        audio = b64encode(b"\1" * (tokens(len(piece.encode())) * _SAID_BYTES)).decode()
        frames.append(_event("response.output_audio.delta", **place, delta=audio))
        frames.append(_event("response.output_audio_transcript.delta", **place, delta=piece))
    return frames


def _transcribed(item: str, model: str, heard: int, asked: Asked) -> Said:
    details = {"text_tokens": 0, "audio_tokens": heard}
    usage = {"type": "tokens", "input_tokens": heard, "input_token_details": details, "output_tokens": 4}
    usage["total_tokens"] = heard + 4
    kind = "conversation.item.input_audio_transcription.completed"
    frame = _event(kind, item_id=item, content_index=0, transcript="words", usage=usage)
    return Said((frame,), Reply(200, new_id("trans_"), (), usage=usage, model=model, events=[frame]))


def _event(kind: str, **fields: Any) -> bytes:
    return orjson.dumps({"type": kind, "event_id": new_id("event_"), **fields})


def _error(event: object, code: str, message: str) -> Said:
    about = event.get("event_id") if isinstance(event, dict) else None
    error = {
        "type": "invalid_request_error",
        "code": code,
        "message": message,
        "param": None,
        "event_id": about,
    }
    return Said((_event("error", error=error),))


def _without(place: Json, name: str) -> Json:
    return {key: value for key, value in place.items() if key != name}

"""Gemini's Live API as its reference describes it: `setup`, then turns; messages are JSON in binary frames.

Voice activity is simulated: a person has stopped speaking when the client says `audioStreamEnd`.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

import orjson

from sluiceway.demo import answers, models
from sluiceway.demo.counting import message_blocks, prompt_tokens, tokens
from sluiceway.demo.exchange import Asked, Json, Reply, new_id
from sluiceway.demo.speaker import Closed, Said
from sluiceway.demo.tools import Tool, call_for, quoted

# 25 tokens a second: 16 kHz when heard, 24 kHz when said, two bytes each.
_HEARD_BYTES, _SAID_BYTES = 1_280, 1_920


class LiveSpeaker:
    """One session; all that was said before is input of the next turn."""

    binary = True

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._model = ""
        self._aloud = True
        self._tools: list[Tool] = []
        self._text_tokens = self._audio_tokens = 0
        self._last = ""

    def greeting(self) -> list[bytes]:
        return []

    def heard(self, frame: bytes) -> list[Said]:
        try:
            message = orjson.loads(frame)
        except orjson.JSONDecodeError:
            raise Closed(1007, "Request contains an invalid argument.") from None
        if not isinstance(message, dict):
            raise Closed(1007, "Request contains an invalid argument.")
        if not self._model and "setup" not in message:
            raise Closed(1007, "setup must be the first message and only the first.")
        for name, react in (
            ("setup", self._setup),
            ("clientContent", self._content),
            ("client_content", self._content),
            ("realtimeInput", self._input),
            ("realtime_input", self._input),
            ("toolResponse", self._results),
            ("tool_response", self._results),
        ):
            if name in message:
                return react(message[name])
        raise Closed(1007, "Invalid JSON payload received. Unknown name.")

    def _setup(self, setup: Json) -> list[Said]:
        self._model = setup["model"].rpartition("models/")[2]
        if not models.knows("gemini", self._model):
            raise Closed(1008, f"models/{self._model} is not found for API version v1beta.")
        config = setup.get("generationConfig") or {}
        self._aloud = (config.get("responseModalities") or ["AUDIO"]) == ["AUDIO"]
        self._tools = [
            Tool(function["name"], function.get("parameters") or {})
            for tool in setup.get("tools") or ()
            for function in tool.get("functionDeclarations") or ()
        ]
        return [Said((orjson.dumps({"setupComplete": {}}),))]

    def _content(self, content: Json) -> list[Said]:
        for turn in content.get("turns") or ():
            self._text_tokens += prompt_tokens(message_blocks(turn.get("role", "user"), turn["parts"]))
            self._last = " ".join(str(part.get("text", "")) for part in turn["parts"])
        done = content.get("turnComplete", content.get("turn_complete"))
        return [self._answer(None)] if done else []

    def _input(self, given: Json) -> list[Said]:
        if "text" in given:
            self._last = given["text"]
            self._text_tokens += tokens(len(given["text"].encode()))
            return [self._answer(None)]
        for blob in (given.get("audio"), *(given.get("mediaChunks") or ())):
            if blob:
                self._audio_tokens += max(1, len(b64decode(blob["data"])) // _HEARD_BYTES)
        return [self._answer(None)] if given.get("audioStreamEnd") or "activityEnd" in given else []

    def _results(self, given: Json) -> list[Said]:
        results = [each.get("response") for each in given.get("functionResponses") or ()]
        self._text_tokens += tokens(len(orjson.dumps(results)))
        self._last = ""
        return [self._answer(quoted(results))]

    def _answer(self, fixed: str | None) -> Said:
        call = None if fixed else call_for(self._tools, self._last, forced=False)
        written = answers.write(
            self._last.encode(), wanted=self._asked.wanted, limit=None, thinks=False, call=call, fixed=fixed
        )
        aloud = self._aloud and written.call is None
        usage = self._usage(written, aloud)
        self._text_tokens += written.output_tokens
        if written.call:
            called = {
                "id": new_id("call_"),
                "name": written.call.name,
                "args": orjson.loads(written.call.arguments),
            }
            frames = [orjson.dumps({"toolCall": {"functionCalls": [called]}, "usageMetadata": usage})]
        else:
            pieces = answers.pieces(written.text, self._asked.events)
            frames = [
                _content({"modelTurn": {"role": "model", "parts": [_part(piece, aloud)]}}) for piece in pieces
            ]
            frames.append(_content({"generationComplete": True}))
            frames.append(_content({"turnComplete": True}, usageMetadata=usage))
        reply = Reply(200, new_id("live_"), (), usage=usage, model=self._model, events=frames)
        return Said(tuple(frames), reply)

    def _usage(self, written: answers.Written, aloud: bool) -> Json:
        prompt = self._text_tokens + self._audio_tokens
        heard = {"TEXT": self._text_tokens, "AUDIO": self._audio_tokens}
        kind = "AUDIO" if aloud else "TEXT"
        return {
            "promptTokenCount": prompt,
            "responseTokenCount": written.output_tokens,
            "totalTokenCount": prompt + written.output_tokens,
            "promptTokensDetails": [{"modality": m, "tokenCount": n} for m, n in heard.items() if n],
            "responseTokensDetails": [{"modality": kind, "tokenCount": written.output_tokens}],
        }

    def interrupted(self, said: Said, index: int) -> bytes | None:
        return None

    def over(self, said: Said) -> None:
        pass

    def spent(self, said: Said, sent: int) -> Json | None:
        return said.reply.usage if said.reply else None


def _content(content: Json, **more: Any) -> bytes:
    return orjson.dumps({"serverContent": content, **more})


def _part(piece: str, aloud: bool) -> Json:
    if not aloud:
        return {"text": piece}
    audio = b"\1" * (tokens(len(piece.encode())) * _SAID_BYTES)
    return {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": b64encode(audio).decode()}}

"""Faults a test asks a simulated provider for: how to write them, and what they do to an answer.

Written in the header `x-demo-fault` or given to `Providers.fault`: names joined by commas, each with its
values after semicolons, for example `429;retry-after=2`, `cut;after=3` or `gzip, slow;between=0.05`.

    400 ... 599        that status in the provider's own error form; `retry-after` in seconds
    refuse             close the connection before answering          hang          never answer
    slow               `first` and `between` in seconds (default 1 and 0.05)
    cut, reset         after so many events (`after`, default 1) close, or reset, the connection;
                       an answer that is not a stream breaks off in its middle
    hold               wait before the last event of a stream, until `Providers.release`
    stream-error       after so many events (`after`, default 1) the provider's own error event, and no more
    bad-json           an answer, or events, cut short inside their JSON
    no-usage, usage-null   billed, but the answer does not say so
    gzip, br, zstd     encoded so, where the client accepts it
    huge               a text of `mb` megabytes (default 8)
    trickle            so many bytes at a time (`size`, default 1)   wrong-type    text/html
    redirect           307 to the URL in `to`
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import orjson

from sluiceway.demo import rejections
from sluiceway.demo.exchange import Asked, Reply
from sluiceway.wire.bedrock_invoke_stream import chunk_of
from sluiceway.wire.bedrock_usage import INVOCATION_METRICS
from sluiceway.wire.eventstream import Frame, FrameSplitter
from sluiceway.wire.eventstream import frame as frame_of

Change = Callable[[bytes], bytes]

ENCODINGS = ("gzip", "br", "zstd")
_NAMES = {
    *ENCODINGS,
    *("refuse", "hang", "slow", "hold", "cut", "reset", "stream-error", "bad-json", "no-usage", "usage-null"),
    *("huge", "trickle", "wrong-type", "redirect"),
}
_USAGE_FIELDS = ("usage", "usageMetadata", INVOCATION_METRICS)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault and its values, as written."""

    name: str
    values: Mapping[str, str]

    def number(self, name: str, default: float) -> float:
        return float(self.values.get(name, default))


@dataclass(frozen=True, slots=True)
class Delivery:
    """What faults do to the sending of an answer. `cut_after` and `reset_after` count events."""

    refuse: bool = False
    hang: bool = False
    hold: bool = False
    first_s: float | None = None
    between_s: float | None = None
    cut_after: int | None = None
    reset_after: int | None = None
    trickle_bytes: int | None = None
    encoding: str | None = None


SOUND = Delivery()


def parse(text: str) -> tuple[Fault, ...]:
    """Faults as written; ValueError names one that does not exist."""
    return tuple(_one(part.strip()) for part in text.split(",") if part.strip())


def _one(text: str) -> Fault:
    name, *pairs = (piece.strip() for piece in text.split(";"))
    if name not in _NAMES and not (name.isdecimal() and 400 <= int(name) <= 599):
        raise ValueError(f"there is no fault {name!r}")
    return Fault(name, dict(pair.split("=", 1) for pair in pairs))


def prepared(asked: Asked, faults: tuple[Fault, ...]) -> Asked:
    """The request as the model then sees it: `huge` asks for a long answer."""
    huge = next((fault for fault in faults if fault.name == "huge"), None)
    return asked if huge is None else replace(asked, output_tokens=int(huge.number("mb", 8) * 2**18))


def status(asked: Asked, faults: tuple[Fault, ...]) -> Reply | None:
    """The error answer or the redirect that a fault puts in place of any answer."""
    for fault in faults:
        if fault.name.isdecimal():
            wait = fault.values.get("retry-after", "1" if fault.name == "429" else None)
            rejected = rejections.plain(int(fault.name))
            return rejections.reply(asked.provider, rejected, asked.now, retry_after_s=wait)
        if fault.name == "redirect":
            target = fault.values.get("to", "https://elsewhere.example" + asked.path)
            return Reply(307, "", (("location", target),), content_type="text/html", body=b"<p>Moved.</p>")
    return None


def altered(reply: Reply, asked: Asked, faults: tuple[Fault, ...]) -> Reply:
    """The answer after the faults that change what it says."""
    for fault in faults:
        if fault.name in ("no-usage", "usage-null"):
            reply = replace(_each(reply, _without_usage(fault.name == "usage-null")), usage_sent=False)
        elif fault.name == "bad-json":
            reply = _each(reply, lambda data: data[: len(data) * 2 // 3])
        elif fault.name == "wrong-type":
            reply = replace(reply, content_type="text/html; charset=utf-8")
        elif fault.name == "stream-error" and reply.events is not None:
            kept = list(reply.events[: int(fault.number("after", 1))])
            broken = rejections.stream_event(asked.provider, asked.path)
            reply = replace(reply, events=[*kept, broken], usage_sent=False, whole=False)
    return reply


def delivery(faults: tuple[Fault, ...], accept_encoding: str) -> Delivery:
    """How to send the answer. An encoding the client does not accept is not used."""
    if not faults:
        return SOUND
    by_name = {fault.name: fault for fault in faults}
    slow, cut, reset = by_name.get("slow"), by_name.get("cut"), by_name.get("reset")
    encoding = next((name for name in ENCODINGS if name in by_name and name in accept_encoding), None)
    return Delivery(
        refuse="refuse" in by_name,
        hang="hang" in by_name,
        hold="hold" in by_name,
        first_s=slow.number("first", 1.0) if slow else None,
        between_s=slow.number("between", 0.05) if slow else None,
        cut_after=int(cut.number("after", 1)) if cut else None,
        reset_after=int(reset.number("after", 1)) if reset else None,
        trickle_bytes=int(by_name["trickle"].number("size", 1)) if "trickle" in by_name else None,
        encoding=encoding,
    )


def _each(reply: Reply, change: Change) -> Reply:
    """The reply with the JSON of its body, or of each of its events, changed."""
    if reply.events is None:
        return replace(reply, body=change(reply.body))
    return replace(reply, events=[_event(event, change) for event in reply.events])


def _event(event: bytes, change: Change) -> bytes:
    if found := FrameSplitter().feed(event):
        return _frame(found[0], change)
    start, end = event.find(b"{"), event.rfind(b"}") + 1  # also in Gemini's JSON array, which has no `data:`
    return event if start < 0 else event[:start] + change(event[start:end]) + event[end:]


def _frame(frame: Frame, change: Change) -> bytes:
    """AWS's frame with its JSON changed: a chunk's is inside it in base64."""
    if frame.name == "chunk":
        return chunk_of(change(b64decode(orjson.loads(frame.payload)["bytes"])))
    names = {f":{name}": value for name, value in frame.headers.items()}
    return frame_of(names, change(frame.payload))


def _without_usage(as_null: bool) -> Change:
    def change(text: bytes) -> bytes:
        data = orjson.loads(text)
        for place in (data, data.get("message"), data.get("response")):
            for name in _USAGE_FIELDS:
                if isinstance(place, dict) and name in place:
                    if as_null:
                        place[name] = None
                    else:
                        del place[name]
        return orjson.dumps(data)

    return change

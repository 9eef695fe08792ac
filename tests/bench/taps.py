"""What reading a stream costs: CPU for each event and memory for each open stream, by dialect.

`python -m tests.bench.taps` from the repository's root, without a proxy or a network: each event is one
chunk, as providers send them. Asked: under 15 us CPU an event, under 1 MB a stream.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sluiceway.types import Call
from sluiceway.wire import Tap, by_name

MOST_US = 15.0
MOST_KB = 1024.0
ROUNDS = 7
EVENTS = 4000
OPEN = 20
OPEN_EVENTS = 1000
CASES = Path(__file__).parents[1] / "wire" / "cases"
# A stream of tests/wire/cases, and what stands in the event of which its middle is made.
STREAMS = (
    ("anthropic_messages", "text_stream", b"text_delta"),
    ("anthropic_messages", "tools_stream", b"input_json_delta"),
    ("openai_chat", "text_stream", b'"content"'),
    ("openai_chat", "tools_stream", b'"arguments"'),
    ("openai_responses", "text_stream", b"output_text.delta"),
    ("gemini", "text_stream", b'"text"'),
    ("openai_images", "stream_with_partial_images", b"partial_image"),
    ("openai_speech", "events_with_tokens", b"speech.audio.delta"),
    ("openai_transcription", "stream", b"transcript.text.delta"),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line: CPU of an event in microseconds (median of the rounds), memory of an open stream."""

    name: str
    event_bytes: int
    event_us: float
    stream_kb: float

    @property
    def met(self) -> bool:
        return self.event_us <= MOST_US and self.stream_kb <= MOST_KB


def measure(dialect: str, case: str, marker: bytes) -> Figure:
    begin, middle, end = _parts(dialect, case, marker)
    took = [_event_us(dialect, begin, middle, end) for _ in range(ROUNDS)]
    name = f"{dialect} {case.removesuffix('_stream')}"
    return Figure(name, len(middle), statistics.median(took), _stream_kb(dialect, begin, middle))


def _parts(dialect: str, case: str, marker: bytes) -> tuple[list[bytes], bytes, list[bytes]]:
    """The events before the first that holds the marker, that one, and all behind it."""
    whole = (CASES / dialect / case / "response.sse").read_bytes()
    blank = b"\r\n\r\n" if b"\r\n\r\n" in whole else b"\n\n"
    events = [event + blank for event in whole.split(blank) if event]
    at = next(place for place, event in enumerate(events) if marker in event)
    return events[:at], events[at], events[at + 1 :]


def _tap(dialect: str) -> Tap:
    call = Call(dialect=dialect, operation="chat", model="m", stream=True)
    return by_name(dialect).tap(call, 200, "text/event-stream")


def _event_us(dialect: str, begin: Sequence[bytes], middle: bytes, end: Sequence[bytes]) -> float:
    tap = _tap(dialect)
    events = [*begin, *[middle] * EVENTS, *end]
    gc.collect()
    started = time.process_time()
    for event in events:
        tap.feed(event)
    tap.finish()
    tap.answer()
    return (time.process_time() - started) * 1e6 / len(events)


def _stream_kb(dialect: str, begin: Sequence[bytes], middle: bytes) -> float:
    """Of a tap in mid-stream, half an event in hand; what the interpreter itself holds is not counted."""
    events = [*begin, *[middle] * OPEN_EVENTS, middle[: len(middle) // 2]]
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    taps = [_tap(dialect) for _ in range(OPEN)]
    for tap in taps:
        for event in events:
            tap.feed(bytes(memoryview(event)))  # a chunk of its own, as from a socket
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / len(taps) / 1024


def table(figures: Sequence[Figure]) -> str:
    lines = [f"{'reading a stream':<48}{'bytes':>8}{'us/event':>10}{'KB/stream':>11}  aim"]
    for figure in figures:
        verdict = "met" if figure.met else "MISSED"
        lines.append(
            f"{figure.name:<48}{figure.event_bytes:>8}{figure.event_us:>10.2f}{figure.stream_kb:>11.1f}"
            f"  <= {MOST_US:g} us, {MOST_KB:g} KB  {verdict}"
        )
    return "\n".join(lines)


def main() -> int:
    print(table([measure(*stream) for stream in STREAMS]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

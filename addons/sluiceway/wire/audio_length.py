"""How long a recording is, by its first bytes: exact where its format says so, else guessed on the high side.

RIFF WAVE (byte rate), FLAC (STREAMINFO) and MP3 (the first frame's bit rate) are read; for all others the
16 kbit/s of speech in Opus are assumed, less than any of them usually has.
"""

from __future__ import annotations

LEAST_BYTES_PER_S = 2000
_HEAD_BYTES = 16 * 1024
# kbit/s by the index in a frame's head, MPEG-1 and MPEG-2/2.5, layer III (ISO/IEC 11172-3 and 13818-3).
_MPEG1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


def seconds(body: bytes, start: int, end: int) -> int:
    """Whole seconds, rounded up, of the recording in `body` from `start` up to `end`."""
    head, size = body[start : min(end, start + _HEAD_BYTES)], end - start
    if head[:4] == b"fLaC" and (exact := _flac(head)):
        return exact
    rate = _wave(head) or _mp3(head) or LEAST_BYTES_PER_S
    return max(1, -(-size // rate))


def _wave(head: bytes) -> int:
    at = head.find(b"fmt ") if head[:4] == b"RIFF" and head[8:12] == b"WAVE" else -1
    return int.from_bytes(head[at + 16 : at + 20], "little") if at >= 0 else 0


def _flac(head: bytes) -> int:
    fields = int.from_bytes(head[18:26], "big")  # 20 bits of rate, 3 of channels, 5 of depth, 36 of samples
    rate, samples = fields >> 44, fields & (2**36 - 1)
    return -(-samples // rate) if rate else 0


def _mp3(head: bytes) -> int:
    at = 0
    if head[:3] == b"ID3":
        tag = head[6:10]
        at = 10 + sum((byte & 0x7F) << (7 * (3 - place)) for place, byte in enumerate(tag))
    frame = head[at : at + 4]
    if len(frame) < 4 or frame[0] != 0xFF or frame[1] & 0xE6 != 0xE2:  # sync, layer III
        return 0
    table = _MPEG1 if frame[1] & 0x18 == 0x18 else _MPEG2
    index = frame[2] >> 4
    return table[index] * 125 if index < len(table) else 0

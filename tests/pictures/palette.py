"""Small PNG files: what a browser draws in a few colours needs one byte a pixel, not three."""

from __future__ import annotations

import struct
import zlib
from collections import Counter

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOURS = 256
TRUE_COLOUR = {2: 3, 6: 4}  # colour type of the PNG specification: bytes a pixel


def compact(png: bytes) -> bytes:
    """The same picture with a palette of at most 256 colours; rare ones become their nearest neighbour."""
    width, height, size, data = _chunks(png)
    pixels = _pixels(zlib.decompress(data), width, height, size)
    counted = Counter(pixels)
    palette = [colour for colour, _ in counted.most_common(COLOURS)]
    places = {colour: place for place, colour in enumerate(palette)}
    for colour in counted:
        if colour not in places:
            places[colour] = min(range(len(palette)), key=lambda n: _distance(palette[n], colour))
    rows = b"".join(
        b"\0" + bytes(places[colour] for colour in pixels[at : at + width])
        for at in range(0, width * height, width)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = (
        (b"IHDR", header),
        (b"PLTE", b"".join(palette)),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    )
    return SIGNATURE + b"".join(_chunk(*part) for part in parts)


def _distance(one: bytes, other: bytes) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _chunks(png: bytes) -> tuple[int, int, int, bytes]:
    """Width, height, bytes a pixel, compressed rows. Only what browsers write: 8 bits, not interlaced."""
    assert png.startswith(SIGNATURE)
    at, rows, header = len(SIGNATURE), b"", b""
    while at < len(png):
        length, name = struct.unpack_from(">I4s", png, at)
        data = png[at + 8 : at + 8 + length]
        header = data if name == b"IHDR" else header
        rows += data if name == b"IDAT" else b""
        at += length + 12
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    assert (depth, interlaced) == (8, 0)
    return width, height, TRUE_COLOUR[kind], rows


def _pixels(raw: bytes, width: int, height: int, size: int) -> list[bytes]:
    """Undoes the filter of each row (PNG specification, 9.2); RGB of each pixel."""
    step = width * size
    above = bytes(step)
    pixels: list[bytes] = []
    for at in range(0, height * (step + 1), step + 1):
        above = _unfiltered(raw[at], raw[at + 1 : at + 1 + step], above, size)
        pixels += [above[n : n + 3] for n in range(0, step, size)]
    return pixels


def _unfiltered(kind: int, line: bytes, above: bytes, size: int) -> bytes:
    if kind == 0:
        return line
    if kind == 2:
        return bytes((a + b) & 255 for a, b in zip(line, above, strict=True))
    row = bytearray(line)
    for n, value in enumerate(line):
        left = row[n - size] if n >= size else 0
        corner = above[n - size] if n >= size else 0
        guess = left if kind == 1 else (left + above[n]) // 2 if kind == 3 else _paeth(left, above[n], corner)
        row[n] = (value + guess) & 255
    return bytes(row)


def _paeth(left: int, above: int, corner: int) -> int:
    guess = left + above - corner
    return min((left, above, corner), key=lambda value: abs(guess - value))

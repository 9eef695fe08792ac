"""Completes a JSON text that broke off, so that an event half sent can be followed by a proper ending."""

from __future__ import annotations

import re

_TOKEN = re.compile(
    rb'[ \t\r\n]*(?:(?P<string>"(?:[^"\\]|\\.)*+")|(?P<open>[{\[])|(?P<close>[}\]])|(?P<comma>,)|(?P<colon>:)'
    rb'|(?P<scalar>[^ \t\r\n,:{}\[\]"]+))',
    re.DOTALL,
)
_ESCAPE_TAIL = re.compile(
    rb'"(?:[^"\\]|\\[^u]|\\u(?![dD][89abAB])[0-9a-fA-F]{4}|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[0-9a-fA-F]{4})*+'
    rb"(?P<high>\\u[dD][89abAB][0-9a-fA-F]{2})?(?P<begun>\\(?:u[0-9a-fA-F]{0,3})?)?\Z",
    re.DOTALL,
)
_LITERALS = (b"true", b"false", b"null")


def close_json(text: bytes) -> bytes:
    """What to append to the beginning of a JSON text to make it a whole one: b"" if it is whole, or if it
    is not JSON at all. A key without its value gets null."""
    stack: list[bytes] = []
    state = "value"  # what may come next: key, colon, value, end (comma or close)
    position = 0
    while match := _TOKEN.match(text, position):
        position = match.end()
        kind = match.lastgroup
        if kind == "scalar" and position == len(text):
            return _scalar(match["scalar"]) + _closing(stack, "end")
        if kind == "open":
            stack.append(b"}" if match["open"] == b"{" else b"]")
            state = "first key" if match["open"] == b"{" else "first value"
        elif kind == "close":
            if not stack or stack.pop() != match["close"]:
                return b""
            state = "end"
        elif kind == "comma":
            state = "key" if stack and stack[-1] == b"}" else "value"
        elif kind == "colon":
            state = "value"
        else:
            state = "colon" if state.endswith("key") else "end"
    rest = text[position:].lstrip(b" \t\r\n")
    if rest.startswith(b'"'):
        return _string(rest) + _closing(stack, "colon" if state.endswith("key") else "end")
    return _closing(stack, state)


def _closing(stack: list[bytes], state: str) -> bytes:
    begun = {"key": b'"":null', "colon": b":null", "value": b"null"}.get(state, b"")
    return begun + b"".join(reversed(stack)) if stack else b""


def _scalar(begun: bytes) -> bytes:
    for literal in _LITERALS:
        if literal.startswith(begun):
            return literal[len(begun) :]
    return b"" if begun[-1:].isdigit() else b"0"


def _string(begun: bytes) -> bytes:
    tail = _ESCAPE_TAIL.match(begun)
    if tail is None:
        return _continuation(begun) + b'"'
    high, escape = tail["high"] or b"", tail["begun"] or b""
    if high:
        return b"\\udc00"[len(escape) :] + b'"'
    if escape == b"\\":
        return b'\\"'
    if escape:
        escape_end = b"0" * (6 - len(escape))
        needs_pair = re.match(rb"\\u[dD][89abAB]", escape + escape_end)
        return escape_end + (b"\\udc00" if needs_pair else b"") + b'"'
    return _continuation(begun) + b'"'


def _continuation(begun: bytes) -> bytes:
    """The bytes that complete a UTF-8 character whose end is missing."""
    for back in range(1, min(4, len(begun)) + 1):
        byte = begun[-back]
        if byte < 0x80:
            return b""
        if byte >= 0xC0:
            missing = (2 if byte < 0xE0 else 3 if byte < 0xF0 else 4) - back
            if missing <= 0:
                return b""
            second = {0xE0: b"\xa0", 0xF0: b"\x90"}.get(byte, b"\x80")
            return (second + b"\x80" * 3)[:missing] if back == 1 else b"\x80" * missing
    return b""

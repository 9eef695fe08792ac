"""Takes the company's key out of an answer, should a provider echo it: in headers, bodies and streams.

What takes its place is as long as it was, so that no length and no framing changes.
"""

from __future__ import annotations

from urllib.parse import quote

from multidict import CIMultiDict

MARK = "[key]"


def masked(form: str) -> str:
    """What stands in a key's place: `[key]` and as many stars as it takes."""
    return MARK.ljust(len(form), "*")[: len(form)]


class Scrubber:
    """Passes bytes on without the key, however they are cut. Holds back only what may be the start of it."""

    def __init__(self, secret: str) -> None:
        # As it is, as JSON may write a slash, and as a URL would: mostly one and the same.
        forms = dict.fromkeys((secret, secret.replace("/", "\\/"), quote(secret, safe="")))
        self._texts = tuple(forms)
        self._forms = tuple((form.encode(), masked(form).encode()) for form in forms)
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What may go on of these bytes and those held back before."""
        data = self._held + data if self._held else data
        for form, mark in self._forms:
            if form in data:
                data = data.replace(form, mark)
        kept = self._beginning(data)
        self._held = data[len(data) - kept :]
        return data[: len(data) - kept]

    def rest(self) -> bytes:
        """What was held back: the answer has ended, and it was not the key."""
        held, self._held = self._held, b""
        return held

    def header(self, value: str) -> str:
        """A header's value without the key."""
        for text in self._texts:
            value = value.replace(text, masked(text))
        return value

    def headers(self, fields: CIMultiDict[str]) -> CIMultiDict[str]:
        """The header fields without the key."""
        return CIMultiDict((name, self.header(value)) for name, value in fields.items())

    def _beginning(self, data: bytes) -> int:
        """How many of the last bytes are the beginning of a key."""
        return max(_overlap(data, form) for form, _ in self._forms)


def _overlap(data: bytes, form: bytes) -> int:
    """The length of the longest end of `data` that `form` begins with."""
    first = form[:1]
    at = data.find(first, max(0, len(data) - len(form) + 1))
    while at >= 0 and not form.startswith(data[at:]):
        at = data.find(first, at + 1)
    return len(data) - at if at >= 0 else 0

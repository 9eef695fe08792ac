"""Putting masked values back into an answer as it streams by, in whatever pieces it comes.

Text is held back only while it may be the beginning of a placeholder: never more than the longest one.
Each content block of an answer needs a Restorer of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

NAME = r"[A-Z][A-Z0-9_]*_[0-9]+"
PLAIN = re.compile(rf"<({NAME})>")
# In JSON text a model may write the brackets as escapes; a backslash that is itself escaped begins none.
ESCAPED = re.compile(rf"\\\\|(?:<|\\u003[cC])({NAME})(?:>|\\u003[eE])")
# What may still become one of them.
PLAIN_BEGINNING = re.compile(r"<[A-Z0-9_]*\Z")
ESCAPED_BEGINNING = re.compile(
    r"(?:<|\\u003[cC])[A-Z0-9_]*(?:\\|\\u|\\u0|\\u00|\\u003)?\Z|\\(?:u(?:0(?:0(?:3)?)?)?)?\Z"
)
ESCAPES_LENGTH = 2 * len("\\u003c") - len("<>")


class Restorer:
    """Restores the placeholders of one request's `originals`; any other stays as the model wrote it.

    `json_text`: the text is JSON on its way (tool arguments), so values are put in as JSON escapes them.
    """

    def __init__(self, originals: Mapping[str, str], json_text: bool = False) -> None:
        escape = (lambda value: json.dumps(value)[1:-1]) if json_text else str
        self._values = {placeholder[1:-1]: escape(value) for placeholder, value in originals.items()}
        self._whole = ESCAPED if json_text else PLAIN
        self._beginning = ESCAPED_BEGINNING if json_text else PLAIN_BEGINNING
        longest = max((len(name) + 2 for name in self._values), default=0)
        self._longest = longest + ESCAPES_LENGTH if json_text and longest else longest
        self._held = ""

    @property
    def holding(self) -> int:
        """How many characters are held back now."""
        return len(self._held)

    def feed(self, text: str) -> str:
        """The next piece of the answer, as far as it is certain."""
        if not self._values:
            return text
        text = self._held + text
        hold = self._held_from(text)
        self._held = text[hold:]
        return self._whole.sub(self._original, text[:hold])

    def finish(self) -> str:
        """What was held back when the answer ended."""
        held, self._held = self._held, ""
        return self._whole.sub(self._original, held)

    def _held_from(self, text: str) -> int:
        """Where the last characters begin that may become a placeholder; the text's end where none may."""
        # The last match of "\\" pairs up backslashes, so the tail is looked at after everything complete.
        tail = max(0, len(text) - self._longest + 1)
        whole = max((found.end() for found in self._whole.finditer(text)), default=0)
        found = self._beginning.search(text, max(tail, whole))
        return found.start() if found else len(text)

    def _original(self, found: re.Match[str]) -> str:
        name: str | None = found.group(1)
        return found.group() if name is None else self._values.get(name, found.group())

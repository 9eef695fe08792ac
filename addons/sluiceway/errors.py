"""The error tree: every failure a person or a program is told about.

SluicewayError
├── ConfigError     a file we were given is wrong; the text starts `path:line:column:`
├── WireError       bytes on the wire are not what the provider's protocol says
│   └── TooLarge    a body or an event passes its bound
├── StoreError      the store cannot answer (locked, full, gone, wrong version)
├── MachineError    an employee's machine cannot be set up as asked
└── Refused         a request is turned away on purpose; carries the Refusal

No message ever contains a body, a key, a token or a value found in them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sluiceway.types import Refusal


class SluicewayError(Exception):
    """Anything Sluiceway raises on purpose."""


class ConfigError(SluicewayError):
    """A configuration or rules file is wrong; says where and what to write instead."""


class WireError(SluicewayError):
    """Bytes do not follow the protocol they claim. The text names the field, never its value."""


class TooLarge(WireError):
    """A body, a decoded body or one event passes its bound."""


class StoreError(SluicewayError):
    """The store cannot do what was asked; nothing was half done."""


class StoreAway(StoreError):
    """The store cannot be written now; it will take the same again when it is back."""


class MachineError(SluicewayError):
    """An employee's machine cannot be set up as asked; nothing was changed, and the text says what to do."""


class Refused(SluicewayError):
    """A request is turned away. `refusal` says why, in words for the employee."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal

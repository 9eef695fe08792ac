"""Reads a key from a terminal without showing it: one line, or a key file of many that is pasted."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable

import orjson

from sluiceway.audit.service_account import is_key_file

PROMPT = "The key, or a service account's JSON (not shown): "


def typed(most_characters: int) -> str:
    """What was typed or pasted."""
    try:
        import termios
    except ImportError:  # no terminal of this kind: one line will have to do
        return getpass.getpass(PROMPT)
    print(PROMPT, end="", file=sys.stderr, flush=True)
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    hidden = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    # getpass throws away what is pasted behind the first line, or leaves it to the shell and its history.
    termios.tcsetattr(terminal, termios.TCSADRAIN, hidden)
    try:
        return whole(sys.stdin.readline, most_characters)
    finally:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
        print(file=sys.stderr)


def whole(line_of: Callable[[], str], most_characters: int) -> str:
    """One line, or as many as a JSON object has. Ends with its last brace, whatever is wrong inside."""
    text = line_of()
    while is_key_file(text) and not _has_ended(text) and len(text) < most_characters and (line := line_of()):
        text += line
    return text


def _has_ended(text: str) -> bool:
    if text.rstrip().endswith("\n}"):
        return True
    try:
        orjson.loads(text.strip())
    except orjson.JSONDecodeError:
        return False
    return True

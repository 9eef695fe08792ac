"""E-mail addresses."""

from __future__ import annotations

from sluiceway.guard.patterns import Match, Rule, Span, compiled
from sluiceway.guard.tlds import is_tld

REMOTE_USERS = frozenset((b"git", b"hg", b"svn"))
BEFORE_BYTES = 100
URL_BEFORE = compiled(r"://[^\s/@\"'<>]*$")


def email(data: bytes, match: Match) -> Span | None:
    """An address with a real top-level domain; not `git@host:path`, not the end of `user:password@host`."""
    start, end = match.span()
    local, _, domain = data[start:end].partition(b"@")
    stripped = local.lstrip(b".'-+%")
    start += len(local) - len(stripped)
    labels = domain.split(b".")
    while len(labels) > 1 and not is_tld(labels[-1]):
        labels.pop()  # the next sentence, or a file extension, glued to the address
    if (
        len(labels) < 2
        or not stripped
        or len(stripped) > 64
        or (labels[-2].isdigit() and labels[-1] != b"com")
    ):
        return None
    end = match.span()[0] + len(local) + 1 + len(b".".join(labels))
    if stripped in REMOTE_USERS and data[end : end + 1] in (b":", b"/"):
        return None
    before = data[max(0, start - BEFORE_BYTES) : start]
    return None if b"://" in before and URL_BEFORE.search(before) else (start, end)


EMAIL = Rule(
    "email",
    "EMAIL_ADDRESS",
    "@",
    r"[A-Za-z0-9._%+'\-\xc0-\xff]+@[A-Za-z0-9\xc0-\xff][A-Za-z0-9\xc0-\xff-]*(?:\.[A-Za-z0-9\xc0-\xff][A-Za-z0-9\xc0-\xff-]*)+",
    ("alice@example.com", "Bob.O'Neil+news@mail.example.co.uk."),
    email,
)

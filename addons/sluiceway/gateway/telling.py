"""Completes a refusal for whom it concerns: by which rule, whom to ask, and whether trying again helps.

What happened, and what else only the place knows that refuses, stands in its message already. Said here in
the same words for all, so that none goes without.
"""

from __future__ import annotations

import re
from dataclasses import replace

from sluiceway.types import Refusal, RefusalKind

# Nobody's decision: something does not work.
FAULTS = frozenset({RefusalKind.INTERNAL, RefusalKind.UNREACHABLE, RefusalKind.TIMEOUT})
# What is fixed in Sluiceway, where no rule of the company's is behind a refusal.
_FIXED = {
    RefusalKind.IDENTITY: "nothing is sent on without good credentials",
    RefusalKind.MISDIRECTED: "a request goes to the host of its tunnel alone",
    RefusalKind.UPGRADE: "only what is metered is carried as a WebSocket",
    RefusalKind.REQUEST: "only what can be read and metered is sent on",
    RefusalKind.UNSUPPORTED: "only what can be read and metered is sent on",
    RefusalKind.TOO_LARGE: "only what can be read and metered is sent on",
    RefusalKind.POLICY: "a key goes where it belongs, and the company's only where a rule gives it",
}
_SIGNED = "what is signed goes out as it came"
# These end with what the message says to do, and no sooner.
_SAY_THE_WAY_ON = frozenset({"audit_notice", "loop"})


def told(refusal: Refusal, contact: str) -> Refusal:
    """The refusal with all of it. `contact`: whom to ask where it does not name anybody itself."""
    sentences = [refusal.message]
    fixed = _SIGNED if refusal.code.startswith("signed_") else _FIXED.get(refusal.kind)
    if refusal.rule is not None and not _is_named(refusal.rule, refusal.message):
        sentences.append(f"Rule: {refusal.rule}.")
    elif refusal.rule is None and fixed:
        sentences.append(f"This is a fixed rule: {fixed}.")
    if _is_final(refusal):
        sentences.append("Trying again unchanged does not help.")
    if refusal.contact is None and contact:
        sentences.append(_whom(refusal, contact))
    return replace(refusal, message=" ".join(sentences), contact=refusal.contact or contact)


def _is_named(rule: str, message: str) -> bool:
    """Whether a message has the name as a word of its own: a rule may be called `a`."""
    return re.search(rf"(?<![\w.-]){re.escape(rule)}(?![\w-])", message) is not None


def _whom(refusal: Refusal, contact: str) -> str:
    """Whom to ask. Of a fault nobody knows how long it lasts."""
    if refusal.kind not in FAULTS:
        return f"Ask {contact}."
    again = "" if "try again" in refusal.message.lower() else "Try again in a moment. "
    return f"{again}Ask {contact} if it stays so."


def _is_final(refusal: Refusal) -> bool:
    """Whether it is the same tomorrow. A budget says itself when it is not."""
    passes = refusal.retry_after_s is not None or refusal.resets_at is not None
    return not (passes or refusal.kind in FAULTS or refusal.code in _SAY_THE_WAY_ON)

"""What an employee is told when the guard turns a request away: which kinds of data, in which part of it, by
which rule, and what to do instead. Never the data, nor where in a text they stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sluiceway.policy import Ruling
from sluiceway.settings.sentences import listed
from sluiceway.types import Refusal, RefusalKind
from sluiceway.wire.parts import Segment

MOST_KINDS = 4
MOST_PLACES = 3
RETRY_AFTER_S = 2

_KINDS = {
    "SECRET": "a password, key or token",
    "EMAIL_ADDRESS": "an e-mail address",
    "PHONE_NUMBER": "a telephone number",
    "CREDIT_CARD": "a card number",
    "IBAN_CODE": "a bank account number",
    "IP_ADDRESS": "an IP address",
    "US_SSN": "a social security number",
    "DATE_TIME": "a date of birth",
    "PASSPORT": "a passport number",
    "PERSON": "a person's name",
    "LOCATION": "an address",
}
_KIND_OF_PART = {
    "tool_arguments": "the arguments of a tool call",
    "tool_result": "a tool's result",
    "tool_definition": "a tool's definition",
    "reasoning": "the model's reasoning",
    "sealed": "a signed part",
    "identifier": "an identifier",
    "other": "a field beside the messages",
}
_TEXT_BY_ROLE = {
    "system": "the system prompt",
    "user": "your message",
    "assistant": "an earlier answer",
    "tool": "a tool's result",
}
_FAILURES = {
    "deadline": "it could not be looked through in time",
    "worker_lost": "looking through it broke off",
    "overloaded": "too many others wait to be looked through",
}


def blocked(found: Sequence[tuple[Ruling, Sequence[Segment]]], contact: str) -> Refusal:
    """The refusal for types that are blocked, each with the parts that hold them."""
    rulings = [ruling for ruling, _ in found]
    sentences = [_sentence(ruling, segments) for ruling, segments in found[:MOST_KINDS]]
    if len(found) > MOST_KINDS:
        sentences.append(f"And {len(found) - MOST_KINDS} further kinds of data.")
    advice = dict.fromkeys(ruling.rule.advice for ruling in rulings if ruling.rule.advice)
    message = " ".join(
        (
            "Sluiceway: this request was not sent on.",
            *sentences,
            *(text if text.endswith((".", "!", "?")) else f"{text}." for text in advice),
            "Take it out and send again; what was said earlier in a conversation is sent again with each "
            "turn, so begin a new one if it stands there.",
            f"Ask {contact} if it has to be sent.",
        )
    )
    return Refusal(RefusalKind.POLICY, "guard_blocked", message, rule=rulings[0].rule.name, contact=contact)


def failed(reason: str, rule: str, contact: str) -> Refusal:
    """The refusal where a rule does not let a request go on that was not scanned. Worth another try."""
    message = (
        f"Sluiceway: this request was not sent on, because {_FAILURES[reason]}, and the rule '{rule}' lets "
        f"nothing pass that was not. Try again in a moment; ask {contact} if it happens again."
    )
    return Refusal(RefusalKind.INTERNAL, "guard_failed", message, rule, RETRY_AFTER_S, contact=contact)


def unwritable(rulings: Iterable[Ruling], contact: str) -> Refusal:
    """The refusal where placeholders would leave no sound request."""
    rule = next(iter(rulings)).rule.name
    message = (
        f"Sluiceway: this request was not sent on. The rule '{rule}' masks data that stand in the names of "
        f"its fields, and two would become one. Ask {contact} if it has to be sent."
    )
    return Refusal(RefusalKind.POLICY, "guard_blocked", message, rule=rule, contact=contact)


def _sentence(ruling: Ruling, segments: Sequence[Segment]) -> str:
    what = f"{_KINDS.get(ruling.type, 'data')} ({ruling.type})"
    does = "blocks" if ruling.because is None else "masks"
    reason = f"; {ruling.because}" if ruling.because else ""
    return f"It holds {what} in {places(segments)}, which the rule '{ruling.rule.name}' {does}{reason}."


def places(segments: Iterable[Segment]) -> str:
    """The parts in words, each once."""
    each = list(dict.fromkeys(_place(segment) for segment in segments))
    if len(each) > MOST_PLACES:
        each = [*each[: MOST_PLACES - 1], "other parts"]
    return listed(each).replace(" or ", " and ")


def _place(segment: Segment) -> str:
    return _KIND_OF_PART.get(segment.kind) or _TEXT_BY_ROLE[segment.role]

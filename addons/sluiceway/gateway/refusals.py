"""The gateway's own noes in words for the employee: what happened, and whom to ask where that helps."""

from __future__ import annotations

from dataclasses import replace

from sluiceway.errors import TooLarge, WireError
from sluiceway.types import Refusal, RefusalKind

INTERNAL = Refusal(
    RefusalKind.INTERNAL,
    "internal_error",
    "Sluiceway had a fault of its own; nothing more was forwarded. Try again, and tell whoever runs it.",
)
NO_LEDGER = Refusal(
    RefusalKind.INTERNAL,
    "ledger_unavailable",
    "Sluiceway cannot write its ledger at the moment, so it forwards nothing. Try again in a little while.",
    retry_after_s=5,
)
RESTARTING = Refusal(
    RefusalKind.INTERNAL, "restarting", "Sluiceway is restarting. Try again in a moment.", retry_after_s=2
)
BACKGROUND = Refusal(
    RefusalKind.REQUEST,
    "background_not_metered",
    "Sluiceway: background answers cannot be metered yet; leave `background` out, or set it to false.",
)
NO_WEBSOCKET = Refusal(
    RefusalKind.UPGRADE,
    "websocket_not_supported",
    "Sluiceway does not carry WebSockets to this provider; use ordinary HTTPS requests.",
)
UNKNOWN_ENCODING = Refusal(
    RefusalKind.UNSUPPORTED,
    "content_encoding",
    "Sluiceway: this content-encoding cannot be read; use gzip, deflate, br, zstd or none.",
)
STALLED = Refusal(
    RefusalKind.REQUEST, "request_timeout", "Sluiceway: the rest of this request did not come in time."
)
UNREADABLE_ANSWER = Refusal(
    RefusalKind.UNREACHABLE,
    "content_encoding",
    "Sluiceway: the provider's answer has an encoding that cannot be metered.",
)
MALFORMED_ANSWER = Refusal(
    RefusalKind.UNREACHABLE,
    "malformed_answer",
    "Sluiceway: the headers of the provider's answer are malformed.",
)
SILENT = Refusal(
    RefusalKind.TIMEOUT, "stream_broken", "Sluiceway: the provider sent nothing for too long in its answer."
)
BROKEN_OFF = Refusal(
    RefusalKind.UNREACHABLE, "stream_broken", "Sluiceway: the provider broke off in the middle of its answer."
)
NOT_HTTP = Refusal(
    RefusalKind.REQUEST,
    "malformed_http",
    "Sluiceway could not read this as an HTTP request, or it is too long.",
)
LONG_HEADERS = Refusal(
    RefusalKind.REQUEST, "headers_too_large", "Sluiceway: the headers of this request are too large in sum."
)
BAD_TARGET = Refusal(
    RefusalKind.REQUEST,
    "malformed_target",
    "Sluiceway: a request inside a tunnel names its target by a path of printable ASCII, such as /v1/models.",
)

# After these the connection is of no more use.
CLOSES = frozenset((RefusalKind.IDENTITY, RefusalKind.MISDIRECTED, RefusalKind.TOO_LARGE))

_WRONG_CREDENTIALS = {
    "unknown_user": "there is no employee or service named '{user}'",
    "wrong_token": "the token of '{user}' is not right",
    "expired": "the token of '{user}' has expired",
    "revoked": "the token of '{user}' was revoked",
    "disabled": "the account '{user}' is disabled",
}


def wrong_credentials(reason: str, user: str, contact: str) -> Refusal:
    """`reason` is one of types.Rejected's; `user` is sanitised."""
    what = _WRONG_CREDENTIALS[reason].format(user=user)
    message = f"Sluiceway: your proxy credentials are not good: {what}. Ask {contact}."
    return Refusal(RefusalKind.IDENTITY, f"credentials_{reason}", message)


def of_upgrade(refusal: Refusal) -> Refusal:
    """The refusal for a request that asks for a socket. After any status but 426 Codex tries seven times to
    open one; after a 426 it sends a POST at once, and shows how that is answered."""
    return refusal if refusal.kind is RefusalKind.INTERNAL else replace(refusal, kind=RefusalKind.UPGRADE)


def misdirected(disagrees: str, host: str) -> Refusal:
    """`disagrees` is what names another host than CONNECT did."""
    message = f"Sluiceway: {disagrees} does not name {host}, the host of this tunnel."
    return Refusal(RefusalKind.MISDIRECTED, "host_mismatch", message)


def unlisted(method: str, host: str, contact: str) -> Refusal:
    message = (
        f"Sluiceway: {method} requests to this path of {host} are not on the list of metered or harmless "
        f"ones. Ask {contact} if you need it."
    )
    return Refusal(RefusalKind.POLICY, "path_not_listed", message, rule="providers.yaml")


def unreadable(error: WireError) -> Refusal:
    """The request's body is not what it should be, or too large."""
    if isinstance(error, TooLarge):
        return Refusal(RefusalKind.TOO_LARGE, "body_too_large", f"Sluiceway: {error}.")
    return Refusal(RefusalKind.REQUEST, "malformed_request", f"Sluiceway: {error}.")

"""The gateway's own noes in words for the employee: what happened. `telling.py` says the rest of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil

from sluiceway.errors import TooLarge, WireError
from sluiceway.types import Refusal, RefusalKind
from sluiceway.wire.translation.losses import Loss

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
    "Sluiceway: background answers of this provider cannot be metered; leave `background` out, or set it to "
    "false.",
)
UNKNOWN_FILE = Refusal(
    RefusalKind.REQUEST,
    "batch_file_unknown",
    "Sluiceway: the file of this batch did not come through Sluiceway as a file of requests, so nobody knows "
    "what it asks for. Upload it again through the same proxy: at OpenAI with purpose=batch; at Google in "
    "one piece, as JSON lines for the batch's model.",
)
NO_WEBSOCKET = Refusal(
    RefusalKind.UPGRADE,
    "websocket_not_supported",
    "Sluiceway does not carry WebSockets to this provider; use ordinary HTTPS requests.",
)
BINARY_FRAME = Refusal(
    RefusalKind.REQUEST,
    "binary_frame",
    "Sluiceway: this API's messages are text; a binary one cannot be read.",
)
BAD_UPGRADE = Refusal(
    RefusalKind.REQUEST,
    "malformed_upgrade",
    "Sluiceway: this request for a WebSocket is malformed; it needs version 13 and a key of 16 bytes.",
)
FRAME_BROKEN = Refusal(
    RefusalKind.REQUEST,
    "malformed_frame",
    "Sluiceway: a WebSocket frame was malformed or too large, so the connection ends here.",
)
UNKNOWN_ENCODING = Refusal(
    RefusalKind.UNSUPPORTED,
    "content_encoding",
    "Sluiceway: this content-encoding cannot be read; use gzip, deflate, br, zstd or none.",
)
STALLED = Refusal(
    RefusalKind.REQUEST,
    "request_timeout",
    "Sluiceway: the rest of this request did not come in time. Try again.",
    rule="timeouts.idle_s",
    retry_after_s=1,
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
NO_AUDIT = Refusal(
    RefusalKind.INTERNAL,
    "audit_unavailable",
    "Sluiceway: this request would be audited and its record cannot be written now, so it was not sent. Try "
    "again later.",
)
LONG_HEADERS = Refusal(
    RefusalKind.REQUEST,
    "headers_too_large",
    "Sluiceway: the headers of this request are too large in sum.",
    rule="limits.header_bytes",
)
BAD_TARGET = Refusal(
    RefusalKind.REQUEST,
    "malformed_target",
    "Sluiceway: a request inside a tunnel names its target by a path of printable ASCII, such as /v1/models.",
)

MIXED_KEYS = Refusal(
    RefusalKind.POLICY,
    "mixed_keys",
    "Sluiceway: this request carries the company's key and another credential beside it, so nobody can tell "
    "whose it is; nothing was forwarded. Send one of them.",
)
# A request signed with an AWS key can only go out as it came (signature.py).
SIGNED_BODY = Refusal(
    RefusalKind.POLICY,
    "signed_body",
    "Sluiceway: this request would have to be changed on its way, and its AWS signature forbids that; "
    "nothing was forwarded. Use a Bedrock API key in place of AWS credentials.",
)
SIGNED_LIMIT = Refusal(
    RefusalKind.BUDGET,
    "signed_limit",
    "Sluiceway: what is left of your budget does not carry the longest answer this request allows, and its "
    "AWS signature forbids lowering that; nothing was forwarded. Set a lower output limit (maxTokens, "
    "max_tokens), or stream the answer.",
)
SIGNED_ROUTE = Refusal(
    RefusalKind.POLICY,
    "signed_route",
    "Sluiceway: a rule sends this request to another model, and its AWS signature forbids that; nothing was "
    "forwarded. Ask for that model, or use a Bedrock API key in place of AWS credentials.",
)

# A rule about our own doing: it is never met unless the rules changed in the middle of a request.
KEY_ASTRAY = Refusal(
    RefusalKind.INTERNAL,
    "key_astray",
    "Sluiceway: the company's key would have gone to a host that is not its provider's; nothing was sent.",
)

NO_TOKEN = "no_access_token"  # noqa: S105 - a refusal's code
# After these the connection is of no more use.
CLOSES = frozenset((RefusalKind.IDENTITY, RefusalKind.MISDIRECTED, RefusalKind.TOO_LARGE))

_BAD = "your proxy credentials are not good: "
_WRONG_CREDENTIALS = {
    "unknown_user": _BAD + "there is no employee or service named '{user}'",
    "wrong_token": _BAD + "the token of '{user}' is not right",
    "expired": _BAD + "the token of '{user}' has expired",
    "revoked": _BAD + "the token of '{user}' was revoked",
    "disabled": _BAD + "the account '{user}' is disabled",
    "port_source": "this port is a person's own and closed to your address; use your own proxy URL",
    "port_released": "this port is nobody's own any more, so it does not say who you are",
    "lease_expired": "the lease by which your address stood for '{user}' has expired",
    "lease_revoked": "the lease by which your address stood for '{user}' was revoked",
}


def wrong_credentials(reason: str, user: str, contact: str) -> Refusal:
    """`reason` is one of types.Rejected's; `user` is sanitised."""
    what = _WRONG_CREDENTIALS[reason].format(user=user)
    message = f"Sluiceway: {what}. Ask {contact}."
    return Refusal(RefusalKind.IDENTITY, f"credentials_{reason}", message, contact=contact)


def of_upgrade(refusal: Refusal) -> Refusal:
    """The refusal for a request that asks for a socket. After any status but 426 Codex tries seven times to
    open one; after a 426 it sends a POST at once, and shows how that is answered."""
    return refusal if refusal.kind is RefusalKind.INTERNAL else replace(refusal, kind=RefusalKind.UPGRADE)


def socket_bound(rule: str) -> Refusal:
    """A socket stays with one provider, and a route may lead what is asked on it to another."""
    message = (
        f"Sluiceway: the rule '{rule}' may send requests like yours to another provider, where a WebSocket "
        "cannot follow; use ordinary HTTPS requests, which are sent where it says."
    )
    return Refusal(RefusalKind.UPGRADE, "websocket_not_routed", message, rule=rule)


def signed_header(name: str) -> Refusal:
    """`name` is one of a client's own headers, so it is no more than a token."""
    message = (
        f"Sluiceway: the AWS signature of this request covers the header {name[:64]}, which no proxy "
        "passes on; nothing was forwarded. Leave it out of the signature."
    )
    return Refusal(RefusalKind.REQUEST, "signed_header", message)


def misdirected(disagrees: str, host: str) -> Refusal:
    """`disagrees` is what names another host than CONNECT did."""
    message = f"Sluiceway: {disagrees} does not name {host}, the host of this tunnel."
    return Refusal(RefusalKind.MISDIRECTED, "host_mismatch", message)


def unlisted(method: str, host: str, contact: str) -> Refusal:
    message = (
        f"Sluiceway: {method} requests to this path of {host} are not on the list of metered or harmless "
        f"ones. Ask {contact} if you need it."
    )
    return Refusal(RefusalKind.POLICY, "path_not_listed", message, rule="providers.yaml", contact=contact)


def unknown_frame(kind: str, contact: str) -> Refusal:
    """`kind` is the client's own word for it, printable and short."""
    what = f"messages of the type '{kind}'" if kind else "messages of this type"
    message = (
        f"Sluiceway: {what} are not on the list of those that are metered or harmless. "
        f"Ask {contact} if you need them."
    )
    return Refusal(RefusalKind.POLICY, "frame_not_listed", message, rule="providers.yaml", contact=contact)


def background_moved(rule: str | None, contact: str) -> Refusal:
    """A background answer is asked for later at the host the client knows, which would not have it."""
    message = (
        f"Sluiceway: the rule '{rule}' sends this request to another provider, where its background answer "
        f"could not be asked for; leave `background` out, or ask {contact}."
    )
    return Refusal(RefusalKind.POLICY, "background_moved", message, rule=rule, contact=contact)


def not_yours(rule: str | None, contact: str) -> Refusal:
    """The company's key opens what everybody made with it; each may see their own. `rule` lends it."""
    message = (
        "Sluiceway: this answer or batch was not begun by you, and the company's key, which the rule "
        f"'{rule}' lends you, is for your own only. Use a key of your own, or ask {contact}."
    )
    return Refusal(RefusalKind.POLICY, "not_yours", message, rule=rule, contact=contact)


def no_way(rule: str | None, provider: str, contact: str) -> Refusal:
    """A route leads to a provider that does not speak the API of the request."""
    message = (
        f"Sluiceway: the rule '{rule}' sends this request to '{provider}', which does not take requests of "
        f"this kind. Ask {contact}."
    )
    return Refusal(RefusalKind.POLICY, "no_way", message, rule=rule, contact=contact)


def no_fit(rule: str | None, provider: str, error: WireError, contact: str) -> Refusal:
    """A route leads to a provider that would not do all that the request says."""
    message = (
        f"Sluiceway: the rule '{rule}' sends this request to '{provider}', where a part of it would be lost "
        f"({error}). Leave it out, or ask {contact}."
    )
    return Refusal(RefusalKind.POLICY, "no_way", message, rule=rule, contact=contact)


def not_carried(rule: str | None, provider: str, losses: Sequence[Loss], contact: str) -> Refusal:
    """A route leads to a provider of another API, where the request would mean something else."""
    lost = "; ".join(f"{loss.field}: {loss.why}" for loss in losses)
    message = (
        f"Sluiceway: the rule '{rule}' sends this request to '{provider}', which has another API, and these "
        f"parts of it cannot be carried over: {lost}. Leave them out, or ask {contact}."
    )
    return Refusal(RefusalKind.POLICY, "not_translatable", message, rule=rule, contact=contact)


def foreign_key(what: str, provider: str) -> Refusal:
    """`what` says whose credential it is, and never what it is."""
    message = (
        f"Sluiceway: the credential of this request is {what}, so it was not forwarded to {provider}. "
        f"Set a key of {provider}."
    )
    return Refusal(RefusalKind.POLICY, "foreign_key", message)


def key_retired(label: str, contact: str) -> Refusal:
    message = (
        f"Sluiceway: this is the company's key '{label}', which was retired; nothing was forwarded. Set "
        f"the word 'sluiceway' in its place if a rule gives you the company's key, or ask {contact}."
    )
    return Refusal(RefusalKind.POLICY, "key_retired", message, contact=contact)


def no_company_key(
    provider: str, contact: str, why: str = "no rule gives it the company's", rule: str | None = None
) -> Refusal:
    """A request without a key of its own, or led elsewhere, that gets none of the company's."""
    message = (
        f"Sluiceway: this request needs a key for {provider}, and {why}; nothing was forwarded. "
        f"Ask {contact}, or set a key of your own."
    )
    return Refusal(RefusalKind.POLICY, "no_company_key", message, rule=rule, contact=contact)


def no_token(provider: str, why: str, rule: str | None) -> Refusal:
    """The company's key is a service account, and `why` (a code) it gets no access token at the moment."""
    message = (
        f"Sluiceway: the company's key for {provider} needs an access token from Google, and none can be had "
        f"at the moment ({why}); nothing was forwarded."
    )
    return Refusal(RefusalKind.UNREACHABLE, NO_TOKEN, message, rule=rule)


def keys_limited(rule: str | None, wait_s: float, contact: str) -> Refusal:
    """Every company key of a pool is at the limit that its rule sets."""
    wait = max(1, ceil(wait_s))
    message = (
        f"Sluiceway: all of the company's keys of the rule '{rule}' are at the limit that it sets them for a "
        f"minute, so it was not forwarded. Try again in {wait} s; ask {contact} if it happens often."
    )
    return Refusal(RefusalKind.RATE, "keys_limited", message, rule=rule, retry_after_s=wait, contact=contact)


def unreadable(error: WireError) -> Refusal:
    """The request's body is not what it should be, or too large."""
    if isinstance(error, TooLarge):
        limit = "limits.body_bytes"
        return Refusal(RefusalKind.TOO_LARGE, "body_too_large", f"Sluiceway: {error}.", rule=limit)
    return Refusal(RefusalKind.REQUEST, "malformed_request", f"Sluiceway: {error}.")

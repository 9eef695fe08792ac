"""Why a request was refused, in words, for reports and pages: a code is for programs."""

from __future__ import annotations

# Codes are made in gateway/refusals.py, gateway/reservation.py and where a rule decides.
WORDS = {
    "budget_spent": "the budget was used up",
    "budget_busy": "the rest of the budget was held by requests still running",
    "loop": "the same message came again and again",
    "rate_limited": "too many requests or tokens in a short time",
    "denied": "a rule does not allow it",
    "guard_blocked": "it held something that a guard rule keeps in the house",
    "guard_failed": "it could not be scanned",
    "no_way": "where the rule sends it, it cannot be asked",
    "not_translatable": "it cannot be said in the other provider's API",
    "no_company_key": "there is no key of the company for it",
    "keys_limited": "the company's keys had reached their own limits",
    "key_retired": "the company's key was retired",
    "credentials_wrong_token": "the proxy token was wrong",
    "audit_notice": "an audit notice had to be acknowledged first",
    "path_not_listed": "this path of the provider is not on the list",
    "host_mismatch": "the request named another host than its tunnel",
    "body_too_large": "the request was too large",
    "malformed_request": "the request could not be read",
    "background_not_metered": "background answers cannot be metered",
    "background_moved": "a rule sends it to another provider, where a background answer cannot be asked for",
    "batch_does_not_fit": "the batch may cost more than is left of the budget",
    "batch_file_unknown": "the file of the batch did not come through Sluiceway",
    "not_yours": "somebody else began it, and the company's key is lent for one's own only",
    "websocket_not_supported": "WebSockets to this provider are not carried",
    "websocket_not_routed": "a rule may send it to another provider, which a WebSocket cannot follow",
    "content_encoding": "its encoding could not be read",
    "ledger_unavailable": "the ledger could not be written",
    "restarting": "Sluiceway was restarting",
}


def reason(code: str) -> str:
    """A refusal's code in words; one that has none is shown as it is."""
    return WORDS.get(code) or code.replace("_", " ") or "unknown"

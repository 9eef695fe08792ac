"""How the access tokens of service accounts stand, for `sluiceway status`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the gateway is slow to import, and a command that only shows this needs nothing of it
    from sluiceway.gateway.parts import GatewayParts

# What an operator can do about it. Of other codes: look whether Google can be reached.
ADVICE = {
    "invalid_grant": "Google does not take the key: was it deleted, or the account disabled? Add a new one",
    "invalid_client": "Google does not know the account",
    "access_denied": "Google refuses the account",
    "clock": "this machine's clock is off; set it",
    "not_admitted": "sluiceway.yaml does not let oauth2.googleapis.com through (egress, upstream)",
    "parent_proxy": "the parent proxy does not let oauth2.googleapis.com through",
    "bad_certificate": "the certificate of oauth2.googleapis.com cannot be trusted (upstream.trusted_ca)",
}
UNREACHED = "oauth2.googleapis.com gave none; it is asked again"


def listing(parts: GatewayParts) -> list[dict[str, Any]]:
    """Every key that is a service account: when its token was last renewed, until when it is good, and why
    the last try failed. None: there is no token yet, one is minted when it is needed."""
    return [
        {
            "key": each.label,
            "provider": each.provider,
            "renewed_at": None if each.renewed_at is None else each.renewed_at.isoformat(),
            "good_until": None if each.good_until_at is None else each.good_until_at.isoformat(),
            "problem": each.problem,
        }
        for each in parts.tokens.states(parts.rules.keys)
    ]


def failing(parts: GatewayParts) -> int:
    """How many keys' tokens could not be renewed when it was last tried."""
    return sum(each.problem is not None for each in parts.tokens.states(parts.rules.keys))


def of_all(answers: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line for each key of several workers: the worst, which is one with a problem, or renewed longest
    ago."""
    each = [line for answer in answers for line in answer.get("access_tokens", ())]
    each.sort(key=lambda line: (line["problem"] is None, line["renewed_at"] is None, line["renewed_at"]))
    return list({line["key"]: line for line in reversed(each)}.values())


def in_words(line: dict[str, Any], when: str | None, until: str | None) -> str:
    """One key's line for people; `when` and `until` are its times as they are shown."""
    good = f"renewed {when}, good until {until}" if until else "none now"
    if line["problem"] is not None:
        why = ADVICE.get(line["problem"], UNREACHED)
        return f"{line['key']}: NOT RENEWED ({line['problem']}: {why}); {good}"
    return f"{line['key']}: {good if until else 'none yet, minted when it is needed'}"

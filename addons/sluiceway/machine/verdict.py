"""What the doctor says of one thing: whether it is well, which fault it has, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How bad it is. Only BROKEN makes the command fail."""

    FINE = "fine"
    ABSENT = "absent"
    WARNING = "warning"
    BROKEN = "broken"


class Fault(StrEnum):
    """Names that programs may rely on."""

    NOT_SET = "not_set"
    MALFORMED = "malformed"
    DISAGREES = "variables_disagree"
    NO_PROXY_HIDES = "no_proxy_hides"
    NO_PROXY_INCOMPLETE = "no_proxy_incomplete"
    FILE_MISSING = "file_missing"
    LACKS_ANCHOR = "lacks_the_ca"
    REPLACES_ROOTS = "lacks_public_roots"
    UNREACHABLE = "proxy_unreachable"
    NOT_A_PROXY = "not_sluiceway"
    CREDENTIALS = "wrong_credentials"
    NOT_LISTED = "host_not_decrypted"
    DISTRUSTS = "does_not_trust_the_ca"
    AROUND = "goes_around_the_proxy"
    CA_MISSING = "ca_missing"
    CA_BAD = "ca_not_usable"
    CA_OTHER = "ca_is_not_the_proxys"
    CLOCK = "clock_wrong"
    EGRESS = "direct_egress_open"
    NO_TLS = "cannot_speak_tls_to_a_proxy"
    NO_MODEL = "no_spacy_model"
    FAILED = "failed"
    NOT_INSTALLED = "not_installed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`check` is what was looked at; `fault` None: nothing. `mend` is a command or a thing to do."""

    check: str
    state: State
    says: str
    fault: Fault | None = None
    mend: str | None = None


def fine(check: str, says: str) -> Verdict:
    return Verdict(check, State.FINE, says)


def broken(check: str, fault: Fault, says: str, mend: str) -> Verdict:
    return Verdict(check, State.BROKEN, says, fault, mend)


def warning(check: str, fault: Fault, says: str, mend: str) -> Verdict:
    return Verdict(check, State.WARNING, says, fault, mend)


def absent(check: str) -> Verdict:
    return Verdict(check, State.ABSENT, "not installed here", Fault.NOT_INSTALLED)

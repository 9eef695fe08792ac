"""The way to the providers: does the proxy answer, does it know this user, and is it the CA we trust."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509

from sluiceway.machine import probe
from sluiceway.machine.anchor import Anchor, join, public_roots
from sluiceway.machine.probe import Answer, NotAProxy, Unreachable
from sluiceway.machine.proxy import ProxyUrl
from sluiceway.machine.verdict import Fault, Verdict, broken, fine, warning

EGRESS_TIMEOUT_S = 2.0
CLOCK_TOLERANCE = timedelta(minutes=5)
NEW_URL = "ask your platform team for a new proxy URL, then: sluiceway enroll --proxy-url -"
REASONS = {
    "credentials_unknown_user": "it knows nobody of this name",
    "credentials_wrong_token": "the token is not right",
    "credentials_expired": "the token has expired",
    "credentials_revoked": "the token was revoked",
    "credentials_disabled": "the account is disabled",
}


@dataclass(frozen=True, slots=True)
class Found:
    """What our own request met. `answer` None: the proxy did not answer at all, or not as Sluiceway."""

    verdicts: tuple[Verdict, ...]
    reached: bool
    answer: Answer | None = None


def look(proxy: ProxyUrl, host: str, anchor: Anchor | None, now: datetime) -> Found:
    """Every step, each failure under its own name."""
    try:
        return _walk(proxy, host, anchor, now)
    except Unreachable as error:
        says = f"cannot be reached: {error}"
        mend = (
            f"check the host and the port of {proxy.shown}, and whether you need the company's network or VPN"
        )
        return Found((broken("proxy", Fault.UNREACHABLE, says, mend),), reached=False)
    except NotAProxy as error:
        return Found((broken("proxy", Fault.NOT_A_PROXY, str(error), NEW_URL),), reached=True)
    except ssl.SSLCertVerificationError as error:
        says = f"its own certificate for {proxy.host} is not trusted ({error.verify_message})"
        mend = "sluiceway enroll --proxy-url - --ca ca.pem, with your platform team's ca.pem"
        return Found((broken("proxy", Fault.DISTRUSTS, says, mend),), reached=True)
    except OSError as error:
        says = f"broke off: {error.strerror or type(error).__name__}"
        return Found((broken("proxy", Fault.NOT_A_PROXY, says, NEW_URL),), reached=True)


def _walk(proxy: ProxyUrl, host: str, anchor: Anchor | None, now: datetime) -> Found:
    outer = trusting(anchor)
    with probe.connected(proxy, outer) as wire:
        opened = probe.connect(wire, proxy, host)
        if opened.status != 200:
            return Found((_not_opened(opened, proxy, host),), reached=True, answer=opened)
        try:
            wire.wrap(trusting(anchor, alone=True), host)
        except ssl.SSLCertVerificationError:
            shown = probe.shown_certificate(proxy, host, outer)
            return Found((_reached(proxy), *_distrusted(shown, anchor, host, now)), reached=True)
        answer = probe.ask(wire, host)
    return Found(tuple(_answered(answer, proxy, host, anchor, now)), reached=True, answer=answer)


def trusting(anchor: Anchor | None, *, alone: bool = False) -> ssl.SSLContext:
    """Trusts the company's CA, and the public roots unless `alone`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    certs = (*(anchor.certs if anchor else ()), *(() if alone and anchor else public_roots()))
    context.load_verify_locations(cadata=join(certs).decode())
    return context


def _reached(proxy: ProxyUrl) -> Verdict:
    kind = (
        "over TLS"
        if proxy.scheme == "https"
        else "without TLS, so only for this machine or a trusted network"
    )
    return fine("proxy", f"{proxy.place} answers, {kind}")


def _not_opened(answer: Answer, proxy: ProxyUrl, host: str) -> Verdict:
    if answer.status == 407:
        if proxy.user is None:
            says = "asks for a name and a token, and the proxy URL has none"
        else:
            says = f"does not accept the name '{proxy.user}' with this token"
        return broken("credentials", Fault.CREDENTIALS, says, NEW_URL)
    says = f"refuses to open a tunnel to {host} (status {answer.status})"
    return broken("proxy", Fault.NOT_A_PROXY, says, "see that the proxy URL is Sluiceway's; " + NEW_URL)


def _answered(
    answer: Answer, proxy: ProxyUrl, host: str, anchor: Anchor | None, now: datetime
) -> Iterator[Verdict]:
    yield _reached(proxy)
    code = answer.refused or ""
    if not answer.through:
        says = f"passes {host} on untouched, so nothing is counted there"
        yield broken(
            "proxy", Fault.NOT_LISTED, says, "name an AI host that your company uses: --host api.openai.com"
        )
    elif code.startswith("credentials_"):
        says = f"does not accept '{proxy.user}': {REASONS.get(code, code)}"
        yield broken("credentials", Fault.CREDENTIALS, says, NEW_URL)
    else:
        who = f"knows you as {proxy.user}" if proxy.user else "knows you by your address or port"
        yield fine("credentials", who)
    if anchor and answer.through:
        yield fine(
            "CA", f"what the proxy shows is signed by the CA you trust, until {anchor.until_at:%Y-%m-%d}"
        )
    if answer.date and abs(answer.date - now) > CLOCK_TOLERANCE:
        yield _clock(now, f"the proxy's says {answer.date:%Y-%m-%d %H:%M}")


def _distrusted(
    shown: x509.Certificate | None, anchor: Anchor | None, host: str, now: datetime
) -> Iterator[Verdict]:
    """Why a certificate did not verify: its time, or its signer."""
    if shown is None:
        return
    if now < shown.not_valid_before_utc:
        yield _clock(now, f"the proxy's certificate is valid from {shown.not_valid_before_utc:%Y-%m-%d}")
    elif now > shown.not_valid_after_utc:
        yield _clock(
            now,
            f"the proxy's certificate was valid until {shown.not_valid_after_utc:%Y-%m-%d}; if the clock is "
            "right, the platform team has to run `sluiceway ca rotate`",
        )
    elif anchor is None:
        signer = shown.issuer.rfc4514_string()
        says = f"{host} is shown with a certificate of '{signer}', which this machine does not trust"
        yield broken("CA", Fault.CA_MISSING, says, "sluiceway enroll --proxy-url - --ca ca.pem")
    else:
        says = (
            f"the proxy signs as '{shown.issuer.rfc4514_string()}', and the CA you trust "
            f"('{anchor.name}') did not make that signer"
        )
        mend = "get this proxy's ca.pem from your platform team: sluiceway enroll --proxy-url - --ca ca.pem"
        yield broken("CA", Fault.CA_OTHER, says, mend)


def _clock(now: datetime, but: str) -> Verdict:
    says = f"this machine's clock says {now:%Y-%m-%d %H:%M} UTC, and {but}"
    return broken("clock", Fault.CLOCK, says, "set the clock right: sudo timedatectl set-ntp true")


def egress(host: str, port: int = 443, timeout_s: float = EGRESS_TIMEOUT_S) -> Verdict:
    """Whether programs could reach a provider without the proxy. That is the firewall's to prevent."""
    try:
        socket.create_connection((host, port), timeout_s).close()
    except OSError:
        return fine("firewall", f"{host} cannot be reached past the proxy")
    says = f"{host} can also be reached directly: a program that ignores the proxy is not counted or capped"
    mend = f"for your platform team: let only the proxy reach {host} port {port} at the firewall"
    return warning("firewall", Fault.EGRESS, says, mend)

"""Owns the verdict on a deployment's certificate files, for `serve` before it starts and for `doctor`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from sluiceway.errors import ConfigError
from sluiceway.front.ca import (
    ANCHOR,
    ANCHOR_KEY,
    ISSUER,
    ISSUER_KEY,
    LISTENER,
    LISTENER_KEY,
    load_issuer,
    load_pair,
    read_certs,
)
from sluiceway.front.certificate import covers, permitted_hosts

WARN_BEFORE = timedelta(days=14)
ROTATE = "run `sluiceway ca rotate`"


def check(
    folder: Path, hosts: Iterable[str], now: datetime, warn_before: timedelta = WARN_BEFORE
) -> list[str]:
    """Every problem, each naming its file and what to do; none when the files are good for `hosts`.

    What ends within `warn_before` counts: zero for what must stop `serve`, 14 days for what `doctor` tells.
    """
    problems: list[str] = []
    for judge in (_anchor, _issuer, _listener):
        try:
            problems += judge(folder, now, warn_before)
        except ConfigError as error:
            problems.append(str(error))
    problems += [*_uncovered(folder, hosts), *_readable_by_others(folder)]
    return list(dict.fromkeys(problems))  # a missing anchor is found by each of the three


def _anchor(folder: Path, now: datetime, warn_before: timedelta) -> list[str]:
    anchor = read_certs(folder / ANCHOR)[0]
    return _lifetime(
        folder / ANCHOR, anchor, now, warn_before, "make a new deployment and roll out its anchor"
    )


def _issuer(folder: Path, now: datetime, warn_before: timedelta) -> list[str]:
    file, issuer, anchor = folder / ISSUER, load_issuer(folder), read_certs(folder / ANCHOR)[0]
    chain = (issuer.cert, *issuer.above, anchor)
    problems = _lifetime(file, issuer.cert, now, warn_before, ROTATE)
    if not all(_signed_by(lower, upper) for lower, upper in pairwise(chain)):
        problems.append(f"{file}: not signed by {ANCHOR}, so no client would trust it; {ROTATE}")
    if not permitted_hosts(issuer.cert):
        problems.append(f"{file}: has no name constraints, so it could impersonate any site; {ROTATE}")
    return problems


def _listener(folder: Path, now: datetime, warn_before: timedelta) -> list[str]:
    """Only `tls: auto` has one; whoever needs it and finds none reads so from `load_pair`."""
    file = folder / LISTENER
    if not file.exists():
        return []
    listener, anchor = load_pair(file, folder / LISTENER_KEY), read_certs(folder / ANCHOR)[0]
    problems = _lifetime(file, listener.cert, now, warn_before, ROTATE)
    if not _signed_by(listener.cert, anchor):
        problems.append(f"{file}: not signed by {ANCHOR}, so no client would trust it; {ROTATE}")
    return problems


def _uncovered(folder: Path, hosts: Iterable[str]) -> list[str]:
    try:
        permitted = permitted_hosts(read_certs(folder / ISSUER)[0])
    except ConfigError:
        return []  # said already
    missing = sorted(host for host in set(hosts) if not covers(permitted, host))
    if not permitted or not missing:
        return []
    return [f"{folder / ISSUER}: does not cover {', '.join(missing)}; {ROTATE}"]


def _readable_by_others(folder: Path) -> list[str]:
    keys = [folder / name for name in (ISSUER_KEY, LISTENER_KEY, ANCHOR_KEY)]
    return [
        f"{key}: readable by other users; run `chmod 600 {key}`"
        for key in keys
        if key.exists() and key.stat().st_mode & 0o077
    ]


def _lifetime(
    file: Path, cert: x509.Certificate, now: datetime, warn_before: timedelta, remedy: str
) -> list[str]:
    begins, ends = cert.not_valid_before_utc, cert.not_valid_after_utc
    if now < begins:
        return [f"{file}: not valid before {begins:%Y-%m-%d}; check this machine's clock"]
    if now >= ends:
        return [f"{file}: expired on {ends:%Y-%m-%d}; {remedy}"]
    if ends - now <= warn_before:
        return [f"{file}: expires on {ends:%Y-%m-%d}; {remedy}"]
    return []


def _signed_by(cert: x509.Certificate, signer: x509.Certificate) -> bool:
    try:
        cert.verify_directly_issued_by(signer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True

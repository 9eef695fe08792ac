"""What this shell's variables say: whether they are set, agree, point to files that hold what they should."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from cryptography.x509 import Certificate

from sluiceway.errors import MachineError
from sluiceway.machine.anchor import Anchor, file_certificates
from sluiceway.machine.proxy import ProxyUrl, parse_proxy_url
from sluiceway.machine.variables import (
    BUNDLES,
    LOCAL,
    NO_PROXY,
    NODE_EXTRA,
    PROXY,
    TLS_PROXY_BUNDLE,
    Folder,
    hides,
    split_no_proxy,
)
from sluiceway.machine.verdict import Fault, Verdict, broken, fine, warning

CHECK = "environment"
# Fewer certificates than any list of public roots has.
FEWEST_ROOTS = 20
WORDS = {
    Fault.FILE_MISSING: "cannot be read, or holds no certificate",
    Fault.LACKS_ANCHOR: "lacks the company's CA",
    Fault.REPLACES_ROOTS: "has no public roots, so that every site but the AI hosts is distrusted",
}
ENROLL = "sluiceway enroll --proxy-url - --ca ca.pem"


def proxy_of(environ: Mapping[str, str]) -> ProxyUrl | None:
    """What the variables say, or None where neither is set or both are malformed."""
    for name in PROXY:
        try:
            if environ.get(name):
                return parse_proxy_url(environ[name])
        except MachineError:
            continue
    return None


def check(environ: Mapping[str, str], folder: Folder, anchor: Anchor | None, host: str) -> list[Verdict]:
    """Every fault of the variables; one line that all is well where there is none."""
    if not any(environ.get(name) for name in PROXY):
        enrolled = folder.script.exists()
        says = "this shell knows of no proxy" + (": it is older than the enrolment" if enrolled else "")
        return [broken(CHECK, Fault.NOT_SET, says, renew(folder))]
    found = [
        *_proxies(environ, folder),
        *_no_proxy(environ, host),
        *_unset(environ, folder),
        *_files(environ, folder, anchor),
    ]
    return found or [fine(CHECK, "every variable is set, and they agree")]


def renew(folder: Folder) -> str:
    """How a shell gets the variables of the enrolment, or the enrolment itself."""
    return f". {folder.script}" if folder.script.exists() else ENROLL


def _proxies(environ: Mapping[str, str], folder: Folder) -> Iterator[Verdict]:
    for name in PROXY:
        text = environ.get(name)
        if not text:
            says = f"{name} is not set in this shell, so some clients do not know of the proxy"
            yield broken(CHECK, Fault.NOT_SET, says, renew(folder))
            continue
        try:
            parse_proxy_url(text)
        except MachineError as error:
            yield broken(CHECK, Fault.MALFORMED, f"{name}: {error}", renew(folder))
    upper, lower = (environ.get(name, "") for name in PROXY)
    if upper and lower and upper.rstrip("/") != lower.rstrip("/"):
        says = "HTTPS_PROXY and https_proxy differ; curl, git and Python use the one in small letters"
        yield broken(CHECK, Fault.DISAGREES, says, 'export https_proxy="$HTTPS_PROXY"')


def _no_proxy(environ: Mapping[str, str], host: str) -> Iterator[Verdict]:
    for name in NO_PROXY:
        entries = split_no_proxy(environ.get(name, ""))
        if entry := hides(entries, host):
            says = f"{name} holds '{entry}', so clients go straight to {host} instead of through the proxy"
            rest = ",".join(each for each in entries if not hides([each], host))
            yield broken(CHECK, Fault.NO_PROXY_HIDES, says, f"export {name}='{rest}'")
        if missing := [each for each in LOCAL if each not in entries and "*" not in entries]:
            says = (
                f"{name} lacks {', '.join(missing)}: programs on this machine are asked for through the proxy"
            )
            whole = ",".join([*(each for each in entries if not hides([each], host)), *missing])
            yield warning(CHECK, Fault.NO_PROXY_INCOMPLETE, says, f"export {name}='{whole}'")
    upper, lower = (set(split_no_proxy(environ.get(name, ""))) for name in NO_PROXY)
    if upper and lower and upper != lower:
        says = "NO_PROXY and no_proxy differ; which one counts depends on the client"
        yield warning(CHECK, Fault.DISAGREES, says, 'export no_proxy="$NO_PROXY"')


def _unset(environ: Mapping[str, str], folder: Folder) -> Iterator[Verdict]:
    missing = [name for name in (*BUNDLES, NODE_EXTRA) if not environ.get(name)]
    if missing:
        says = f"not set in this shell: {', '.join(missing)}"
        yield warning(CHECK, Fault.NOT_SET, says, renew(folder))


def _files(environ: Mapping[str, str], folder: Folder, anchor: Anchor | None) -> Iterator[Verdict]:
    """One verdict for each file and what is wrong with it, however many variables name it."""
    named: dict[tuple[Path, bool], list[str]] = {}
    for name in (*BUNDLES, TLS_PROXY_BUNDLE, NODE_EXTRA):
        if environ.get(name):
            named.setdefault((Path(environ[name]), name == NODE_EXTRA), []).append(name)
    for (path, adds), names in named.items():
        fault = _fault(file_certificates(path), anchor, adds=adds)
        if fault:
            good = folder.anchor if adds else folder.bundle
            mend = f"export {names[0]}={good}" if len(names) == 1 and good.exists() else renew(folder)
            says = f"{', '.join(names)}: {path} {WORDS[fault]}"
            yield broken(CHECK, fault, says, mend)


def _fault(certs: tuple[Certificate, ...], anchor: Anchor | None, *, adds: bool) -> Fault | None:
    """`adds`: the variable adds to the client's own roots and does not replace them."""
    if not certs:
        return Fault.FILE_MISSING
    if anchor and not set(anchor.certs) & set(certs):
        return Fault.LACKS_ANCHOR
    return Fault.REPLACES_ROOTS if not adds and len(certs) < FEWEST_ROOTS else None

"""Plans what an enrolment changes on a machine: our files, and our lines in files of the user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509

from sluiceway.errors import MachineError
from sluiceway.machine import shells
from sluiceway.machine.anchor import (
    Anchor,
    certificates,
    file_certificates,
    join,
    public_roots,
    truststore,
)
from sluiceway.machine.journal import PUBLIC, Change, read
from sluiceway.machine.proxy import ProxyUrl
from sluiceway.machine.variables import (
    BUNDLES,
    JAVA,
    NODE_EXTRA,
    Folder,
    folder_of,
    java_options,
    merged_no_proxy,
    variables,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for. `java`: every Java program of this user goes through the proxy, too."""

    proxy: ProxyUrl
    anchor: Anchor
    home: Path
    environ: Mapping[str, str] = field(repr=False)
    no_proxy: tuple[str, ...] = ()
    shells: tuple[str, ...] = ()
    java: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes, and the variables that they set. `java` is the line for Java programs, without a token."""

    folder: Folder
    changes: tuple[Change, ...] = field(repr=False)
    variables: Mapping[str, str] = field(repr=False)
    java: str
    warnings: tuple[str, ...]


def plan(wanted: Wanted) -> Plan:
    """Nothing is written yet."""
    folder = folder_of(wanted.home, wanted.environ)
    _must_be_a_home(wanted.home)
    roots = public_roots()
    others = _other_authorities(wanted.environ, folder, {*roots, *wanted.anchor.certs})
    no_proxy = merged_no_proxy(wanted.environ, (*_earlier_no_proxy(folder), *wanted.no_proxy))
    values = variables(wanted.proxy, folder, no_proxy, node_extra=bool(others))
    java = java_options(wanted.proxy, folder, no_proxy, wanted.environ.get(JAVA, ""))
    if wanted.java:
        values[JAVA] = java
    bundle = join((*roots, *others, *wanted.anchor.certs))
    changes = [
        Change(folder.anchor, wanted.anchor.pem, mode=PUBLIC),
        Change(folder.bundle, bundle, mode=PUBLIC),
        Change(folder.truststore, _truststore(folder, bundle), mode=PUBLIC),
    ]
    if others:
        changes.append(Change(folder.others, join(others), mode=PUBLIC))
        changes.append(Change(folder.node_extra, join((*wanted.anchor.certs, *others)), mode=PUBLIC))
    changes += shells.changes(values, wanted.home, folder, wanted.environ, wanted.shells)
    if wanted.proxy.scheme == "https":
        # curl has no variable for the authority of the proxy itself.
        line = f'proxy-cacert = "{folder.bundle}"\n'.encode()
        changes.append(Change(wanted.home / ".curlrc", line, "block"))
    return Plan(folder, tuple(changes), values, java, _warnings(wanted, folder))


def _must_be_a_home(home: Path) -> None:
    if not home.is_dir():
        raise MachineError(f"{home}: is not a folder; set HOME to your home folder")


def _other_authorities(
    environ: Mapping[str, str], folder: Folder, known: set[x509.Certificate]
) -> list[x509.Certificate]:
    """Company roots the user's variables pointed to, and those kept by an earlier enrolment: none is lost."""
    files = {Path(environ[name]) for name in (*BUNDLES, NODE_EXTRA) if environ.get(name)}
    ours = sorted(path for path in files if path.parent != folder.path)
    return [cert for path in (folder.others, *ours) for cert in file_certificates(path) if cert not in known]


def _earlier_no_proxy(folder: Folder) -> list[str]:
    """What an earlier enrolment wrote, for a shell that has not read it."""
    lines = (read(folder.script) or b"").decode(errors="replace").splitlines()
    return [line.partition("=")[2].strip("'") for line in lines if line.startswith("export NO_PROXY=")]


def _truststore(folder: Folder, bundle: bytes) -> bytes:
    """Made anew only when the bundle changes: it is salted, so its bytes would differ each time."""
    held = read(folder.truststore)
    return held if held and read(folder.bundle) == bundle else truststore(certificates(bundle))


def _warnings(wanted: Wanted, folder: Folder) -> tuple[str, ...]:
    had = {wanted.environ.get(name, "") for name in ("HTTPS_PROXY", "https_proxy")} - {"", wanted.proxy.text}
    if not had or folder.state.exists():
        return ()
    return (
        "another proxy is set in this environment; new shells use Sluiceway's instead. If it is the only way "
        "to the internet, Sluiceway itself must go through it (upstream.proxy in its settings).",
    )

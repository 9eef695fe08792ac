"""The deployment's certificates: made at init, described, renewed."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from sluiceway.app.deployment import Deployment
from sluiceway.errors import ConfigError
from sluiceway.front import ca, ca_check
from sluiceway.front.certificate import Certified, permitted_hosts
from sluiceway.front.leaf import Leaves
from sluiceway.front.names import normalise
from sluiceway.settings.config import Settings, TlsFiles
from sluiceway.settings.providers import Providers


def create(settings: Settings, hosts: tuple[str, ...], organisation: str, passphrase: str) -> None:
    """Anchor, issuer, bundle, and the certificate that `tls: auto` serves."""
    now = datetime.now(UTC)
    anchor = ca.create_anchor(settings.certs, organisation, passphrase, now)
    ca.create_issuer(settings.certs, anchor, hosts, now)
    _create_listener(settings, anchor, now)


def _create_listener(settings: Settings, anchor: Certified, now: datetime) -> None:
    host = urlsplit(settings.public_url).hostname or "localhost"
    ca.create_listener_cert(settings.certs, anchor, normalise(host, 443), now)


def rotate(deployment: Deployment, passphrase: str, anchor_key: Path | None) -> tuple[str, ...]:
    """A new issuer and listener certificate, signed by the anchor whose key was kept elsewhere."""
    settings = deployment.settings
    hosts = Providers.load(settings.rules / "providers.yaml").hosts
    kept_here = settings.certs / ca.ANCHOR_KEY
    if anchor_key is None and not kept_here.exists():
        raise ConfigError(f"{kept_here}: not on this machine; name the key's file with --anchor-key")
    anchor = ca.load_pair(settings.certs / ca.ANCHOR, anchor_key or kept_here, passphrase)
    now = datetime.now(UTC)
    ca.create_issuer(settings.certs, anchor, hosts, now)
    _create_listener(settings, anchor, now)
    return hosts


def describe(deployment: Deployment) -> dict[str, Any]:
    """What machines must trust and what the issuer may do, with every problem found."""
    settings = deployment.settings
    hosts = Providers.load(settings.rules / "providers.yaml").hosts
    anchor = ca.read_certs(settings.certs / ca.ANCHOR)[0]
    issuer = ca.load_issuer(settings.certs).cert
    return {
        "anchor": str(settings.certs / ca.ANCHOR),
        "anchor_sha256": _fingerprint(anchor),
        "anchor_until": anchor.not_valid_after_utc.date().isoformat(),
        "issuer_until": issuer.not_valid_after_utc.date().isoformat(),
        "anchor_key_on_this_machine": (settings.certs / ca.ANCHOR_KEY).exists(),
        "problems": ca_check.check(settings.certs, hosts, datetime.now(UTC)),
        "hosts": sorted(permitted_hosts(issuer)),
    }


def _fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def leaves(settings: Settings) -> Leaves:
    """The TLS contexts that clients meet."""
    return Leaves(ca.load_issuer(settings.certs), _listener(settings))


def _listener(settings: Settings) -> Certified | None:
    """The certificate of the TLS proxy listeners: the company's own, or ours."""
    for listener in settings.listeners:
        if isinstance(listener.tls, TlsFiles):
            return ca.load_pair(listener.tls.cert, listener.tls.key)
        if listener.tls == "auto":
            return ca.load_pair(settings.certs / ca.LISTENER, settings.certs / ca.LISTENER_KEY)
    return None


def copy_scripts(source: Path, target: Path) -> None:
    """The trust-install scripts and snippets that ship with Sluiceway, beside the certificates."""
    target.mkdir(parents=True, exist_ok=True)
    for file in source.iterdir():
        if file.is_file() and not file.name.startswith(".") and not (target / file.name).exists():
            shutil.copyfile(file, target / file.name)


def must_be_good(settings: Settings, hosts: tuple[str, ...]) -> None:
    """Raises ConfigError with every problem that must keep `serve` from starting."""
    if problems := ca_check.check(settings.certs, hosts, datetime.now(UTC), warn_before=timedelta(0)):
        raise ConfigError("\n".join(problems))

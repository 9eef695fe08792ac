"""Owns what our certificates say: the anchor, the constrained issuer, the leaves. Pure: no files, no clock.

All keys are EC P-256. The anchor signs issuers and the proxy's own listener certificate; an issuer signs the
leaves of intercepted hosts. Its critical name constraints are enforced by OpenSSL, BoringSSL, Go, rustls and
Node: stolen, it can speak for the listed AI hosts for some weeks, and for no bank, ever.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sluiceway.front.names import Destination

type PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

ANCHOR_LIFETIME = timedelta(days=3650)
ISSUER_LIFETIME = timedelta(days=90)
# Apple's limit for servers under a user-installed root is 825 days.
LISTENER_LIFETIME = timedelta(days=397)
# A client whose clock is a little behind must not find a certificate "not yet valid".
BACKDATED = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Certified:
    """A certificate with its private key; `above` are further certificates a client needs below its root."""

    cert: x509.Certificate
    key: PrivateKey = field(repr=False)
    above: tuple[x509.Certificate, ...] = ()


def make_anchor(organisation: str, now: datetime) -> Certified:
    """The root that machines install. Its usage is limited to servers: it can vouch for no code or mail."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(organisation, "Sluiceway anchor")
    builder = _authority(_builder(name, name, key.public_key(), now, now + ANCHOR_LIFETIME), path_length=1)
    return Certified(builder.sign(key, hashes.SHA256()), key)


def make_issuer(anchor: Certified, hosts: Iterable[str], now: datetime) -> Certified:
    """The authority on the proxy's machine, for these normalised names (at least one) and no addresses."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(_organisation(anchor.cert), f"Sluiceway issuer {now:%Y-%m-%d}")
    until = min(now + ISSUER_LIFETIME, anchor.cert.not_valid_after_utc)
    builder = _authority(
        _builder(name, anchor.cert.subject, key.public_key(), now, until), path_length=0
    ).add_extension(_constraints(hosts), critical=True)
    return Certified(_signed_below(builder, anchor), key)


def make_leaf(signer: Certified, host: Destination, now: datetime, lifetime: timedelta) -> Certified:
    """A server certificate for exactly one host, with a key of its own, never outliving its signer."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(_organisation(signer.cert))
    until = min(now + lifetime, signer.cert.not_valid_after_utc)
    alternative = x509.DNSName(host.host) if host.ip is None else x509.IPAddress(host.ip)
    builder = (
        _builder(name, signer.cert.subject, key.public_key(), now, until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
    )
    return Certified(_signed_below(builder, signer), key)


def permitted_hosts(issuer: x509.Certificate) -> frozenset[str]:
    """The names an issuer is constrained to; empty where it has no name constraints."""
    try:
        constraints = issuer.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return frozenset()
    names = constraints.permitted_subtrees or ()
    return frozenset(name.value for name in names if isinstance(name, x509.DNSName))


def covers(permitted: Iterable[str], host: str) -> bool:
    """Whether constraints let a host through: a constraint also covers every name below it (RFC 5280)."""
    return any(host == name or host.endswith(f".{name.removeprefix('.')}") for name in permitted)


def _constraints(hosts: Iterable[str]) -> x509.NameConstraints:
    permitted = [x509.DNSName(host) for host in sorted(set(hosts))]
    if not permitted:
        raise ValueError("an issuer without a permitted name would be one without limits")
    # Other kinds of names (mail, URI) are left out: the extended key usage already ends them,
    # and some verifiers refuse constraints of kinds they do not know.
    everywhere = [x509.IPAddress(ipaddress.ip_network(network)) for network in ("0.0.0.0/0", "::/0")]
    return x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=everywhere)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )


def _authority(builder: x509.CertificateBuilder, path_length: int) -> x509.CertificateBuilder:
    return builder.add_extension(
        x509.BasicConstraints(ca=True, path_length=path_length), critical=True
    ).add_extension(_usage(signs=True), critical=True)


def _signed_below(builder: x509.CertificateBuilder, signer: Certified) -> x509.Certificate:
    """With the signer's own key identifier, which a corporate root may have formed in another way than we."""
    try:
        named = signer.cert.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        identifier = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(named)
    except x509.ExtensionNotFound:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key())
    return builder.add_extension(identifier, critical=False).sign(signer.key, hashes.SHA256())


def _usage(signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(organisation: str, common_name: str | None = None) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation)]
    if common_name is not None:
        attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
    return x509.Name(attributes)


def _organisation(cert: x509.Certificate) -> str:
    found = cert.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return str(found[0].value) if found else "Sluiceway"

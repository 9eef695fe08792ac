"""The certificate files: what they say, who may read them, and what a person is told when one is wrong."""

from __future__ import annotations

import ipaddress
import re
import ssl
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import NoEncryption
from cryptography.x509.oid import ExtendedKeyUsageOID

from sluiceway.errors import ConfigError
from sluiceway.front import ca
from sluiceway.front.ca_check import check
from sluiceway.front.certificate import (
    covers,
    make_anchor,
    make_issuer,
    make_leaf,
    permitted_hosts,
)
from sluiceway.front.names import normalise

NOW = datetime.now(UTC).replace(microsecond=0)
HOSTS = ["api.openai.com", "api.anthropic.com"]
PASSPHRASE = "correct horse battery staple"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A deployment's certificates as `init` leaves them."""
    certs = tmp_path / "certs"
    anchor = ca.create_anchor(certs, "Example Company", PASSPHRASE, NOW)
    ca.create_issuer(certs, anchor, HOSTS, NOW)
    ca.create_listener_cert(certs, anchor, normalise("proxy.corp.example"), NOW)
    return certs


def extension[T: x509.ExtensionType](cert: x509.Certificate, kind: type[T]) -> x509.Extension[T]:
    return cert.extensions.get_extension_for_class(kind)


def test_the_anchor_signs_one_level_of_issuers_and_servers_only() -> None:
    anchor = make_anchor("Example Company", NOW).cert
    limits = extension(anchor, x509.BasicConstraints)
    assert limits.critical
    assert limits.value == x509.BasicConstraints(ca=True, path_length=1)
    assert extension(anchor, x509.ExtendedKeyUsage).value == x509.ExtendedKeyUsage(
        [ExtendedKeyUsageOID.SERVER_AUTH]
    )
    assert timedelta(days=3650) <= anchor.not_valid_after_utc - NOW < timedelta(days=3653)
    assert isinstance(anchor.public_key(), ec.EllipticCurvePublicKey)


def test_the_issuer_is_constrained_to_the_hosts_and_to_no_address() -> None:
    anchor = make_anchor("Example Company", NOW)
    issuer = make_issuer(anchor, [*HOSTS, HOSTS[0]], NOW).cert
    assert extension(issuer, x509.BasicConstraints).value == x509.BasicConstraints(ca=True, path_length=0)
    constraints = extension(issuer, x509.NameConstraints)
    assert constraints.critical
    assert constraints.value.permitted_subtrees == [x509.DNSName(host) for host in sorted(HOSTS)]
    assert constraints.value.excluded_subtrees == [
        x509.IPAddress(ipaddress.ip_network("0.0.0.0/0")),
        x509.IPAddress(ipaddress.ip_network("::/0")),
    ]
    assert issuer.not_valid_after_utc == NOW + timedelta(days=90)
    assert issuer.not_valid_before_utc == NOW - timedelta(days=2)
    assert permitted_hosts(issuer) == set(HOSTS)
    issuer.verify_directly_issued_by(anchor.cert)


def test_an_issuer_without_hosts_would_be_without_limits_and_is_not_made() -> None:
    with pytest.raises(ValueError, match="without limits"):
        make_issuer(make_anchor("Example Company", NOW), [], NOW)


def test_every_certificate_names_the_key_that_signed_it() -> None:
    anchor = make_anchor("Example Company", NOW)
    issuer = make_issuer(anchor, HOSTS, NOW)
    leaf = make_leaf(issuer, normalise(HOSTS[0]), NOW, timedelta(days=7))
    for signed, signer in ((issuer, anchor), (leaf, issuer)):
        named = extension(signed.cert, x509.AuthorityKeyIdentifier).value.key_identifier
        assert named == extension(signer.cert, x509.SubjectKeyIdentifier).value.digest


@pytest.mark.parametrize(
    ("host", "name"),
    [
        pytest.param("api.openai.com", x509.DNSName("api.openai.com"), id="name"),
        pytest.param("192.0.2.7", x509.IPAddress(ipaddress.ip_address("192.0.2.7")), id="IPv4"),
        pytest.param("[2001:db8::1]", x509.IPAddress(ipaddress.ip_address("2001:db8::1")), id="IPv6"),
        pytest.param("a" * 63 + "." + "b" * 63, x509.DNSName("a" * 63 + "." + "b" * 63), id="beyond a CN"),
    ],
)
def test_a_leaf_speaks_for_exactly_one_host(host: str, name: x509.GeneralName) -> None:
    signer = make_anchor("Example Company", NOW)
    leaf = make_leaf(signer, normalise(host), NOW, timedelta(days=7))
    assert list(extension(leaf.cert, x509.SubjectAlternativeName).value) == [name]
    assert not extension(leaf.cert, x509.BasicConstraints).value.ca
    assert leaf.cert.not_valid_after_utc == NOW + timedelta(days=7)
    assert leaf.key.public_key() == leaf.cert.public_key() != signer.cert.public_key()


def test_nothing_outlives_its_signer() -> None:
    anchor = make_anchor("Example Company", NOW - timedelta(days=3600))
    issuer = make_issuer(anchor, HOSTS, NOW)
    leaf = make_leaf(issuer, normalise(HOSTS[0]), NOW, timedelta(days=1000))
    assert leaf.cert.not_valid_after_utc == issuer.cert.not_valid_after_utc == anchor.cert.not_valid_after_utc


@pytest.mark.parametrize(
    ("host", "covered"),
    [
        ("api.openai.com", True),
        ("eu.api.openai.com", True),
        ("openai.com", False),
        ("xapi.openai.com", False),
        ("api.openai.com.evil.example", False),
    ],
)
def test_constraints_cover_a_name_and_what_is_below_it(host: str, covered: bool) -> None:
    assert covers(HOSTS, host) == covered


def test_init_leaves_good_files_and_only_its_owner_reads_the_keys(folder: Path) -> None:
    assert check(folder, HOSTS, NOW) == []
    assert {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()} == {
        "ca.pem": 0o644,
        "anchor.key": 0o600,
        "issuer.pem": 0o644,
        "issuer.key": 0o600,
        "listener.pem": 0o644,
        "listener.key": 0o600,
        "bundle.pem": 0o644,
    }


def test_what_was_written_is_read_back(folder: Path) -> None:
    anchor = ca.load_anchor(folder, PASSPHRASE)
    issuer = ca.load_issuer(folder)
    issuer.cert.verify_directly_issued_by(anchor.cert)
    listener = ca.load_pair(folder / ca.LISTENER, folder / ca.LISTENER_KEY)
    listener.cert.verify_directly_issued_by(anchor.cert)


def test_the_anchor_key_is_encrypted_and_says_where_it_belongs(folder: Path) -> None:
    text = (folder / ca.ANCHOR_KEY).read_text()
    assert "BEGIN ENCRYPTED PRIVATE KEY" in text
    assert "off this machine" in text
    opened = subprocess.run(
        ["openssl", "pkey", "-in", folder / ca.ANCHOR_KEY, "-passin", f"pass:{PASSPHRASE}", "-noout"],
        capture_output=True,
        check=False,
    )
    assert opened.returncode == 0, opened.stderr


def test_passphrases_are_long_and_never_the_same() -> None:
    made = {ca.new_passphrase() for _ in range(100)}
    assert len(made) == 100
    assert min(map(len, made)) >= 32


def test_an_anchor_is_never_replaced(folder: Path) -> None:
    before = (folder / ca.ANCHOR).read_bytes()
    with pytest.raises(ConfigError, match=r"ca\.pem: exists already"):
        ca.create_anchor(folder, "Example Company", PASSPHRASE, NOW)
    assert (folder / ca.ANCHOR).read_bytes() == before


def test_rotating_makes_a_new_issuer_under_the_same_anchor(folder: Path) -> None:
    old = ca.load_issuer(folder)
    later = NOW + timedelta(days=80)
    ca.create_issuer(folder, ca.load_anchor(folder, PASSPHRASE), [*HOSTS, "api.new.example"], later)
    new = ca.load_issuer(folder)
    assert new.cert.public_key() != old.cert.public_key()
    assert check(folder, [*HOSTS, "api.new.example"], later) == []


def test_the_bundle_holds_the_public_roots_and_the_anchor(folder: Path) -> None:
    trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusted.load_verify_locations(folder / ca.BUNDLE)
    roots = trusted.get_ca_certs(binary_form=True)
    assert len(roots) > 50
    assert ssl.PEM_cert_to_DER_cert((folder / ca.ANCHOR).read_text()) in roots


def test_a_name_too_long_for_a_certificate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="64 characters"):
        ca.create_anchor(tmp_path, "x" * 65, PASSPHRASE, NOW)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "certs").write_text("a file, not a folder")
    with pytest.raises(ConfigError, match=r"certs/anchor\.key: cannot be written"):
        ca.create_anchor(tmp_path / "certs", "Example Company", PASSPHRASE, NOW)


type Spoil = Callable[[Path], object]


def remove(name: str) -> Spoil:
    return lambda folder: (folder / name).unlink()


def write(name: str, text: str) -> Spoil:
    return lambda folder: (folder / name).write_text(text)


def open_to_all(name: str) -> Spoil:
    return lambda folder: (folder / name).chmod(0o640)


def other_key(folder: Path) -> None:
    other = make_anchor("Other", NOW)
    ca.create_issuer(folder, other, HOSTS, NOW)


def swapped_key(folder: Path) -> None:
    (folder / ca.ISSUER_KEY).write_bytes((folder / ca.LISTENER_KEY).read_bytes())


def unconstrained(folder: Path) -> None:
    anchor = ca.load_anchor(folder, PASSPHRASE)
    (folder / ca.ISSUER).write_bytes((folder / ca.ANCHOR).read_bytes())
    (folder / ca.ISSUER_KEY).write_bytes(anchor.key.private_bytes(ca.PEM, ca.PKCS8, NoEncryption()))


def other_listener(folder: Path) -> None:
    ca.create_listener_cert(folder, make_anchor("Other", NOW), normalise("proxy.corp.example"), NOW)


PROBLEMS = [
    ("no anchor", remove("ca.pem"), r"ca\.pem: missing; run `sluiceway init`"),
    ("no issuer", remove("issuer.pem"), r"issuer\.pem: missing; run `sluiceway ca rotate`"),
    ("no issuer key", remove("issuer.key"), r"issuer\.key: missing; run `sluiceway ca rotate`"),
    ("no listener key", remove("listener.key"), r"listener\.key: missing; run `sluiceway ca rotate`"),
    ("not a certificate", write("issuer.pem", "hello"), r"issuer\.pem: holds no PEM certificate"),
    ("a cut certificate", write("issuer.pem", "-----BEGIN CERTIFICATE-----\nAA"), "holds no PEM certificate"),
    ("not a key", write("issuer.key", "hello"), r"issuer\.key: holds no PEM key"),
    ("another key", swapped_key, r"issuer\.key: is not the key of issuer\.pem"),
    ("another anchor's issuer", other_key, r"issuer\.pem: not signed by ca\.pem"),
    ("another anchor's listener", other_listener, r"listener\.pem: not signed by ca\.pem"),
    ("no constraints", unconstrained, "no name constraints"),
    ("issuer key open", open_to_all("issuer.key"), r"issuer\.key: readable by other users; run `chmod 600"),
    ("anchor key open", open_to_all("anchor.key"), r"anchor\.key: readable by other users"),
]


@pytest.mark.parametrize(
    ("spoil", "says"), [case[1:] for case in PROBLEMS], ids=[case[0] for case in PROBLEMS]
)
def test_a_problem_is_named_with_its_file_and_what_to_do(folder: Path, spoil: Spoil, says: str) -> None:
    spoil(folder)
    problems = check(folder, HOSTS, NOW)
    assert len([problem for problem in problems if re.search(says, problem)]) == 1, problems
    assert all(str(folder) in problem for problem in problems)


@pytest.mark.parametrize(
    ("days", "warn_days", "says"),
    [
        pytest.param(75, 14, None, id="fifteen days before"),
        pytest.param(76, 14, "issuer.pem: expires on", id="fourteen days before"),
        pytest.param(89, 0, None, id="a day before, for serve"),
        pytest.param(90, 0, "issuer.pem: expired on", id="the end, for serve"),
        pytest.param(-3, 14, "issuer.pem: not valid before", id="a clock three days slow"),
        pytest.param(-1, 14, None, id="a clock one day slow"),
    ],
)
def test_an_issuer_that_ends_soon_or_has_ended_is_told(
    folder: Path, days: int, warn_days: int, says: str | None
) -> None:
    problems = check(folder, HOSTS, NOW + timedelta(days=days), timedelta(days=warn_days))
    assert bool(problems) == bool(says)
    assert says is None or any(says in problem for problem in problems)


def test_hosts_the_issuer_does_not_cover_are_listed(folder: Path) -> None:
    problems = check(folder, [*HOSTS, "api.new.example", "bank.example"], NOW)
    assert len(problems) == 1
    assert "does not cover api.new.example, bank.example; run `sluiceway ca rotate`" in problems[0]


def test_the_anchor_key_may_be_elsewhere(folder: Path) -> None:
    (folder / ca.ANCHOR_KEY).unlink()
    assert check(folder, HOSTS, NOW) == []
    with pytest.raises(ConfigError, match="kept off this machine"):
        ca.load_anchor(folder, PASSPHRASE)


def test_the_company_s_own_listener_certificate_is_not_ours_to_make(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"proxy\.pem: missing; check the path in sluiceway\.yaml"):
        ca.load_pair(tmp_path / "proxy.pem", tmp_path / "proxy.key")


def test_a_wrong_passphrase_is_said_and_not_repeated(folder: Path) -> None:
    with pytest.raises(ConfigError, match="passphrase does not open it") as refused:
        ca.load_anchor(folder, "wrong passphrase")
    assert "wrong passphrase" not in str(refused.value)


def test_an_encrypted_key_for_serve_is_refused(folder: Path) -> None:
    (folder / ca.ISSUER_KEY).write_bytes((folder / ca.ANCHOR_KEY).read_bytes())
    with pytest.raises(ConfigError, match="is encrypted"):
        ca.load_issuer(folder)


def test_a_private_key_is_not_in_a_repr() -> None:
    anchor = make_anchor("Example Company", NOW)
    assert type(anchor.key).__name__ not in repr(anchor)

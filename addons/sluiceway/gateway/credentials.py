"""Whose credential a request carries: by its fingerprint where it was registered, else by its shape."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote_plus

from multidict import CIMultiDictProxy

from sluiceway.audit.keyring import KeyRing, fingerprint
from sluiceway.gateway import refusals
from sluiceway.gateway.signature import access_key
from sluiceway.types import Attachment, KeyClass, Provider, Refusal
from sluiceway.wire.credential_shapes import is_foreign, is_placeholder, key_class_at, shape_of

# OpenAI API reference, Realtime: a socket opened in a browser.
KEY_PROTOCOL = "openai-insecure-api-key."
# Google takes both for a key and a token in the query; no other provider listed takes any.
QUERY_NAMES = frozenset({"key", "$key", "access_token", "api_key", "api-key"})


@dataclass(frozen=True, slots=True)
class Presented:
    """What a client brings. `vacant`: nothing of its own, so no credential or only the placeholder;
    `placeholder`: it asked for the company's key. `fault`: it may not be sent to this provider at all."""

    key_class: KeyClass = KeyClass.UNKNOWN
    fingerprint: str | None = None
    vacant: bool = False
    placeholder: bool = False
    fault: Refusal | None = None

    @property
    def gives_way(self) -> bool:
        """Whether the company's key may take its place; an own key or login never does."""
        return self.vacant or self.key_class is KeyClass.COMPANY


NOTHING = Presented(vacant=True)
ASKS_FOR_OURS = Presented(vacant=True, placeholder=True)


def credentials_of(headers: CIMultiDictProxy[str], provider: Provider, query: str = "") -> list[str]:
    """The credentials themselves, the provider's preferred header first, those of the query last. Never
    logged or stored, only classified and hashed."""
    values = [value for name in provider.credential_headers for value in headers.getall(name, ())]
    found = [bare for bare in map(_bare, values) if bare]
    if query:
        found += [unquote_plus(value) for name, value in _fields(query) if value and name in QUERY_NAMES]
    return found


def in_subprotocols(offered: list[str]) -> list[str]:
    """Credentials among the subprotocols that a client offers: a browser cannot set headers on a socket."""
    return [name.removeprefix(KEY_PROTOCOL) for name in offered if name.startswith(KEY_PROTOCOL)]


def without_credentials(query: str) -> str:
    """The query without the fields that may hold one; all others as they were sent."""
    kept = (field for field in query.split("&") if _name(field) not in QUERY_NAMES)
    return "&".join(kept)


def _fields(query: str) -> list[tuple[str, str]]:
    return [(_name(field), field.partition("=")[2]) for field in query.split("&")]


def _name(field: str) -> str:
    return unquote_plus(field.partition("=")[0]).lower()


def _bare(value: str) -> str:
    if (signer := access_key(value)) is not None:
        return signer  # the rest of it is another one in every request
    scheme, _, rest = value.strip().partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else value.strip()


def signs_body(headers: CIMultiDictProxy[str]) -> bool:
    """Whether a signature of the client covers the body (AWS Signature Version 4)."""
    return any(value.strip().upper().startswith("AWS4-") for value in headers.getall("authorization", ()))


def recognise(
    credentials: list[str], provider: Provider, ring: KeyRing, key: bytes, contact: str
) -> Presented:
    """Whose they are, all together. The fingerprint is of the preferred one; `contact` is for a fault."""
    own = [each for each in credentials if not is_placeholder(each)]
    if not own:
        return ASKS_FOR_OURS if credentials else NOTHING
    first, *more = own
    found = _judged(first, provider, ring, key, contact)
    for credential in dict.fromkeys(more):
        found = _both(found, _judged(credential, provider, ring, key, contact))
    return found


def recognise_again(
    attachment: Attachment,
    credentials: list[str],
    provider: Provider,
    ring: KeyRing,
    key: bytes,
    contact: str,
) -> Presented:
    """As `recognise`, asked once for all requests of a connection that bring the same. Kept no longer than
    the connection, and no longer than the keys that were registered then are in force."""
    asked = (credentials, provider, ring)
    if attachment.recognised is not None and attachment.recognised[0] == asked:
        known: Presented = attachment.recognised[1]
        return known
    found = recognise(credentials, provider, ring, key, contact)
    attachment.recognised = asked, found
    return found


def _judged(credential: str, provider: Provider, ring: KeyRing, key: bytes, contact: str) -> Presented:
    """One credential: what was registered counts before what it looks like."""
    digest, fault = fingerprint(credential, key), None
    known = ring.known.get(digest)
    if known is None:
        shape = shape_of(credential)
        if shape is None:
            return Presented(fingerprint=digest)
        if is_foreign(shape, provider):
            fault = refusals.foreign_key(shape.words, provider.name)
        return Presented(key_class_at(shape, provider), digest, fault=fault)
    if known.provider != provider.name:
        whose = f"the {known.key_class} key '{known.label}' of {known.provider}"
        fault = refusals.foreign_key(whose, provider.name)
    elif known.retired and known.key_class is KeyClass.COMPANY:
        fault = refusals.key_retired(known.label, contact)
    return Presented(known.key_class, digest, fault=fault)


def _both(first: Presented, other: Presented) -> Presented:
    """Two credentials of one request. Which of them the provider takes is its own affair, so what they do not
    agree on is unknown: a made-up login beside a key must not lift it out of the caps. The company's key
    beside another is refused: the request would be the company's or not, as the client pleases."""
    fault = first.fault or other.fault
    if first.key_class is other.key_class:
        return Presented(first.key_class, first.fingerprint, fault=fault)
    if KeyClass.COMPANY in (first.key_class, other.key_class):
        return Presented(KeyClass.UNKNOWN, first.fingerprint, fault=fault or refusals.MIXED_KEYS)
    return Presented(KeyClass.UNKNOWN, first.fingerprint, fault=fault)

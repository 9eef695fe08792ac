"""Provider keys as an operator handles them: registered, listed, retired.

The store gets a fingerprint and, of the company's keys, a sealed form; the key itself is only ever in the
memory of the process that owns the store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sluiceway.app import control
from sluiceway.app.deployment import Deployment
from sluiceway.app.operations import actor
from sluiceway.audit import service_account
from sluiceway.audit.keyring import ACCOUNT_FORM, SEALED_FORM, KeyRing, fingerprint, seal
from sluiceway.errors import SluicewayError
from sluiceway.settings.sentences import nearest
from sluiceway.store import Store
from sluiceway.store.keys import ProviderKey
from sluiceway.types import KeyClass, Provider
from sluiceway.wire.credential_shapes import JWT, Kind, is_foreign, shape_of

type Arguments = Mapping[str, Any]

PREFIX = "key."  # of the operations that `run` knows
SHORTEST, LONGEST = 12, 4096
KEY, ACCOUNT = "key", "service account"
RENEWS = "; give the JSON key file of a service account instead, whose tokens are renewed by themselves"
# Decision 0001: what the first company key changes for everybody else.
NOW_PERSONAL = (
    "from now on keys that are not registered count as personal: metered, but under no budget; "
    "write 'keys: {unknown: company}' in rules/policy/ to keep them capped"
)


def perform(deployment: Deployment, operation: str, **arguments: Any) -> Any:
    """Has it done, by the running serve or here. Raises SluicewayError with what to do."""
    arguments = {**arguments, "actor": actor()}
    try:
        return control.ask(deployment.config, operation, arguments)
    except control.NotRunning:
        with deployment.store(writable=True) as store:
            return run(deployment, store, operation, arguments)


def run(deployment: Deployment, store: Store, operation: str, arguments: Arguments) -> Any:
    """Does an operation on an open, writable store."""
    if operation not in OPERATIONS:
        raise SluicewayError(f"this version has no operation '{operation}'")
    return OPERATIONS[operation](deployment, store, arguments)


def ring(deployment: Deployment, store: Store) -> KeyRing:
    """All that is known of keys, opened. Raises ConfigError where the deployment's key is not theirs."""
    return KeyRing.of(store.keys.list(), deployment.key())


def listing(deployment: Deployment, store: Store) -> list[dict[str, Any]]:
    """Every key by label; `state` says what is done with it."""
    known = ring(deployment, store)
    return [_row(each, known) for each in store.keys.list()]


def _row(each: ProviderKey, known: KeyRing) -> dict[str, Any]:
    return {
        "label": each.label,
        "provider": each.provider,
        "class": str(each.key_class),
        "kind": _kind(each),
        "fingerprint": each.fingerprint,
        "state": _state(each, known),
        "created_at": each.created_at.isoformat(),
        "retired_at": None if each.retired_at is None else each.retired_at.isoformat(),
    }


def _kind(each: ProviderKey) -> str | None:
    """What is sealed; None: its sealed form is destroyed, and nothing else tells."""
    if each.sealed is None:
        return None if each.key_class is KeyClass.COMPANY else KEY
    return ACCOUNT if each.sealed[:1] == ACCOUNT_FORM else KEY


def _state(each: ProviderKey, known: KeyRing) -> str:
    """`current`: injected where a rule names no label; `by label`: where a rule names it."""
    if each.retired_at is not None:
        return "retired"
    if each.key_class is not KeyClass.COMPANY:
        return "recognised"
    newest = known.key_for(each.provider)
    return "current" if newest is not None and newest.label == each.label else "by label"


def _add(deployment: Deployment, store: Store, given: Arguments) -> dict[str, Any]:
    content = deployment.content()
    providers = content.providers.by_name
    name, label, key_class = given["provider"], given["label"], KeyClass(given["key_class"])
    if name not in providers:
        near = nearest(name, providers)
        hint = f" (did you mean '{near}'?)" if near else f"; write one of {', '.join(sorted(providers))}"
        raise SluicewayError(f"providers.yaml has no provider '{name}'{hint}")
    secret, form = readied(given["secret"], providers, providers[name], key_class)
    before = ring(deployment, store)  # a wrong sluiceway.key is found now, not at the next start
    key = deployment.key()
    digest = fingerprint(secret, key)
    sealed = seal(secret, label, name, key, form) if key_class is KeyClass.COMPANY else None
    store.keys.add(label, name, key_class, digest, sealed)
    detail = {"label": label, "provider": name, "key_class": str(key_class), "fingerprint": digest}
    store.events.record("key_added", given["actor"], detail)
    is_account = form == ACCOUNT_FORM
    warnings = [] if is_account else doubts(secret, providers[name], key_class)
    if key_class is KeyClass.COMPANY and not before.has_company_keys and content.policy.unknown_keys is None:
        warnings.append(NOW_PERSONAL)
    return {**detail, "kind": ACCOUNT if is_account else KEY, "warnings": warnings}


def _retire(deployment: Deployment, store: Store, given: Arguments) -> dict[str, Any]:
    store.keys.retire(given["label"])
    store.events.record("key_retired", given["actor"], {"label": given["label"]})
    return {"label": given["label"]}


def readied(
    text: str, providers: Mapping[str, Provider], provider: Provider, key_class: KeyClass
) -> tuple[str, bytes]:
    """The key as it is sealed, and in which form. Raises SluicewayError, without quoting it."""
    if not service_account.is_key_file(text):
        hint = "; or give a service account's whole JSON key file" if provider.takes_service_accounts else ""
        return checked(text, hint), SEALED_FORM
    if not provider.takes_service_accounts:
        others = sorted(name for name, each in providers.items() if each.takes_service_accounts)
        hint = f"; this is one for {' or '.join(others)}" if others else ""
        raise SluicewayError(f"{provider.name} takes no service account, but a key in one word{hint}")
    account = service_account.read(text)
    if key_class is not KeyClass.COMPANY:
        raise SluicewayError(
            "a service account is only ever the company's: its owner's clients send tokens that nobody can "
            "recognise; leave --class out, or register nothing"
        )
    return account.sealable(), ACCOUNT_FORM


def checked(text: str, hint: str = "") -> str:
    """The key as it goes into a header. Raises SluicewayError, without quoting it; `hint` ends its words."""
    secret = text.strip()
    if not SHORTEST <= len(secret) <= LONGEST:
        raise SluicewayError(f"a key has {SHORTEST} to {LONGEST} characters; this has {len(secret)}{hint}")
    if not (secret.isascii() and secret.isprintable()) or " " in secret:
        raise SluicewayError(
            f"a key is one word of printable ASCII; give the file or the input nothing else{hint}"
        )
    return secret


def doubts(secret: str, provider: Provider, key_class: KeyClass) -> list[str]:
    """What looks wrong about a key for this provider. People may know better, so it is only said."""
    shape = shape_of(secret)
    if is_foreign(shape, provider):
        assert shape
        return [f"this has the form of {shape.words}, not of a key of {provider.name}"]
    if shape is None or key_class is not KeyClass.COMPANY or shape.kind is Kind.API_KEY:
        return []
    if shape.prefix == JWT or shape.kind is not Kind.ADMIN_KEY:
        better = RENEWS if provider.takes_service_accounts else ""
        return [f"this has the form of {shape.words}: it will expire, and may belong to a person{better}"]
    return [f"this has the form of {shape.words}: it administers the account; use an ordinary API key"]


OPERATIONS: dict[str, Callable[[Deployment, Store, Arguments], Any]] = {
    "key.add": _add,
    "key.retire": _retire,
}

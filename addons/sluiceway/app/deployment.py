"""One deployment on disk: its settings, its key, its rules and its store, loaded with clear errors."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sluiceway.errors import ConfigError
from sluiceway.policy import Policy, load_policy
from sluiceway.policy.load import CATALOGUE
from sluiceway.policy.scope import EACH
from sluiceway.pricing.book import PriceBook
from sluiceway.settings.config import Settings, load_settings
from sluiceway.settings.providers import Providers
from sluiceway.settings.sentences import nearest
from sluiceway.store import Store
from sluiceway.store.spool import SpoolPlan
from sluiceway.wire import DIALECTS, SOCKETS

if TYPE_CHECKING:
    from sluiceway.guard.company import Recognizers

KEY_FILE = "sluiceway.key"
KEY_VARIABLE = "SLUICEWAY_KEY"
KEY_BYTES = 32
SPOOL_FOLDER = "spool"
NOBODY_TO_ASK = "whoever runs Sluiceway in your company"


@dataclass(frozen=True, slots=True)
class Content:
    """What people edit under rules/, loaded together so that a reload is all or nothing."""

    providers: Providers
    policy: Policy
    prices: PriceBook
    recognizers: Recognizers


@dataclass(frozen=True, slots=True)
class Deployment:
    """A configuration file and what it points to. Nothing is opened until asked for."""

    config: Path
    settings: Settings
    worker: int | None = None  # which of several processes this one is; None: the only one

    @classmethod
    def load(cls, config: Path) -> Deployment:
        """Raises ConfigError with file, line and column for every mistake."""
        if not config.exists():
            raise ConfigError(
                f"{config}: there is no such file. Make a deployment with `sluiceway init .`, "
                "or name its file with --config."
            )
        return cls(config.resolve(), load_settings(config))

    @property
    def folder(self) -> Path:
        return self.config.parent

    @property
    def contact(self) -> str:
        """Whom people are told to ask."""
        return self.settings.contact or NOBODY_TO_ASK

    def content(self) -> Content:
        """Providers, policy, prices and recognisers, checked against each other."""
        from sluiceway.app.entities import recognizers_of, unknown_types  # RE2: other commands do without

        rules = self.settings.rules
        providers = Providers.load(rules / "providers.yaml")
        _check_dialects(rules / "providers.yaml", providers.dialects, {each.name for each in DIALECTS})
        sockets = {each.name for each in SOCKETS}
        _check_dialects(rules / "providers.yaml", providers.socket_dialects, sockets, "of sockets ")
        prices = PriceBook.load(rules / "prices.yaml", providers.by_name.values())
        policy, recognizers = load_policy(rules / "policy"), recognizers_of(rules)
        _check_dialects(rules / CATALOGUE, policy.models.dialects, {each.name for each in DIALECTS})
        if problems := [*_nowhere(policy, providers), *unknown_types(policy, recognizers)]:
            raise ConfigError("\n".join(problems))
        return Content(providers, policy, prices, recognizers)

    def key(self) -> bytes:
        """The key that tokens and fingerprints are hashed with: from the environment, else from its file."""
        text = os.environ.get(KEY_VARIABLE)
        source = KEY_VARIABLE if text else str(self.folder / KEY_FILE)
        if not text:
            try:
                text = (self.folder / KEY_FILE).read_text("ascii")
            except (OSError, UnicodeDecodeError):
                raise ConfigError(
                    f"{source}: the deployment's key cannot be read. `sluiceway init` writes it; "
                    f"restore it from your backup or set {KEY_VARIABLE}."
                ) from None
        try:
            key = bytes.fromhex(text.strip())
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise ConfigError(f"{source}: the key must be {KEY_BYTES * 2} hexadecimal digits")
        return key

    def spool(self) -> SpoolPlan:
        """Where a serving process keeps rows while the ledger is away."""
        settings = self.settings
        on = settings.on_ledger_failure == "spool"
        return SpoolPlan(self.folder / SPOOL_FOLDER, f"worker-{self.worker or 0}", settings.spool_bytes, on)

    @contextmanager
    def store(self, *, writable: bool, create: bool = False) -> Iterator[Store]:
        """The store, closed at the end. A writable one is exclusive: StoreError names who holds it."""
        store = self.open_store(writable=writable, create=create)
        try:
            yield store
        finally:
            store.close()

    def open_store(self, *, writable: bool, create: bool = False, spool: SpoolPlan | None = None) -> Store:
        boot = f"{os.getpid()}-{secrets.token_hex(4)}"
        return Store.open(
            self.settings.store,
            key=self.key(),
            boot=boot,
            writable=writable,
            create=create,
            spool=spool,
        )


def _check_dialects(path: Path, named: frozenset[str], known: set[str], kind: str = "") -> None:
    if unknown := sorted(named - known):
        raise ConfigError(
            f"{path}: there is no dialect {kind}'{unknown[0]}'; write one of {', '.join(sorted(known))}"
        )


def _nowhere(policy: Policy, providers: Providers) -> Iterator[str]:
    """Routes that lead to a provider that is not in providers.yaml, and budgets of one."""
    named = [(rule.name, name) for rule in policy.routes for name in dict.fromkeys(rule.providers_named)]
    scopes = [(budget.name, budget.scope) for budget in policy.budgets]
    named += [(rule, scope.provider) for rule, scope in scopes if scope != "company" and scope.provider]
    for rule, name in named:
        if name in providers.by_name or name == EACH:
            continue
        near = nearest(name, providers.by_name)
        guess = f"did you mean '{near}'?" if near else f"there are {', '.join(sorted(providers.by_name))}"
        yield f"{policy.places[rule]}: {rule}: there is no provider '{name}' ({guess})"


def write_key(folder: Path) -> None:
    """A fresh key, readable by its owner alone."""
    descriptor = os.open(folder / KEY_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(KEY_BYTES) + "\n")

"""The settings of one deployment: `sluiceway.yaml` as checked, frozen records with its defaults.

Paths are resolved against the folder of the file, so that it does not matter where a command is started.
Passwords may stand in `store` and `upstream.proxy`: neither is part of any repr or message.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from sluiceway.settings.addresses import (
    Address,
    ConnectTo,
    HttpUrl,
    Listen,
    PublicUrl,
    parse_address,
)
from sluiceway.settings.alerts import Channel, below
from sluiceway.settings.egress import Egress
from sluiceway.settings.identity import IdentityPaths
from sluiceway.settings.portal import PortalSettings
from sluiceway.settings.section import Count, Days, Seconds, Section, Text, Wait, number
from sluiceway.settings.yaml_file import load_model

SQLITE = "sqlite:///"
STORES = ("postgresql://", "postgresql+psycopg://")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("not a time zone; write one such as UTC or Europe/Berlin") from None
    return name


def _store(url: str) -> str:
    if url.startswith("postgres://"):
        raise ValueError("write postgresql:// instead of postgres://")
    if not (url.startswith(STORES) or (url.startswith(SQLITE) and _is_file(url.removeprefix(SQLITE)))):
        raise ValueError("write sqlite:///sluiceway.db or postgresql://user@host/db")
    return url


def _is_file(name: str) -> bool:
    """No in-memory database (it forgets what was spent), no query that could make it one."""
    return bool(name) and ":memory:" not in name and "?" not in name


class TlsFiles(Section):
    """A certificate of the company's own for a TLS listener, PEM, the chain included."""

    cert: Path
    key: Path


class Listener(Section):
    """An address clients use as their proxy. `tls: auto`: a leaf for public_url, signed by our anchor."""

    address: Listen
    tls: Literal["auto"] | TlsFiles | None = None


class Gateway(Section):
    """Base-URL mode, for clients that cannot use a proxy. None: off."""

    listen: Listen | None = None


class Operate(Section):
    """The operators' port: health, readiness, metrics. It asks for no credentials. None: off."""

    listen: Listen | None = None


class Upstream(Section):
    """The way to the providers. These are trusted settings: they may point to loopback.

    Where a rule names where a request may go next: `attempts` bounds how often it is tried, the first time
    included, and `failover_s` for how long after it came another try may begin; `first_event_s` is how long a
    stream may take to begin before the next is tried (answers that are not streamed have `first_byte_s`).
    `retry_s`: a company key's only target that asks for a pause of up to this is asked once more after it.
    `mirrors`: how many copies for other models may be on their way at once; further ones are not sent.
    """

    trusted_ca: Path | None = None
    connect_to: ConnectTo = Field(default_factory=dict)
    proxy: HttpUrl | None = Field(default=None, repr=False)
    attempts: Annotated[Count, Field(le=20)] = 4
    failover_s: Seconds = 600
    first_event_s: Seconds = 60
    retry_s: Annotated[Wait, Field(le=30)] = 2
    mirrors: Annotated[Count, Field(le=1000)] = 8

    def dial(self, host: str, port: int) -> Address | None:
        """Where to connect instead of host:port, as curl's --connect-to; None: where the name leads."""
        return self.connect_to.get(str(Address(host, port))) or self.connect_to.get(f"*:{port}")


class Retention(Section):
    """How long rows are kept. At least a month of the ledger, which its budgets are added up from."""

    ledger_days: Annotated[Days, Field(ge=32)] = 400
    discovery_days: Days = 90


class Report(Section):
    """What reports may say. `min_group`: teams with fewer active people are told together, whoever asks."""

    min_group: Annotated[Count, Field(le=1000)] = 1


class Limits(Section):
    """Bounds on what one client may make us hold."""

    body_bytes: Count = 33_554_432
    header_bytes: Annotated[Count, Field(ge=8192, le=1_048_576)] = 65_536
    connections_per_principal: Count = 200


class Timeouts(Section):
    """Seconds to wait for a provider. `first_byte_s` is long because an answer that is not streamed has
    its first byte when the model is done, and reasoning models think for minutes; `idle_s` is the
    longest silence inside an answer, or of a client in the middle of its request."""

    connect_s: Seconds = 10
    first_byte_s: Seconds = 300
    idle_s: Seconds = 300


class Deferral(Section):
    """How long a row waits for usage that comes with a later request; then it is charged what it has
    reserved. Batches take up to a day themselves. At most 28 days, so that no row outlives the ledger's
    shortest retention."""

    expires_h: Annotated[float, Field(gt=0, le=672), BeforeValidator(number)] = 24
    batch_expires_h: Annotated[float, Field(gt=0, le=672), BeforeValidator(number)] = 72


class Guard(Section):
    """Scanning of long requests: `workers` processes, and how long a request may wait for them."""

    workers: Annotated[Count, Field(le=32)] = 1
    deadline_s: Seconds = 2.0


class Settings(Section):
    """`sluiceway.yaml`. `wait_s`: how long a request waits for money that is only reserved by others;
    `contact`: whom a refused employee is told to ask; `watch_rules`: edited rules are taken up by themselves;
    `time_zone`: where budget days and months begin; `websockets`: whether those that providers.yaml lists are
    carried and metered, or every upgrade is answered 426, after which Codex sends ordinary requests;
    `on_ledger_failure`: whether traffic on keys that are not the company's goes on while the ledger cannot be
    written, its rows kept in a file of at most `spool_bytes`; the company's own stops in any case;
    `task_types`: whether the ledger gets the task (coding, reasoning ...) of all requests, or of those that a
    route looks at."""

    listeners: Annotated[tuple[Listener, ...], Field(min_length=1)] = (
        Listener(address=parse_address("127.0.0.1:8080")),
    )
    public_url: PublicUrl = "http://127.0.0.1:8080"
    gateway: Gateway = Gateway()
    operate: Operate = Operate()
    identity: IdentityPaths = IdentityPaths()
    portal: PortalSettings = PortalSettings()
    store: Annotated[str, AfterValidator(_store)] = Field(default="sqlite:///sluiceway.db", repr=False)
    rules: Path = Path("rules")
    certs: Path = Path("certs")
    upstream: Upstream = Upstream()
    egress: Egress = Egress()
    drain_timeout_s: Wait = 30
    retention: Retention = Retention()
    report: Report = Report()
    limits: Limits = Limits()
    timeouts: Timeouts = Timeouts()
    guard: Guard = Guard()
    alerts: tuple[Channel, ...] = ()
    deferred: Deferral = Deferral()
    wait_s: Wait = 30
    on_ledger_failure: Literal["closed", "spool"] = "closed"
    spool_bytes: Annotated[Count, Field(ge=65_536)] = 67_108_864
    contact: Text | None = None
    watch_rules: bool = True
    websockets: Literal["meter", "refuse"] = "meter"
    task_types: Literal["matched", "all"] = "matched"
    time_zone: Annotated[str, AfterValidator(_zone)] = "UTC"

    @field_validator("identity")
    @classmethod
    def _ports_of_their_own(cls, identity: IdentityPaths, info: ValidationInfo) -> IdentityPaths:
        own = [listener.address for listener in info.data.get("listeners", ())]
        own += [
            each.listen for name in ("gateway", "operate") if (each := info.data.get(name)) and each.listen
        ]
        for address in own:
            if identity.ports is not None and address.port in identity.ports.numbers:
                raise ValueError(
                    f"{address} listens on a port between {identity.ports.first} and {identity.ports.last}; "
                    "choose a range without it"
                )
        return identity

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which budget windows begin and end."""
        return ZoneInfo(self.time_zone)


def load_settings(path: Path) -> Settings:
    """The settings of a deployment with absolute paths. Raises ConfigError with every mistake in the file."""
    return resolve(load_model(path, Settings), path.absolute().parent)


def resolve(settings: Settings, folder: Path) -> Settings:
    """The same settings with every relative path below `folder`."""
    upstream = settings.upstream
    if upstream.trusted_ca is not None:
        upstream = upstream.model_copy(update={"trusted_ca": folder / upstream.trusted_ca})
    changes = {
        "listeners": tuple(_resolve_listener(listener, folder) for listener in settings.listeners),
        "store": _resolve_store(settings.store, folder),
        "rules": folder / settings.rules,
        "certs": folder / settings.certs,
        "upstream": upstream,
        "alerts": tuple(below(channel, folder) for channel in settings.alerts),
    }
    return settings.model_copy(update=changes)


def _resolve_listener(listener: Listener, folder: Path) -> Listener:
    if not isinstance(listener.tls, TlsFiles):
        return listener
    files = TlsFiles(cert=folder / listener.tls.cert, key=folder / listener.tls.key)
    return listener.model_copy(update={"tls": files})


def _resolve_store(url: str, folder: Path) -> str:
    if not url.startswith(SQLITE):
        return url
    return SQLITE + str(folder / url.removeprefix(SQLITE))

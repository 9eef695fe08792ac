"""The AI providers we decrypt and meter, path by path, and the AI hosts we only count by name.

`rules/providers.yaml` is an allow-list: a path that is not in it is unlisted, and unlisted means refused
unless the provider's entry says otherwise. Hosts given to this file are normalised names already
(lower case, no final dot); they are compared whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from sluiceway.settings.addresses import HOST
from sluiceway.settings.paths import check_pattern, filled, fits, is_canonical, may_hold_percent
from sluiceway.settings.section import Name, Section
from sluiceway.settings.yaml_file import Document, load_document
from sluiceway.settings.yaml_nodes import Loc, Problem
from sluiceway.types import Provider, Quirks, Route

ANY_METHOD = "*"
UNMETERED = "pass"  # the operation of a path that passes unmetered
UNLISTED = "unlisted"  # of one of which nobody knows what it costs
EACH_LABEL = "*."
LABEL_OR_STAR = re.compile(r"[a-z0-9*_-]{1,63}")


def _host(text: str) -> str:
    """A name, or all names one label below another: `*.openai.azure.com`, where every customer has its own.
    What follows the star must have three labels, because the issuing CA may then speak for all below it."""
    name = text.removeprefix(EACH_LABEL)
    if not HOST.fullmatch(name) or "." not in name or name.rpartition(".")[2].isdigit():
        raise ValueError("write the bare host name in lower case, such as api.example.com")
    if name != text and name.count(".") < 2:
        raise ValueError("after '*.' at least three labels must follow, such as *.openai.azure.com")
    return text


def _watched(text: str) -> str:
    labels = text.split(".")
    if not all(map(LABEL_OR_STAR.fullmatch, labels)) or len(labels) < 2 or "*" in "".join(labels[-2:]):
        raise ValueError("write a host name such as example.com; '*' stands for letters within one label")
    return text


def _header(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]+", text):
        raise ValueError("write the header's name in lower case, such as x-api-key")
    return text


def _body_field(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", text):
        raise ValueError("write a top-level field of the request's body, such as max_tokens")
    return text


type Host = Annotated[str, AfterValidator(_host)]
type Fill = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
type Pattern = Annotated[str, AfterValidator(check_pattern)]
type Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


# The forms of answers that tell usage later; the readers are in wire/later.py.
type Collects = Literal[
    "openai_response",
    "openai_batch",
    "anthropic_batch",
    "anthropic_results",
    "gemini_batch",
    "gemini_results",
]


class PathEntry(Section):
    """A metered path: `dialect` reads its requests and answers, `operation` names it in the ledger."""

    method: Method
    path: Pattern
    dialect: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    operation: Literal[
        "batch",
        "batch_file",
        "chat",
        "completions",
        "count_tokens",
        "embeddings",
        "generate_content",
        "images",
        "moderation",
        "ocr",
        "rerank",
        "speech",
        "transcription",
    ]


class SocketEntry(Section):
    """A metered WebSocket: `dialect` reads its frames, and each turn on it has a row of its own."""

    path: Pattern
    dialect: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    operation: Literal["chat", "realtime"]


class PassEntry(Section):
    """A harmless path: costs nothing at the provider, passes unmetered. `method: "*"` is any method.
    `collects`: its answers say what earlier requests used, which is charged to those. `own_key`: it shows
    what everybody with the same key has there, so it is never asked for with an injected key."""

    method: Method | Literal["*"]
    path: Pattern
    collects: Collects | None = None
    own_key: bool = False


type BodyField = Annotated[str, AfterValidator(_body_field)]


class QuirksEntry(Section):
    """How the provider differs from the API it speaks (see `types.Quirks`). Each one cites its source."""

    stream_usage: Literal["asked", "always", "never"] = "asked"
    cost: Literal["listed", "reported"] = "listed"
    renames: dict[BodyField, BodyField] = Field(default_factory=dict)
    refuses: tuple[BodyField, ...] = ()
    takes: tuple[BodyField, ...] = ()
    thoughts: Literal["left_out", "handed_back"] = "left_out"

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        for old, new in self.renames.items():
            if new in self.renames:
                raise ValueError(f"renames '{old}' to '{new}' and that again: name the field it ends as")
            if new in self.refuses or (self.takes and new not in self.takes):
                raise ValueError(f"renames '{old}' to '{new}', which is not taken")
        return self

    def record(self) -> Quirks:
        return Quirks(
            self.stream_usage,
            self.cost,
            dict(self.renames),
            frozenset(self.refuses),
            frozenset(self.takes),
            self.thoughts,
        )


class ProviderEntry(Section):
    """One provider. Not `enabled`: as if it were not here, its hosts at most watched. `price_id` is its id
    in genai-prices; `dialect` is the form of our own refusals; `grpc` as in `types.Provider`. `seats: false`:
    what looks like a login is billed by use here. `flagged`: other services of the host, which pass although
    nobody here knows what they cost, and are listed as unmetered, as with `unlisted: pass`. `home`: which of
    its hosts takes what a route sends here (else the first), `fills` what stands for `{name}` in its path
    there (the company's project at a cloud)."""

    name: Name
    enabled: bool = True
    hosts: Annotated[tuple[Host, ...], Field(min_length=1)]
    price_id: Name
    dialect: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    credential_headers: Annotated[tuple[Annotated[str, AfterValidator(_header)], ...], Field(min_length=1)]
    unlisted: Literal["refuse", "pass"] = "refuse"
    grpc: Literal["refuse", "pass"] = "refuse"
    quirks: QuirksEntry = QuirksEntry()
    seats: bool = True
    paths: Annotated[tuple[PathEntry, ...], Field(min_length=1)]
    sockets: tuple[SocketEntry, ...] = ()
    harmless: tuple[PassEntry, ...] = Field(default=(), alias="pass")
    flagged: tuple[PassEntry, ...] = ()
    home: Host | None = None
    fills: dict[Annotated[str, Field(pattern=r"^[a-z_]+$")], Fill] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _at_home(self) -> Self:
        if self.home is not None and self.home not in self.hosts:
            raise ValueError(f"home: '{self.home}' is not among its 'hosts'; add it there")
        return self

    def record(self) -> Provider:
        """The entry as the record all rooms share; metered paths come first, so `pass` cannot hide one."""
        metered = (Route(e.method, e.path, e.dialect, e.operation) for e in self.paths)
        free = (Route(e.method, e.path, None, UNMETERED, e.collects, e.own_key) for e in self.harmless)
        costly = (Route(e.method, e.path, None, UNLISTED) for e in self.flagged)
        return Provider(
            name=self.name,
            hosts=self.hosts,
            routes=(*metered, *free, *costly),
            price_id=self.price_id,
            dialect=self.dialect,
            unlisted=self.unlisted,
            credential_headers=self.credential_headers,
            grpc=self.grpc,
            quirks=self.quirks.record(),
            seats=self.seats,
            sockets=tuple(Route("GET", e.path, e.dialect, e.operation) for e in self.sockets),
            home=self.home,
            fills=dict(self.fills),
        )


class ProvidersFile(Section):
    """rules/providers.yaml."""

    version: Literal[1]
    providers: Annotated[tuple[ProviderEntry, ...], Field(min_length=1)]
    watch: tuple[Annotated[str, AfterValidator(_watched)], ...] = ()


@dataclass(frozen=True, slots=True)
class Providers:
    """All providers, found by host or by name. Immutable: a reload makes a new one."""

    by_name: Mapping[str, Provider]
    by_host: Mapping[str, Provider]
    watch: re.Pattern[str]

    @classmethod
    def load(cls, path: Path) -> Providers:
        """Read rules/providers.yaml. Raises ConfigError with every mistake in it."""
        document = load_document(path)
        file = document.read(ProvidersFile)
        if problems := list(_repeated(document, file)):
            raise document.error(problems)
        records = [entry.record() for entry in file.providers if entry.enabled]
        return cls(
            by_name={provider.name: provider for provider in records},
            by_host={host: provider for provider in records for host in provider.hosts},
            watch=_one_expression(file.watch),
        )

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names we decrypt, or below which we do: what the issuing CA's name constraints permit."""
        return tuple(dict.fromkeys(host.removeprefix(EACH_LABEL) for host in self.by_host))

    @property
    def dialects(self) -> frozenset[str]:
        """Every dialect of requests the file names, for a check against those that exist."""
        routes = (route for provider in self.by_name.values() for route in provider.routes)
        own = {provider.dialect for provider in self.by_name.values()}
        return frozenset(own | {route.dialect for route in routes if route.dialect is not None})

    @property
    def socket_dialects(self) -> frozenset[str]:
        """Every dialect of frames the file names."""
        sockets = (route for provider in self.by_name.values() for route in provider.sockets)
        return frozenset(route.dialect for route in sockets if route.dialect is not None)

    def at(self, host: str) -> Provider | None:
        """The provider at this normalised host name; None: not one we decrypt. An exact name beats a star."""
        return self.by_host.get(host) or self.by_host.get(EACH_LABEL + host.partition(".")[2])

    def watched(self, host: str) -> bool:
        """Whether a host we do not decrypt is a known AI host: a watch entry or below one."""
        return self.watch.fullmatch(host) is not None


def match(provider: Provider, method: str, path: str) -> Route | None:
    """The route of a request, by its path as sent, without the query. None: unlisted.

    A route whose `dialect` is None passes unmetered. Methods are compared as sent, in capitals.
    """
    plain = is_canonical(path)
    fitting = (route for route in provider.routes if route.method in (method, ANY_METHOD))
    readable = (route for route in fitting if plain or may_hold_percent(route.pattern))
    return next((route for route in readable if fits(route.pattern, path)), None)


def socket_at(provider: Provider, path: str) -> Route | None:
    """The metered WebSocket at a path as sent, without the query. None: none is metered there.

    Google's own Python SDK asks for `//ws/...`; what is taken for a socket is metered, so that no other path
    can be meant by a second slash in front that would cost more."""
    path = "/" + path.lstrip("/")
    if not is_canonical(path):
        return None
    return next((route for route in provider.sockets if fits(route.pattern, path)), None)


def path_at(provider: Provider, like: Route, path: str, model: str | None = None) -> str | None:
    """Where a provider takes a request that has `path` at another one, by a route `like` this: the same path
    where it means the same there, else the first it has for it, with `model` and the company's own names in
    place of `{name}`. None: it does not speak that API, or a name is missing."""
    if (same := match(provider, like.method, path)) is not None and same.dialect == like.dialect:
        return path
    wanted, verb = (like.method, like.dialect, like.operation), path.rpartition(":")[2]
    patterns = [r.pattern for r in provider.routes if (r.method, r.dialect, r.operation) == wanted]
    if ":" in path:  # Google's verb behind the model: whole or streamed
        patterns = [pattern for pattern in patterns if pattern.endswith(f":{verb}")]
    names = dict(provider.fills) | ({} if model is None else {"model": model})
    written = (filled(pattern, names) for pattern in patterns if not pattern.endswith("*"))
    return next((found for found in written if found is not None), None)


def _one_expression(watch: tuple[str, ...]) -> re.Pattern[str]:
    names = (re.escape(entry).replace(r"\*", "[a-z0-9_-]+") for entry in watch)
    return re.compile(rf"(?:[a-z0-9_-]+\.)*(?:{'|'.join(names)})" if watch else r"(?!)")


def _repeated(document: Document, file: ProvidersFile) -> Iterator[Problem]:
    """Names, hosts and paths that are given twice: one of the two entries would silently not count."""
    names: dict[str, Loc] = {}
    hosts: dict[str, Loc] = {}
    for index, provider in enumerate(file.providers):
        here: Loc = ("providers", index)
        paths: dict[str, Loc] = {}
        found: list[tuple[dict[str, Loc], str, Loc]] = [(names, provider.name, (*here, "name"))]
        found += [(hosts, host, (*here, "hosts", n)) for n, host in enumerate(provider.hosts)]
        metered = [(f"{e.method} {e.path}", (*here, "paths", n)) for n, e in enumerate(provider.paths)]
        free = [(f"{e.method} {e.path}", (*here, "pass", n)) for n, e in enumerate(provider.harmless)]
        free += [(f"{e.method} {e.path}", (*here, "flagged", n)) for n, e in enumerate(provider.flagged)]
        sockets = [(f"socket {e.path}", (*here, "sockets", n)) for n, e in enumerate(provider.sockets)]
        found += [(paths, text, loc) for text, loc in metered + free + sockets]
        for known, text, loc in found:
            if known.setdefault(text, loc) != loc:
                yield Problem(loc, f"'{text}' is given twice (first at {document.where(known[text])})")

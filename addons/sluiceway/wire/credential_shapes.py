"""What a provider credential is by its looks: whose, and of which kind. None is checked with anybody.

Sources: the providers' own documents where they show a key, gitleaks' and trufflehog's public rules (Bedrock,
Groq, xAI, Perplexity, Together, OpenAI's `T3BlbkFJ`), GitHub's "About authentication" (its token prefixes),
Microsoft's "common annotated security keys" (`JQQJ9` at 52 of 84), Google's "Using Gemini API keys" (`AQ.`
since 2026), and what Claude Code, Codex and the Copilot clients were seen to send.

Work is bounded: one look-up by two letters, a few comparisons of prefixes, and for the few shapes without a
prefix a length first. Of a token that names its issuer (a JWT) at most 8 KB are read.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import orjson

from sluiceway.types import KeyClass, Provider

# The word an SDK is given where the company's key is meant: most refuse to start without any (decision 0008).
PLACEHOLDER = "sluiceway"
JWT = "eyJ"
JWT_PART_BYTES = 8192
HEX = frozenset("0123456789abcdef")


class Kind(StrEnum):
    """What sort of credential it is, in words for a message."""

    API_KEY = "API key"
    ADMIN_KEY = "admin key"
    LOGIN = "login"
    SESSION = "session token"
    CLOUD = "cloud credential"


@dataclass(frozen=True, slots=True)
class Shape:
    """One form of credentials. `owners` are providers' names; `certain`: nobody else's look like this, so
    another provider must not be shown it. `holds`: what stands somewhere behind the prefix."""

    prefix: str
    kind: Kind
    owners: tuple[str, ...]
    certain: bool = True
    holds: str = ""

    @property
    def key_class(self) -> KeyClass:
        """The class of one that is not registered. Only what is bought as a seat is a subscription; a cloud's
        or a browser's token may well be billed by use."""
        return KeyClass.SUBSCRIPTION if self.kind is Kind.LOGIN else KeyClass.UNKNOWN

    @property
    def words(self) -> str:
        """Such as `an API key of openai`."""
        article = "a" if self.kind[0] not in "aeiouAEIOU" else "an"
        return f"{article} {self.kind} of {self.owners[0]}" if self.owners else f"{article} {self.kind}"


def _of(owner: str, kind: Kind, *prefixes: str, certain: bool = True) -> tuple[Shape, ...]:
    return tuple(Shape(prefix, kind, (owner,), certain) for prefix in prefixes)


SHAPES: tuple[Shape, ...] = (
    *_of("anthropic", Kind.API_KEY, "sk-ant-api03-", "sk-ant-"),
    *_of("anthropic", Kind.ADMIN_KEY, "sk-ant-admin"),
    *_of("anthropic", Kind.LOGIN, "sk-ant-oat"),  # Claude Code's, `claude setup-token`
    *_of("anthropic", Kind.SESSION, "sk-ant-ort", "sk-ant-sid"),  # to refresh a login; claude.ai's cookie
    *_of("openai", Kind.API_KEY, "sk-proj-", "sk-svcacct-", "sk-service-", "sk-None-"),
    *_of("openai", Kind.ADMIN_KEY, "sk-admin-"),
    *_of("openai", Kind.SESSION, "sess-", "ek_"),  # the dashboard's; a realtime client's, for minutes
    Shape("sk-", Kind.API_KEY, ("openai",), holds="T3BlbkFJ"),  # "OpenAI" in base64, in all of its older keys
    # OpenAI's oldest form, which others took over.
    Shape("sk-", Kind.API_KEY, ("openai", "deepseek", "moonshotai", "alibaba", "stability"), certain=False),
    *_of("google", Kind.API_KEY, "AIza", "AQ."),
    *_of("google", Kind.LOGIN, "ya29."),
    *_of("google", Kind.SESSION, "1//0", "GOCSPX-"),  # to refresh a login; an application's own secret
    *_of("xai", Kind.ADMIN_KEY, "xai-token-"),
    *_of("xai", Kind.API_KEY, "xai-"),
    *_of("aws", Kind.CLOUD, "AKIA", "ASIA", "ABIA", "ACCA", "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
    *_of("aws", Kind.API_KEY, "ABSK", "bedrock-api-key-"),  # Bedrock's, for long and for hours
    *_of("groq", Kind.API_KEY, "gsk_"),
    *_of("openrouter", Kind.API_KEY, "sk-or-v1-", "sk-or-"),
    *_of("together", Kind.API_KEY, "tgp_v1_"),
    *_of("fireworks", Kind.API_KEY, "fw_", "fpk_"),
    *_of("cerebras", Kind.API_KEY, "csk-"),
    *_of("perplexity", Kind.API_KEY, "pplx-"),
    *_of("huggingface", Kind.API_KEY, "hf_", "api_org_"),
    *_of("nvidia", Kind.API_KEY, "nvapi-"),
    *_of("voyage", Kind.API_KEY, "pa-", certain=False),
    *_of("replicate", Kind.API_KEY, "r8_"),
    *_of("jina", Kind.API_KEY, "jina_"),
    *_of("databricks", Kind.API_KEY, "dapi", certain=False),
    *_of("vercel", Kind.API_KEY, "vck_"),
    *_of("elevenlabs", Kind.API_KEY, "sk_", certain=False),
    *_of("github", Kind.LOGIN, "gho_", "ghu_", "tid="),  # what Copilot's clients hold, and get for it
    *_of("github", Kind.API_KEY, "ghp_", "ghs_", "github_pat_"),
    *_of("github", Kind.SESSION, "ghr_"),
    *_of("sluiceway", Kind.LOGIN, "swy_"),  # our own, for the proxy: no provider may see it
)

# Forms without a prefix of their own. They are guesses, so nothing is refused by them.
AZURE_KEY = Shape("", Kind.API_KEY, ("azure",))  # 84 characters with a mark in them
AZURE_OR_MISTRAL = Shape("", Kind.API_KEY, ("azure", "mistral", "ai21"), certain=False)  # 32 of 0-9a-f
MISTRAL_KEY = Shape("", Kind.API_KEY, ("mistral",), certain=False)  # 32 letters and digits
COHERE_KEY = Shape("", Kind.API_KEY, ("cohere",), certain=False)  # 40 letters and digits
TOGETHER_KEY = Shape("", Kind.API_KEY, ("together",), certain=False)  # 64 of 0-9a-f, its older form
ZHIPU_KEY = Shape("", Kind.API_KEY, ("zhipu",), certain=False)  # 32 of 0-9a-f, a dot, 16 more
AZURE_KEY_CHARS, AZURE_MARK, AZURE_MARK_AT = 84, "JQQJ9", 52

# Tokens that name their issuer. Nobody has checked their signature: a made-up one is refused by the provider,
# so it moves no money.
OPENAI_LOGIN = Shape(JWT, Kind.LOGIN, ("openai",))
ENTRA_TOKEN = Shape(JWT, Kind.CLOUD, ("azure",))
GOOGLE_SERVICE_ACCOUNT = Shape(JWT, Kind.CLOUD, ("google",))
AWS_TOKEN = Shape(JWT, Kind.CLOUD, ("aws",))
OTHER_LOGIN = Shape(JWT, Kind.LOGIN, (), certain=False)
ISSUERS: tuple[tuple[str, Shape], ...] = (
    ("https://auth.openai.com", OPENAI_LOGIN),
    ("https://auth0.openai.com", OPENAI_LOGIN),
    ("https://login.microsoftonline.com/", ENTRA_TOKEN),
    ("https://sts.windows.net/", ENTRA_TOKEN),
    ("https://cognito-idp.", AWS_TOKEN),
)

OWNERS = frozenset(owner for shape in SHAPES for owner in shape.owners) | {
    "azure",
    "mistral",
    "cohere",
    "zhipu",
}
# Who takes a login in place of a key; ChatGPT's is told by its issuer.
SELL_SEATS = frozenset(owner for s in SHAPES if s.kind is Kind.LOGIN for owner in s.owners) | {"openai"}
# Their own keys never begin with a bare sk-, whoever else's do.
OTHERWISE = frozenset({"anthropic", "google", "xai", "groq", "openrouter"})
# The same provider by its id in the price list.
ALIASES: Mapping[str, str] = {"x-ai": "xai", "zhipuai": "zhipu", "hugging-face": "huggingface"}


def _indexed() -> dict[str, tuple[Shape, ...]]:
    """By the first two letters; the longest prefix first, and of equal ones the one that asks for more."""
    index: dict[str, list[Shape]] = {}
    for shape in sorted(SHAPES, key=lambda shape: (-len(shape.prefix), not shape.holds)):
        index.setdefault(shape.prefix[:2], []).append(shape)
    return {letters: tuple(shapes) for letters, shapes in index.items()}


_INDEX = _indexed()


def is_placeholder(credential: str) -> bool:
    """Whether it is the word that stands for the company's key."""
    return len(credential) == len(PLACEHOLDER) and credential.lower() == PLACEHOLDER


def shape_of(credential: str) -> Shape | None:
    """The form of a credential; None: none we know."""
    if credential.startswith(JWT):
        return _by_issuer(credential)
    for shape in _INDEX.get(credential[:2], ()):
        if credential.startswith(shape.prefix) and shape.holds in credential:
            return shape
    return _by_length(credential)


def is_foreign(shape: Shape | None, provider: Provider) -> bool:
    """Whether a credential of this shape belongs to somebody else than this provider, as far as that is sure.
    A provider that no shape tells of (a company's own gateway) may take whatever it likes."""
    if shape is None or not shape.owners:
        return False
    names = {ALIASES.get(name, name) for name in (provider.name, provider.price_id)}
    if names.intersection(shape.owners) or not names & OWNERS:
        return False
    return shape.certain or (shape.prefix == "sk-" and not names.isdisjoint(OTHERWISE))


def key_class_at(shape: Shape, provider: Provider) -> KeyClass:
    """The class of an unregistered credential of this shape at this provider. A token of nobody known is a
    login only where seats are sold: MiniMax's keys are JWTs (MiniMax API reference), as are Snowflake's and
    many gateways'. At a cloud without `seats` (Vertex AI: `ya29.` of a person or a service account) use is
    billed to a project, and nothing tells whose that is."""
    names = {ALIASES.get(name, name) for name in (provider.name, provider.price_id)}
    told = provider.seats and (shape.owners or names & SELL_SEATS)
    return shape.key_class if told else KeyClass.UNKNOWN


def _by_length(credential: str) -> Shape | None:
    match len(credential):
        case 32 if credential.isalnum():
            return AZURE_OR_MISTRAL if HEX.issuperset(credential) else MISTRAL_KEY
        case 40 if credential.isalnum():
            return COHERE_KEY
        case 49 if credential[32] == "." and HEX.issuperset(credential[:32]):
            return ZHIPU_KEY
        case 64 if HEX.issuperset(credential):
            return TOGETHER_KEY
        case 84 if credential.startswith(AZURE_MARK, AZURE_MARK_AT):
            return AZURE_KEY
    return None


def _by_issuer(token: str) -> Shape:
    parts = token.split(".", 2)
    if len(parts) < 3 or len(parts[1]) > JWT_PART_BYTES:
        return OTHER_LOGIN
    try:
        payload = orjson.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error):
        return OTHER_LOGIN
    issuer = payload.get("iss") if isinstance(payload, dict) else None
    if not isinstance(issuer, str):
        return OTHER_LOGIN
    if issuer.endswith(".gserviceaccount.com"):
        return GOOGLE_SERVICE_ACCOUNT
    return next((shape for start, shape in ISSUERS if issuer.startswith(start)), OTHER_LOGIN)

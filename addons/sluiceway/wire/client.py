"""Recognises the client behind a request by its headers. All of them are the client's word: good for reports
and for the form of a refusal, never for access. Values are bounded and printable."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from sluiceway.wire.fields import label, load, mapping

MAX_HEADER = 400
_KIND = re.compile(r"[a-z][a-z_-]{0,31}")
_VERSION = re.compile(r"v?(\d[\w.+-]{0,39})", re.ASCII)
_SESSION_PART = re.compile(r"_session_([0-9A-Za-z-]{1,64})\Z")
# Where a client names the form it runs in: "claude-cli/2.1 (external, sdk-cli)", "GeminiCLI-tui/0.61.0/...".
_SURFACES = {
    "claude-code": re.compile(r"\(external, ([\w-]{1,40})", re.ASCII),
    "gemini-cli": re.compile(r"\bGeminiCLI-([\w-]{1,40})/", re.ASCII),
}

# Product token of the User-Agent, lower case -> our name. The first token that is listed counts.
_AGENTS = {
    "claude-cli": "claude-code",
    "claude-code": "claude-code",
    "codex_cli_rs": "codex",
    "codex_exec": "codex",
    "codex_vscode": "codex",
    "codex-tui": "codex",
    "geminicli": "gemini-cli",
    "opencode": "opencode",
    "aider": "aider",
    "litellm": "litellm",
    "cursor": "cursor",
    "cline": "cline",
    "roocode": "roo-code",
    "kilo-code": "kilo-code",
    "continue": "continue",
    "zed": "zed",
    "goose": "goose",
    "crush": "crush",
    "charm-crush": "crush",
    "qwencode": "qwen-code",
    "ai": "vercel-ai-sdk",  # `ai/5.0.2`, by all of its providers since version 5
    "ai-sdk": "vercel-ai-sdk",
    "cohere": "cohere-python",
    "cohere-ai": "cohere-node",
    "curl": "curl",
    "boto3": "boto3",  # AWS's SDK for Python
}
# Words that go on: "GeminiCLI-tui", "langchain-anthropic", "langchainjs-openai".
_FORMS = {"geminicli-": "gemini-cli", "langchain": "langchain"}
_PRODUCT = re.compile(r"([A-Za-z][\w.-]{0,39})/(\d[\w.+-]{0,39})?", re.ASCII)
# The Stainless SDKs: "OpenAI/Python 2.1.0", "AsyncAnthropic/JS 0.60.0".
# An Azure client is the OpenAI SDK: "AsyncAzureOpenAI/Python 2.1.0".
_STAINLESS = re.compile(
    r"(?:Async)?(?:Azure)?(OpenAI|Anthropic|Groq|Cerebras|Together)/(Python|JS)\s+(\S{1,40})", re.ASCII
)
# Speakeasy's: "speakeasy-sdk/python 3.7.0 2.935.1 1.0.0 mistralai", "mistral-client-python/1.2.3".
_SPEAKEASY = re.compile(r"speakeasy-sdk/(python|typescript) (\S{1,40}) .*\bmistralai\b", re.ASCII)
_MISTRAL = re.compile(r"mistral-client-(python|typescript)/(\S{1,40})", re.ASCII)
# Who asks, as OpenRouter wants applications to say it: `X-Title` (OpenRouter docs, "App Attribution").
_TITLES = {
    "aider": "aider",
    "cline": "cline",
    "roo code": "roo-code",
    "kilo code": "kilo-code",
    "opencode": "opencode",
    "goose": "goose",
    "zed": "zed",
    "litellm": "litellm",
}
_LANGUAGES = {"python": "python", "js": "node", "typescript": "node"}
_GENAI = re.compile(r"google-genai-sdk/(\S{1,40})(?:.*\bgl-(python|node)/)?", re.ASCII)
_SESSIONS = ("x-opencode-session", "x-session-affinity", "x-session-id", "x-litellm-session-id")
# Who a request is from within its client: Codex names the kind of its sub-agents, Claude Code and opencode
# only say that it is one. (Codex, codex-api; Claude Code docs, "LLM gateway protocol"; opencode, llm.ts)
_SUBAGENT_KIND = "x-openai-subagent"
_SUBAGENT_SIGNS = ("x-claude-code-agent-id", "x-claude-code-parent-agent-id", "x-parent-session-id")
_CODEX_SESSION = ("session_id", "session-id", "conversation_id", "conversation-id", "thread_id", "thread-id")


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """What a request says about its client. `agent` is the form it runs in: Claude Code's entry point such as
    `sdk-cli`, Codex's originator such as `codex_vscode`, Gemini CLI's surface such as `tui`; after a slash
    the kind of sub-agent that asks, or `subagent`. Unknown is None."""

    name: str | None = None
    version: str | None = None
    agent: str | None = None
    conversation_id: str | None = None


def identify(headers: Mapping[str, str]) -> ClientInfo:
    """Reads headers with lower-case names."""
    user_agent = headers.get("user-agent", "")[:MAX_HEADER]
    api_client = headers.get("x-goog-api-client", "")[:MAX_HEADER]
    known = _product(user_agent) or _sdk(user_agent, api_client) or _wrapped(headers)
    name, version = known or (None, None)
    originator = label(headers.get("originator"), 64)
    session = label(headers.get("x-claude-code-session-id"), 64)
    if name is None and session:
        name = "claude-code"
    if originator and originator.lower().startswith("codex"):
        name = "codex"
    name = _titled(headers) or name
    surface = _SURFACES.get(name or "")
    entry = surface.search(user_agent) if surface else None
    agent = entry[1] if entry else originator if name == "codex" else None
    return ClientInfo(
        name=name,
        version=version,
        agent="/".join(part for part in (agent, _subagent(headers)) if part) or None,
        conversation_id=session or codex_session(headers) or _other_session(headers),
    )


def _subagent(headers: Mapping[str, str]) -> str | None:
    """The kind of sub-agent: one word of a client's few, never an id."""
    kind = label(headers.get(_SUBAGENT_KIND), 64)
    if kind is not None and _KIND.fullmatch(kind):
        return kind
    return "subagent" if any(headers.get(sign, "").strip() for sign in _SUBAGENT_SIGNS) else None


@lru_cache(1024)
def _product(user_agent: str) -> tuple[str, str | None] | None:
    for product in _PRODUCT.finditer(user_agent):
        word = product[1].lower()
        name = _AGENTS.get(word) or next((n for start, n in _FORMS.items() if word.startswith(start)), None)
        if name:
            return name, product[2]
    return None


@lru_cache(1024)
def _sdk(user_agent: str, api_client: str) -> tuple[str, str | None] | None:
    """The SDK by its own name; Google's may say it in `x-goog-api-client`."""
    stainless = _STAINLESS.search(user_agent)
    if stainless:
        language = _LANGUAGES[stainless[2].lower()]
        return f"{stainless[1].lower()}-{language}", _version(stainless[3])
    if mistral := _SPEAKEASY.search(user_agent) or _MISTRAL.search(user_agent):
        return f"mistral-{_LANGUAGES[mistral[1].lower()]}", _version(mistral[2])
    if genai := _GENAI.search(api_client) or _GENAI.search(user_agent):
        return f"google-genai-{genai[2] or 'sdk'}", _version(genai[1])
    return None


def _wrapped(headers: Mapping[str, str]) -> tuple[str, str | None] | None:
    """A Stainless SDK whose User-Agent was changed; the provider shows in the credential's header."""
    language = _LANGUAGES.get(headers.get("x-stainless-lang", "").lower(), "")
    if not language:
        return None
    provider = "anthropic" if "anthropic-version" in headers else "openai"
    return f"{provider}-{language}", _version(headers.get("x-stainless-package-version", ""))


def _version(text: str) -> str | None:
    found = _VERSION.match(text)
    return found[1] if found else None


def claude_session(headers: Mapping[str, str], user_id: object) -> str | None:
    """Claude Code's session: its own header (since 2.1.86), else the session part of `metadata.user_id`,
    which is JSON since 2.1.78 and `user_..._account_..._session_<uuid>` before."""
    session = label(headers.get("x-claude-code-session-id"), 64)
    if session or not isinstance(user_id, str):
        return session
    if user_id.startswith("{"):
        return label(mapping(load(user_id.encode(errors="replace"))).get("session_id"), 64)
    found = _SESSION_PART.search(user_id)
    return found[1] if found else None


def codex_session(headers: Mapping[str, str]) -> str | None:
    """Codex's session header, whose spelling has changed between versions."""
    return _first(_CODEX_SESSION, headers)


def _titled(headers: Mapping[str, str]) -> str | None:
    """The application that names itself beside the SDK it uses; a title that is somebody's own is none."""
    if "x-title" not in headers:
        return None
    title = headers["x-title"][:MAX_HEADER].lower()
    return next((name for word, name in _TITLES.items() if title.startswith(word)), None)


def _other_session(headers: Mapping[str, str]) -> str | None:
    """The session of opencode and its kin, and LiteLLM's."""
    return _first(_SESSIONS, headers)


def _first(names: Iterable[str], headers: Mapping[str, str]) -> str | None:
    told = (label(headers[name], 64) for name in names if name in headers)
    return next((session for session in told if session), None)

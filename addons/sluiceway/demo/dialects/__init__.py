"""Which simulated provider a host name means, and which of its functions answers a path."""

from __future__ import annotations

from collections.abc import Callable

from sluiceway.demo import credentials
from sluiceway.demo.dialects import anthropic, chat
from sluiceway.demo.exchange import Asked, Rejected, Reply, new_id
from sluiceway.demo.headers import answer_headers
from sluiceway.demo.memory import Memory

PROVIDERS = {
    "api.anthropic.com": "anthropic",
    "api.openai.com": "openai",
    "generativelanguage.googleapis.com": "gemini",
    "api.x.ai": "xai",
}
# Spoken by many: any other name that reaches the simulator answers in OpenAI's way.
COMPATIBLE = ("api.groq.com", "api.mistral.ai", "api.deepseek.com", "openrouter.ai", "api.together.xyz")

Answer = Callable[[Asked, Memory], Reply]


def provider_of(host: str, path: str) -> str:
    """The provider by host name; by path where the client dialled an address instead of a name."""
    name = host.rsplit(":", 1)[0].lower()
    if name in PROVIDERS:
        return PROVIDERS[name]
    if name not in ("127.0.0.1", "localhost"):
        return "compatible"
    if path.startswith(("/v1/messages", "/api/")):
        return "anthropic"
    return "gemini" if path.startswith(("/v1beta/", "/v1/models/")) else "openai"


def answer(asked: Asked, memory: Memory) -> Reply:
    """The provider's answer, errors of the request raised as Rejected."""
    if asked.provider == "anthropic" and asked.path.startswith("/api/"):
        return _harmless(asked)
    credentials.check(asked.provider, asked.headers, asked.query)
    return _function(asked)(asked, memory)


def _function(asked: Asked) -> Answer:
    place = (asked.method, asked.path)
    if asked.provider == "anthropic":
        found = _ANTHROPIC.get(place)
    else:
        found = next((function for end, function in _OPENAI if place[1].endswith(end)), None)
    if found is None:
        raise Rejected(404, f"Invalid URL ({asked.method} {asked.path})")
    return found


def _harmless(asked: Asked) -> Reply:
    """Claude Code's own endpoints (event logging, settings, account): quick, empty, free."""
    request_id = new_id("req_")
    return Reply(200, request_id, answer_headers(asked.provider, request_id, asked.now), body=b"{}")


_ANTHROPIC: dict[tuple[str, str], Answer] = {
    ("POST", "/v1/messages"): anthropic.messages,
    ("POST", "/v1/messages/count_tokens"): anthropic.count_tokens,
}
_OPENAI: tuple[tuple[str, Answer], ...] = (("/chat/completions", chat.completions),)

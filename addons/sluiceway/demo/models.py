"""Which models the simulated providers know, and by which dated name they answer."""

from __future__ import annotations

import re

_KNOWN = {
    "anthropic": re.compile(r"claude-[a-z0-9.-]+"),
    "openai": re.compile(
        r"(gpt-|o[134](-|$)|chatgpt-|codex-|text-embedding-|ft:|dall-e-|tts-|whisper-|omni-)[\w.:-]*"
    ),
    "gemini": re.compile(r"(gemini|gemma|text-embedding|embedding|imagen)-[a-z0-9.-]+"),
    "xai": re.compile(r"grok-[a-z0-9.-]+"),
    "bedrock": re.compile(r"[\w./:@-]+"),
    "vertex": re.compile(r"claude-[a-z0-9.@-]+"),
    "compatible": re.compile(r"[\w./:@-]+"),
}
_UNKNOWN = re.compile(r"no-such|does-not-exist|unknown")

# A request for the short name is answered with the dated one, as the providers do.
_DATED = {
    "claude-haiku-4-5": "claude-haiku-4-5-20251001",
    "claude-opus-4-1": "claude-opus-4-1-20250805",
    "claude-opus-4-5": "claude-opus-4-5-20251101",
    "claude-sonnet-4-0": "claude-sonnet-4-20250514",
    "claude-sonnet-4-5": "claude-sonnet-4-5-20250929",
    "gpt-4.1": "gpt-4.1-2025-04-14",
    "gpt-4.1-mini": "gpt-4.1-mini-2025-04-14",
    "gpt-4.1-nano": "gpt-4.1-nano-2025-04-14",
    "gpt-4o": "gpt-4o-2024-08-06",
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
    "gpt-5": "gpt-5-2025-08-07",
    "gpt-5-mini": "gpt-5-mini-2025-08-07",
    "gpt-5-nano": "gpt-5-nano-2025-08-07",
    "gpt-5.1": "gpt-5.1-2025-11-13",
    "o3": "o3-2025-04-16",
    "o4-mini": "o4-mini-2025-04-16",
}

LISTED = {
    "anthropic": ("claude-opus-5", "claude-sonnet-4-6", "claude-haiku-4-5-20251001"),
    "openai": ("gpt-5.4", "gpt-5-mini", "gpt-4.1", "gpt-4o-mini", "o4-mini", "text-embedding-3-small"),
    "gemini": ("gemini-2.5-pro", "gemini-2.5-flash", "gemini-embedding-001"),
    "xai": ("grok-4", "grok-3-mini"),
    "bedrock": ("openai.gpt-oss-120b", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
    "compatible": ("demo-large", "demo-small"),
}


def knows(provider: str, model: str) -> bool:
    """Whether the provider would serve this name. Names that say they do not exist, do not."""
    return (
        _KNOWN.get(provider, _KNOWN["compatible"]).fullmatch(model) is not None
        and _UNKNOWN.search(model) is None
    )


def dated(model: str) -> str:
    """The name the answer carries."""
    return _DATED.get(model, model)


def reasons(model: str) -> bool:
    """Whether an OpenAI model spends reasoning tokens and insists on `max_completion_tokens`."""
    return re.match(r"o\d|gpt-[5-9]", model) is not None and "-chat" not in model

"""What the name of a model tells of what its API accepts. Only rules that hold for all versions from one on;
a model nobody knows is taken for a current one.

Facts from Anthropic's migration guides and OpenAI's guides to reasoning models.
"""

from __future__ import annotations

import re
from functools import lru_cache

from sluiceway.wire.translation.neutral import Effort

_CLAUDE = re.compile(r"claude-(?:(?:[a-z]+-)?(\d{1,2})(?:-(\d{1,2})(?!\d))?|[a-z]+-(preview))")
_OLD_CLAUDE = re.compile(r"claude-(?:instant|2|3)")
_REASONS = re.compile(r"(?:^|/)(?:o\d|gpt-(?:[5-9]|\d\d)|codex)")
_CHATS = re.compile(r"(?:^|/)gpt-[\d.]+-chat")
_OPENAIS = re.compile(r"(?:^|/)(?:chatgpt-|gpt-(?!oss)|o\d|codex)")
_MISTRALS = re.compile(
    r"(?:^|/)(?:(?:open-)?mi[sx]tral|ministral|codestral|devstral|magistral|pixtral|voxtral)"
)
_GPT = re.compile(r"(?:^|/)gpt-(\d+)(?:\.(\d+))?")
# What OpenAI's models page tells of the most output; a name stands for all that begin with it.
_GPT_OUTPUT = (
    *(("gpt-3.5", 4_096), ("gpt-4-", 4_096), ("gpt-4o", 16_384), ("chatgpt-4o", 16_384), ("gpt-4.1", 32_768)),
    *(("gpt-4.5", 16_384), ("gpt-5-chat", 16_384), ("o1-mini", 65_536), ("o1-preview", 32_768)),
)
_CURRENT = (99, 0)


@lru_cache(maxsize=512)
def claude_version(model: str) -> tuple[int, int] | None:
    """(4, 5) of claude-sonnet-4-5-20250929, also with a cloud's prefix; None: no model of Anthropic's."""
    if "claude" not in model:
        return None
    found = _CLAUDE.search(model.replace(".", "-"))
    if found is None or found[1] is None:
        return _CURRENT
    return int(found[1]), int(found[2] or 0)


def takes_sampling(model: str) -> bool:
    """Temperature and its like: Claude refuses them from 4.7 on ("deprecated for this model")."""
    version = claude_version(model)
    return version is None or version < (4, 7)


def takes_top_p_beside_temperature(model: str) -> bool:
    """Not from Claude 4.1 on: "temperature and top_p cannot both be specified for this model"."""
    version = claude_version(model)
    return version is None or version < (4, 1)


def thinks_adaptively(model: str) -> bool:
    """Whether Claude takes `thinking: adaptive` and an effort: from 4.6 on. Before, a budget of tokens."""
    version = claude_version(model)
    return version is not None and version >= (4, 6)


def thinks_at_all(model: str) -> bool:
    """Whether Claude thinks when asked to: from 3.7 on."""
    version = claude_version(model)
    return version is not None and version >= (3, 7)


def takes_prefill(model: str) -> bool:
    """Whether a request may end with the beginning of the answer: not from Claude 4.6 on."""
    version = claude_version(model)
    return version is not None and version < (4, 6)


def has_output_format(model: str) -> bool:
    """Whether Claude takes a schema for its answer (`output_config.format`): from 4.5 on, and Opus 4.1."""
    version = claude_version(model)
    return version is not None and version >= ((4, 1) if "opus" in model else (4, 5))


def output_limit(model: str) -> int:
    """The most tokens that every Claude of this version may be asked for. Anthropic requires a limit."""
    version = claude_version(model) or _CURRENT
    if version < (3, 5):
        return 4_096
    if version < (3, 7):
        return 8_192
    return 32_000 if version < (4, 5) else 64_000


def reasons(model: str) -> bool:
    """Whether it is one of OpenAI's reasoning models, which refuse temperature, penalties and `stop`."""
    return _REASONS.search(model) is not None and _CHATS.search(model) is None


def efforts(model: str, has_tools: bool = False) -> tuple[Effort, ...]:
    """The words for an effort that one of OpenAI's models takes, none where it takes none. Chat Completions
    refuses an effort beside tools from GPT-5.4 on ("use /v1/responses instead")."""
    if not reasons(model):
        return ()
    found = _GPT.search(model)
    version = (int(found[1]), int(found[2] or 0)) if found else (0, 0)
    if has_tools and version >= (5, 4):
        return ()
    if version < (5, 0) or "codex" in model:
        return "low", "medium", "high"
    if version < (5, 1):
        return "minimal", "low", "medium", "high"
    return (
        ("none", "low", "medium", "high") if version < (5, 2) else ("none", "low", "medium", "high", "xhigh")
    )


def gpt_output_limit(model: str) -> int | None:
    """The most tokens that one of OpenAI's models answers with, where that is less than agents ask for."""
    name = model.rpartition("/")[2]
    return (
        8_192
        if name == "gpt-4"
        else next((most for start, most in _GPT_OUTPUT if name.startswith(start)), None)
    )


def wants_responses(model: str) -> bool:
    """Whether one of OpenAI's models does in Responses alone what agents ask for: thinking beside tools."""
    return reasons(model) and not efforts(model, has_tools=True)


def is_openais(model: str) -> bool:
    """Whether it is one of OpenAI's own, by the names that OpenAI and its resellers give them."""
    return _OPENAIS.search(model) is not None


def is_mistrals(model: str) -> bool:
    """Whether it is one of Mistral's, which takes ids of calls in one form alone."""
    return _MISTRALS.search(model) is not None

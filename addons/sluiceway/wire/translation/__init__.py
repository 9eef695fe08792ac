"""Translation between APIs: `target.render_request(source.parse_request(...))`, one neutral form, 2N files.

`TRANSLATORS` is the list; a new API is one more folder and one more entry here.
"""

from __future__ import annotations

from sluiceway.wire.translation.anthropic import AnthropicTranslator
from sluiceway.wire.translation.anthropic.vertex import VertexTranslator
from sluiceway.wire.translation.bedrock import BedrockTranslator
from sluiceway.wire.translation.chat import ChatTranslator
from sluiceway.wire.translation.gemini import GeminiTranslator
from sluiceway.wire.translation.responses import ResponsesTranslator
from sluiceway.wire.translation.translator import Translator

__all__ = ["TRANSLATORS", "Translator", "by_dialect", "reads_clients"]

TRANSLATORS: tuple[Translator, ...] = (
    AnthropicTranslator(),
    VertexTranslator(),
    ChatTranslator(),
    ResponsesTranslator(),
    GeminiTranslator(),
    BedrockTranslator(),
)


def by_dialect(name: str) -> Translator | None:
    """The translator of that dialect, None where it cannot be translated."""
    return next((translator for translator in TRANSLATORS if translator.name == name), None)


def reads_clients(name: str) -> bool:
    """Whether requests of that dialect can be translated into another. Converse is written, not read."""
    return name != BedrockTranslator.name and by_dialect(name) is not None

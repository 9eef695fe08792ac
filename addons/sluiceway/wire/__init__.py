"""Bytes on the wire and the records they become: one dialect for each provider API, no I/O.

`DIALECTS` is the list; a new API is one more file and one more entry here.
"""

from __future__ import annotations

from sluiceway.wire.answer_text import BlockText, TextCollector
from sluiceway.wire.anthropic import AnthropicMessages
from sluiceway.wire.anthropic_batches import AnthropicBatches
from sluiceway.wire.client import ClientInfo, identify
from sluiceway.wire.dialect import Dialect, Reading, Tap, Target
from sluiceway.wire.gemini import Gemini
from sluiceway.wire.openai_batches import OpenAIBatches, OpenAIFiles
from sluiceway.wire.openai_chat import OpenAIChat
from sluiceway.wire.openai_embeddings import OpenAIEmbeddings
from sluiceway.wire.openai_responses import OpenAIResponses
from sluiceway.wire.parts import NAME, Path, Segment
from sluiceway.wire.refusal import plain_refusal

__all__ = [
    "DIALECTS",
    "NAME",
    "BlockText",
    "ClientInfo",
    "Dialect",
    "Path",
    "Reading",
    "Segment",
    "Tap",
    "Target",
    "TextCollector",
    "by_name",
    "identify",
    "plain_refusal",
]

DIALECTS: tuple[Dialect, ...] = (
    AnthropicMessages(),
    AnthropicBatches(),
    OpenAIChat(),
    OpenAIResponses(),
    OpenAIEmbeddings(),
    OpenAIFiles(),
    OpenAIBatches(),
    Gemini(),
)


def by_name(name: str) -> Dialect:
    """The dialect of that name. Raises KeyError."""
    return {dialect.name: dialect for dialect in DIALECTS}[name]

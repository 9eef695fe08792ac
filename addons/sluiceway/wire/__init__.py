"""Bytes on the wire and the records they become: one dialect for each provider API, no I/O.

`DIALECTS` is the list, and `SOCKETS` that of WebSockets; a new API is one more file and one more entry here.
"""

from __future__ import annotations

from sluiceway.wire.answer_text import BlockText, TextCollector
from sluiceway.wire.anthropic import AnthropicMessages
from sluiceway.wire.anthropic_batches import AnthropicBatches
from sluiceway.wire.anthropic_vertex import AnthropicVertex
from sluiceway.wire.bedrock_converse import BedrockConverse
from sluiceway.wire.bedrock_invoke import BedrockInvoke
from sluiceway.wire.client import ClientInfo, identify
from sluiceway.wire.cohere_chat import CohereChat
from sluiceway.wire.cohere_embeddings import COHERE_EMBEDDINGS
from sluiceway.wire.dialect import Dialect, Reading, Tap, Target
from sluiceway.wire.gemini import Gemini
from sluiceway.wire.gemini_batches import GeminiBatches, GeminiFiles
from sluiceway.wire.gemini_cloudcode import GeminiCloudCode
from sluiceway.wire.gemini_live import GeminiLive
from sluiceway.wire.google_predict import GooglePredict
from sluiceway.wire.mistral_ocr import MISTRAL_OCR
from sluiceway.wire.openai_batches import OpenAIBatches, OpenAIFiles
from sluiceway.wire.openai_chat import OpenAIChat
from sluiceway.wire.openai_completions import OpenAICompletions
from sluiceway.wire.openai_embeddings import OpenAIEmbeddings
from sluiceway.wire.openai_images import OPENAI_IMAGES
from sluiceway.wire.openai_moderation import OPENAI_MODERATION
from sluiceway.wire.openai_realtime import OpenAIRealtime
from sluiceway.wire.openai_responses import OpenAIResponses
from sluiceway.wire.openai_responses_socket import OpenAIResponsesSocket
from sluiceway.wire.openai_speech import OPENAI_SPEECH
from sluiceway.wire.openai_transcription import OPENAI_TRANSCRIPTION
from sluiceway.wire.parts import NAME, Path, Segment
from sluiceway.wire.refusal import plain_refusal
from sluiceway.wire.rerank import RERANK
from sluiceway.wire.socket import SocketDialect

__all__ = [
    "DIALECTS",
    "NAME",
    "SOCKETS",
    "BlockText",
    "ClientInfo",
    "Dialect",
    "Path",
    "Reading",
    "Segment",
    "SocketDialect",
    "Tap",
    "Target",
    "TextCollector",
    "by_name",
    "identify",
    "plain_refusal",
    "socket_by_name",
]

DIALECTS: tuple[Dialect, ...] = (
    AnthropicMessages(),
    AnthropicBatches(),
    OpenAIChat(),
    OpenAIResponses(),
    OpenAIEmbeddings(),
    OpenAICompletions(),
    OpenAIFiles(),
    OpenAIBatches(),
    GeminiBatches(),
    GeminiFiles(),
    Gemini(),
    GooglePredict(),
    OPENAI_IMAGES,
    OPENAI_SPEECH,
    OPENAI_TRANSCRIPTION,
    OPENAI_MODERATION,
    CohereChat(),
    COHERE_EMBEDDINGS,
    RERANK,
    MISTRAL_OCR,
    GeminiCloudCode(),
    BedrockConverse(),
    BedrockInvoke(),
    AnthropicVertex(),
)


def by_name(name: str) -> Dialect:
    """The dialect of that name. Raises KeyError."""
    return {dialect.name: dialect for dialect in DIALECTS}[name]


SOCKETS: tuple[SocketDialect, ...] = (OpenAIResponsesSocket(), OpenAIRealtime(), GeminiLive())


def socket_by_name(name: str) -> SocketDialect:
    """The dialect of sockets of that name. Raises KeyError."""
    return {dialect.name: dialect for dialect in SOCKETS}[name]

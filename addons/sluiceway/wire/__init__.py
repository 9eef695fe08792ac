"""Bytes on the wire and the records they become: one dialect for each provider API, no I/O.

`DIALECTS` is the list, and `SOCKETS` that of WebSockets; a new API is one more file and one more entry here.
"""

from __future__ import annotations

from sluiceway.wire.answer_text import BlockText, TextCollector
from sluiceway.wire.anthropic import AnthropicMessages
from sluiceway.wire.client import ClientInfo, identify
from sluiceway.wire.dialect import Dialect, Reading, Tap, Target
from sluiceway.wire.gemini import Gemini
from sluiceway.wire.gemini_live import GeminiLive
from sluiceway.wire.openai_chat import OpenAIChat
from sluiceway.wire.openai_embeddings import OpenAIEmbeddings
from sluiceway.wire.openai_realtime import OpenAIRealtime
from sluiceway.wire.openai_responses import OpenAIResponses
from sluiceway.wire.openai_responses_socket import OpenAIResponsesSocket
from sluiceway.wire.parts import NAME, Path, Segment
from sluiceway.wire.refusal import plain_refusal
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
    OpenAIChat(),
    OpenAIResponses(),
    OpenAIEmbeddings(),
    Gemini(),
)


def by_name(name: str) -> Dialect:
    """The dialect of that name. Raises KeyError."""
    return {dialect.name: dialect for dialect in DIALECTS}[name]


SOCKETS: tuple[SocketDialect, ...] = (OpenAIResponsesSocket(), OpenAIRealtime(), GeminiLive())


def socket_by_name(name: str) -> SocketDialect:
    """The dialect of sockets of that name. Raises KeyError."""
    return {dialect.name: dialect for dialect in SOCKETS}[name]

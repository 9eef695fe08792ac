"""The neutral form: a conversation and its answer as every API means them, whatever each calls it.

A translator reads its own API's JSON into these records and writes them out as its own API's JSON, so N APIs
need 2N files. What a record cannot hold is a loss (`losses.py`), never silent. Texts are as sent; JSON that
the model wrote (arguments) stays text, since it need not be valid; JSON schemas stay documents, read only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal

from sluiceway.types import Usage

NO_FIELDS: Mapping[str, Any] = MappingProxyType({})
NO_USAGE = Usage()

# Whose models a thing belongs to, where it means something to nobody else: a signature, a reasoning item.
type Vendor = Literal["anthropic", "openai", "google", "other"]
type Role = Literal["system", "user", "assistant"]
type Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


@dataclass(frozen=True, slots=True)
class Text:
    """Words. `cache`: a breakpoint of Anthropic's prompt cache behind it, `cache_control` as sent.
    `refusal`: the model said them to decline (OpenAI's `refusal`)."""

    text: str
    cache: Mapping[str, Any] | None = None
    refusal: bool = False


@dataclass(frozen=True, slots=True)
class Image:
    """A picture: base64 `data` of a `media_type`, or a `url` that the provider fetches; never both."""

    data: str | None = None
    media_type: str | None = None
    url: str | None = None
    detail: str | None = None
    cache: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A file to read: base64 `data` of a `media_type`, plain `text`, or a `url`; exactly one of them."""

    data: str | None = None
    media_type: str = "application/pdf"
    text: str | None = None
    url: str | None = None
    title: str | None = None
    cache: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Media:
    """Sound or film: base64 `data` of a `media_type` (`audio/wav`), or a `url`."""

    media_type: str
    data: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model asks for a tool. `arguments` is JSON text as the model wrote it ("" means {}), or with
    `custom` plain text for a tool that takes no JSON. `signature` is a vendor's own (Gemini's
    `thoughtSignature`), which goes back to that vendor and to nobody else. An `id` of "" was not given."""

    id: str
    name: str
    arguments: str = ""
    custom: bool = False
    signature: str | None = None
    vendor: Vendor | None = None
    cache: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gave for the call `id`. `name` where the API says it again (Gemini), else ""."""

    id: str
    parts: tuple[Text | Image | Document | Media, ...] = ()
    is_error: bool = False
    name: str = ""
    custom: bool = False
    cache: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Thinking:
    """Thoughts of a model of `vendor`. `signature` proves them to it; `redacted` is what it shows encrypted
    only (Anthropic's redacted_thinking, OpenAI's encrypted_content); `id` names it there (`rs_...`)."""

    text: str = ""
    signature: str | None = None
    vendor: Vendor = "other"
    redacted: str | None = None
    id: str | None = None


type Part = Text | Image | Document | Media | ToolCall | ToolResult | Thinking


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. Tool results stand in a user's message; `system` is an instruction in the middle."""

    role: Role
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that the client runs. `schema` is the JSON schema of its arguments, None: takes none. `custom`:
    it takes plain text, bound by a `grammar` as OpenAI writes it (`{"type": "grammar", ...}`)."""

    name: str
    description: str | None = None
    schema: Mapping[str, Any] | None = None
    strict: bool | None = None
    custom: bool = False
    grammar: Mapping[str, Any] | None = None
    cache: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Which tools the model may or must use. `names`: only these, all where it is empty."""

    mode: Literal["auto", "none", "required"] = "auto"
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Format:
    """The form of the answer: any JSON (`schema` None) or JSON by a schema."""

    schema: Mapping[str, Any] | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class Reasoning:
    """How much the model is to think. `enabled` None: as the model does by itself. `budget_tokens` and
    `effort` say the same in two ways; either may be unknown. `shown`: whether the client wants to read it."""

    enabled: bool | None = None
    budget_tokens: int | None = None
    effort: Effort | None = None
    shown: bool | None = None


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is drawn; as sent, in the source API's own range (temperature 0 to 2, Anthropic's
    0 to 1)."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None


NO_SAMPLING = Sampling()
NO_REASONING = Reasoning()


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks. `system` is what stands before the first turn. `tier` is the neutral service tier:
    "auto", "standard", "flex", "priority", "fast". `user` is the end user's id for the provider's abuse
    checks. `include_usage`: a stream's client asked for usage (Chat)."""

    model: str
    messages: tuple[Message, ...]
    system: tuple[Text, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_calls: bool | None = None
    max_output_tokens: int | None = None
    sampling: Sampling = NO_SAMPLING
    format: Format | None = None
    reasoning: Reasoning = NO_REASONING
    stream: bool = False
    tier: str | None = None
    user: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=lambda: NO_FIELDS)
    include_usage: bool = False
    verbosity: Literal["low", "medium", "high"] | None = None


class StopReason(StrEnum):
    """Why an answer ended."""

    END = "end"
    MAX_TOKENS = "max_tokens"
    STOP_SEQUENCE = "stop_sequence"
    TOOL_USE = "tool_use"
    REFUSAL = "refusal"  # the model's, or a content filter's
    PAUSE = "pause"  # to be continued by sending it back (Anthropic)
    CONTEXT_FULL = "context_full"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. `parts` are Text, Thinking and ToolCall; Image and Media where a model makes some.
    `usage` is in our sense (types.Usage): input includes cached tokens, output includes reasoning."""

    id: str = ""
    model: str = ""
    parts: tuple[Part, ...] = ()
    stop_reason: StopReason | None = None
    stop_sequence: str | None = None
    usage: Usage = NO_USAGE
    tier: str | None = None

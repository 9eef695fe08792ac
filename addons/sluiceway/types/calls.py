"""What a request asks for, as far as metering, policy and budgets care."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sluiceway.types.amounts import NO_UNITS


@dataclass(frozen=True, slots=True)
class Call:
    """What a request asks for, as far as metering, policy and budgets care. Holds no text.

    `input_bytes` counts the UTF-8 bytes of everything billed as input (system, messages, tools);
    `dense_bytes` is the part of it outside plain ASCII prose (CJK, hex, base64), which tokenises worse.
    `has_images`, `has_thinking`, `wants_json`: what a model must be able to do to answer it (documents with
    pictures count as images; `wants_json` is a schema or JSON mode).
    `cache_writes`: the longest prompt-cache lifetime the request asks to write (Anthropic `cache_control`).
    `background`: the answer, and what it cost, would come with a later request.
    `vendor`: whose kind of body it is, where one API carries several vendors' own (Bedrock's InvokeModel).
    `held_input`: the provider adds input of its own keeping: earlier turns, a stored prompt.
    `file_id`: the file in which a batch's requests stand. Of a file that holds none, `choices` is 0.
    `usage_added`: we asked the provider for usage on the client's behalf and must hide the answer's extra.
    `units`: what it asks for that is billed by the piece (images, seconds, characters), as in
    `Usage.tool_units`.
    `region`: where it asks to be answered, where a request says so (Anthropic's `inference_geo`).
    `fixed_output`: nothing in the request limits what is generated (an image, a recording, a transcript), so
    `max_output_tokens` is a bound of ours, which is reserved whole and never lowered.
    """

    dialect: str
    operation: str
    model: str | None
    stream: bool = False
    max_output_tokens: int | None = None
    choices: int = 1
    has_tools: bool = False
    has_images: bool = False
    has_thinking: bool = False
    wants_json: bool = False
    service_tier: str | None = None
    conversation_id: str | None = None
    previous_response_id: str | None = None
    cache_writes: Literal["5m", "1h"] | None = None
    input_bytes: int = 0
    dense_bytes: int = 0
    usage_added: bool = False
    background: bool = False
    units: Mapping[str, int] = field(default_factory=lambda: NO_UNITS)
    fixed_output: bool = False
    vendor: str | None = None
    held_input: bool = False
    file_id: str | None = None
    region: str | None = None

"""The bodies that vendors' models take at Bedrock's InvokeModel: whose a body is, its limit, its answers.

By the body's shape and not by the model's name: an inference profile's ARN does not say whose model it is.
Facts from AWS's user guide ("Inference request parameters and response fields for foundation models").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sluiceway.errors import WireError
from sluiceway.types import Usage, UsageSource
from sluiceway.wire.bedrock_usage import INVOCATION_METRICS, metrics_of, usage_of
from sluiceway.wire.extent import text_bytes
from sluiceway.wire.fields import count, items, mapping, maybe_object, total, whole

_COUNTS = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
)

type Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Body:
    """One vendor's way. `limits` are where the output limit may stand, the usual one first; `input` what is
    billed as input; `ending` the last chunks of a stream that a cap ends."""

    vendor: str
    limits: tuple[tuple[str, ...], ...]
    input: tuple[str, ...]
    ending: Callable[[str], list[dict[str, object]]]
    operation: str = "chat"
    definitions: tuple[str, ...] = ()

    def limit(self, document: Document) -> int | None:
        """The output limit: the largest one where it is said twice."""
        said = [_limit_at(document, path) for path in self.limits]
        return max((limit for limit in said if limit is not None), default=None)

    def limited(self, document: Document, limit: int) -> dict[str, Any]:
        """The document with that limit, wherever it says one."""
        told = [path for path in self.limits if _limit_at(document, path) is not None] or self.limits[:1]
        for path in told:
            document = _with(document, path, limit)
        return dict(document)


def _limit_at(document: Document, path: tuple[str, ...]) -> int | None:
    *above, name = path
    for step in above:
        document = maybe_object(document, step)
    return whole(document, name, "".join(f"{step}." for step in above))


def _with(document: Document, path: tuple[str, ...], limit: int) -> Document:
    name, *below = path
    inner = _with(mapping(document.get(name)), tuple(below), limit) if below else limit
    return {**document, name: inner}


def _nova(text: str) -> list[dict[str, object]]:
    return [
        {"contentBlockDelta": {"delta": {"text": text}, "contentBlockIndex": 0}},
        {"messageStop": {"stopReason": "max_tokens"}},
    ]


def _openai(text: str) -> list[dict[str, object]]:
    return [{"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": "length"}]}]


def _nothing(text: str) -> list[dict[str, object]]:
    return []


ANTHROPIC = Body("anthropic", (("max_tokens",),), ("system", "messages"), _nothing, definitions=("tools",))
NOVA = Body(
    "nova",
    (("inferenceConfig", "maxTokens"), ("inferenceConfig", "max_new_tokens")),
    ("system", "messages"),
    _nova,
    definitions=("toolConfig",),
)
OPENAI = Body(
    "openai", (("max_tokens",), ("max_completion_tokens",)), ("messages",), _openai, definitions=("tools",)
)
CLAUDE_TEXT = Body(
    "claude_text",
    (("max_tokens_to_sample",),),
    ("prompt",),
    lambda text: [{"type": "completion", "completion": text, "stop_reason": "max_tokens"}],
)
LLAMA = Body(
    "llama", (("max_gen_len",),), ("prompt",), lambda text: [{"generation": text, "stop_reason": "length"}]
)
MISTRAL = Body(
    "mistral",
    (("max_tokens",),),
    ("prompt",),
    lambda text: [{"outputs": [{"text": text, "stop_reason": "length"}]}],
)
TITAN = Body(
    "titan",
    (("textGenerationConfig", "maxTokenCount"),),
    ("inputText",),
    lambda text: [{"outputText": text, "index": 0, "completionReason": "LENGTH"}],
)
COHERE = Body(
    "cohere",
    (("max_tokens",),),
    ("message", "chat_history", "preamble", "documents", "tool_results"),
    lambda text: [
        {"event_type": "text-generation", "is_finished": False, "text": text},
        {"event_type": "stream-end", "is_finished": True, "finish_reason": "MAX_TOKENS"},
    ],
    definitions=("tools",),
)
TITAN_EMBED = Body("titan_embed", (), ("inputText",), _nothing, "embeddings")
COHERE_EMBED = Body("cohere_embed", (), ("texts", "images", "inputs"), _nothing, "embeddings")


BODIES = {
    body.vendor: body
    for body in (
        ANTHROPIC,
        NOVA,
        OPENAI,
        CLAUDE_TEXT,
        LLAMA,
        MISTRAL,
        TITAN,
        COHERE,
        TITAN_EMBED,
        COHERE_EMBED,
    )
}


def body_of(document: Document, model: str) -> Body:
    """Whose body this is. Raises WireError for one that could not be metered: images and video are billed by
    the piece, and nothing in their answers says how many."""
    if "anthropic_version" in document:
        return ANTHROPIC
    if isinstance(document.get("messages"), list):
        return NOVA if _is_nova(document) else OPENAI
    if isinstance(document.get("prompt"), str) and "mode" not in document:
        if "max_tokens_to_sample" in document:
            return CLAUDE_TEXT
        return LLAMA if "max_gen_len" in document or "meta.llama" in model else MISTRAL
    if isinstance(document.get("inputText"), str):
        return TITAN_EMBED if "embed" in model else TITAN
    if isinstance(document.get("message"), str):
        return COHERE
    if any(isinstance(document.get(name), list) for name in COHERE_EMBED.input):
        return COHERE_EMBED
    raise WireError(
        "the body: no kind of request that can be metered; those with messages, a prompt, inputText, "
        "a message or texts can"
    )


def _is_nova(document: Document) -> bool:
    """Converse's own shape: content is a list of blocks that say no `type`."""
    if "inferenceConfig" in document or "schemaVersion" in document:
        return True
    contents = [mapping(message).get("content") for message in items(document["messages"])]
    blocks = [mapping(block) for content in contents for block in items(content)]
    return bool(blocks) and not any("type" in block for block in blocks)


def usage_said(document: Document) -> Usage:
    """What an answer, or a chunk, says of its usage, in whichever vendor's words."""
    usage = mapping(document.get("usage") or mapping(document.get("metadata")).get("usage"))
    if "prompt_tokens" in usage or "completion_tokens" in usage:
        return _openai_usage(usage)
    if usage:
        return usage_of(usage)
    results = [count(mapping(result).get("tokenCount")) for result in items(document.get("results"))]
    output = count(document.get("generation_token_count"))
    output = count(document.get("totalOutputTextTokenCount")) if output is None else output
    prompt = count(document.get("prompt_token_count"))
    prompt = count(document.get("inputTextTokenCount")) if prompt is None else prompt
    if "embedding" in document or "embeddings" in document:
        output = 0
    return _usage(prompt, total(*results) if output is None else output)


def _openai_usage(usage: Document) -> Usage:
    cached = count(mapping(usage.get("prompt_tokens_details")).get("cached_tokens"))
    return _usage(count(usage.get("prompt_tokens")), count(usage.get("completion_tokens")), cached)


def _usage(prompt: int | None, output: int | None, cached: int | None = None) -> Usage:
    if prompt is None and output is None:
        return Usage()
    source = UsageSource.PARTIAL if None in (prompt, output) else UsageSource.REPORTED
    return Usage(input_tokens=prompt, output_tokens=output, cache_read_tokens=cached, source=source)


def completed(said: Usage, more: Usage) -> Usage:
    """What was said, with what it lacks from elsewhere: both describe one answer."""
    if UsageSource.NONE in (said.source, more.source):
        return more if said.source is UsageSource.NONE else said
    lacking = {name: getattr(more, name) for name in _COUNTS if getattr(said, name) is None}
    found = replace(said, **lacking)
    known = None not in (found.input_tokens, found.output_tokens)
    return replace(found, source=UsageSource.REPORTED if known else UsageSource.PARTIAL)


def metrics_said(chunk: Document) -> Usage:
    """The invocation metrics, which Bedrock adds to the last chunk whoever the vendor is."""
    return metrics_of(mapping(chunk.get(INVOCATION_METRICS)))


_WRITTEN = ("generation", "outputs", "results", "outputText", "completion", "choices", "text", "output")


def written_bytes(document: Document) -> int:
    """The bytes that the model wrote in an answer or a chunk, a little more rather than less."""
    delta = mapping(mapping(document.get("contentBlockDelta")).get("delta"))
    return text_bytes([delta, *(document.get(name) for name in _WRITTEN)])

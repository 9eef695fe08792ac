"""Which simulated provider a host name means, and which of its functions answers a path."""

from __future__ import annotations

import re
from collections.abc import Callable

from sluiceway.demo import credentials, seats, sigv4, strict
from sluiceway.demo.dialects import (
    anthropic,
    anthropic_batches,
    bedrock,
    chat,
    cohere,
    completions,
    embeddings,
    family,
    gemini,
    gemini_batches,
    gemini_cloudcode,
    google_oauth,
    listing,
    media,
    openai_batches,
    responses,
    vertex,
    vertex_gemini,
)
from sluiceway.demo.exchange import Asked, Rejected, Reply, new_id
from sluiceway.demo.headers import answer_headers
from sluiceway.demo.memory import Memory

PROVIDERS = {
    "api.anthropic.com": "anthropic",
    "api.openai.com": "openai",
    "generativelanguage.googleapis.com": "gemini",
    "cloudcode-pa.googleapis.com": "gemini",
    "chatgpt.com": "openai",
    "api.x.ai": "xai",
    **family.HOSTS,
    "bedrock-runtime.us-east-1.amazonaws.com": "bedrock",
    "bedrock-runtime.eu-central-1.amazonaws.com": "bedrock",
    "bedrock-mantle.us-east-1.api.aws": "bedrock",
    "us-central1-aiplatform.googleapis.com": "vertex",
    "europe-west4-aiplatform.googleapis.com": "vertex",
    "us-east5-aiplatform.googleapis.com": "vertex",
    "aiplatform.googleapis.com": "vertex",
    "oauth2.googleapis.com": google_oauth.PROVIDER,
}
# Spoken by many: any other name that reaches the simulator answers in OpenAI's way.
COMPATIBLE = ("api.together.xyz", "api.cerebras.ai", "router.huggingface.co", "api.z.ai")

Answer = Callable[[Asked, Memory], Reply]


def provider_of(host: str, path: str) -> str:
    """The provider by host name; by path where the client dialled an address instead of a name."""
    name = host.rsplit(":", 1)[0].lower()
    found = PROVIDERS.get(name) or family.provider_of(name)
    if found is not None:
        return found
    if name not in ("127.0.0.1", "localhost"):
        return "compatible"
    if path.startswith(("/v1/messages", "/api/")):
        return "anthropic"
    return "gemini" if path.startswith(("/v1beta/", "/v1/models/")) else "openai"


def answer(asked: Asked, memory: Memory) -> Reply:
    """The provider's answer, errors of the request raised as Rejected."""
    if asked.provider == "anthropic" and asked.path.startswith("/api/"):
        return _harmless(asked)
    if asked.provider == "bedrock":
        sigv4.check(asked)
    elif asked.provider != google_oauth.PROVIDER:
        credentials.check(asked.provider, asked.headers, asked.query)
    memory.accounts.check(asked)
    try:
        if memory.manners.strict:
            strict.check(asked)
        return seats.told(asked, _function(asked)(asked, memory))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        # A wrong type somewhere deep in the body. The real ones answer 400 too, with the path into it.
        raise Rejected(400, "The request body does not follow the schema.") from None


def _function(asked: Asked) -> Answer:
    for method, pattern, found in _ROUTES.get(asked.provider, _OPENAI):
        if method == asked.method and pattern.fullmatch(asked.path):
            return found
    raise Rejected(404, f"Invalid URL ({asked.method} {asked.path})")


def _harmless(asked: Asked) -> Reply:
    """Claude Code's own endpoints (event logging, settings, account): quick, empty, free."""
    request_id = new_id("req_")
    body = _EMPTY.get(asked.path, b"{}")
    return Reply(200, request_id, answer_headers(asked.provider, request_id, asked.now), body=body)


# Asked three times more, over five seconds, where the answer lacks a field (Claude Code 2.1.332).
_EMPTY = {"/api/claude_code/policy_limits": b'{"restrictions":{}}'}


Route = tuple[str, re.Pattern[str], Answer]
_ANTHROPIC: tuple[Route, ...] = (
    ("POST", re.compile(r"/v1/messages"), anthropic.messages),
    ("POST", re.compile(r"/v1/messages/count_tokens"), anthropic.count_tokens),
    ("POST", re.compile(r"/v1/messages/batches"), anthropic_batches.create),
    ("GET", re.compile(r"/v1/messages/batches/\w+"), anthropic_batches.state),
    ("POST", re.compile(r"/v1/messages/batches/\w+/cancel"), anthropic_batches.cancel),
    ("GET", re.compile(r"/v1/messages/batches/\w+/results"), anthropic_batches.results),
    ("GET", re.compile(r"/v1/models"), listing.listed),
)
# Compatible providers put the same paths behind prefixes of their own: /openai/v1, /api/v1, none.
_OPENAI: tuple[Route, ...] = (
    ("POST", re.compile(r".*/chat/completions"), chat.completions),
    ("POST", re.compile(r".*/completions"), completions.create),
    ("POST", re.compile(r".*/rerank"), cohere.rerank),
    ("POST", re.compile(r".*/ocr"), cohere.read_pages),
    ("POST", re.compile(r".*/messages"), anthropic.messages),
    ("POST", re.compile(r".*/responses"), responses.create),
    ("POST", re.compile(r".*/responses/input_tokens"), media.input_tokens),
    ("POST", re.compile(r".*/images/(generations|edits|variations)"), media.images),
    ("POST", re.compile(r".*/audio/speech"), media.speech),
    ("POST", re.compile(r".*/audio/(transcriptions|translations)"), media.transcripts),
    ("POST", re.compile(r".*/moderations"), media.moderation),
    ("GET", re.compile(r".*/responses/\w+"), responses.stored),
    ("DELETE", re.compile(r".*/responses/\w+"), responses.stored),
    ("POST", re.compile(r".*/responses/\w+/cancel"), responses.cancel),
    ("POST", re.compile(r".*/embeddings"), embeddings.create),
    ("POST", re.compile(r".*/files"), openai_batches.upload),
    ("GET", re.compile(r".*/files/[\w-]+/content"), openai_batches.content),
    ("POST", re.compile(r".*/batches"), openai_batches.create),
    ("GET", re.compile(r".*/batches/\w+"), openai_batches.state),
    ("POST", re.compile(r".*/batches/\w+/cancel"), openai_batches.cancel),
    ("GET", re.compile(r".*/models"), listing.listed),
)
_GEMINI: tuple[Route, ...] = (
    ("POST", re.compile(r"/v1\w*/models/[^/]*:predict"), vertex_gemini.call),
    ("POST", re.compile(r"/v1\w*/models/[^/]*:batchGenerateContent"), gemini_batches.create),
    ("POST", re.compile(r"/v1\w*/models/.*"), gemini.call),
    ("POST", re.compile(r"/upload/v1\w*/files"), gemini_batches.upload),
    ("GET", re.compile(r"(/download)?/v1\w*/files/[^/]*:download"), gemini_batches.download),
    ("GET", re.compile(r"/v1\w*/batches/\w+"), gemini_batches.state),
    ("POST", re.compile(r"/v1\w*/batches/\w+:cancel"), gemini_batches.cancel),
    ("POST", re.compile(r"/v1internal:\w+"), gemini_cloudcode.call),
    ("GET", re.compile(r"/v1\w*/models"), listing.listed),
    ("POST", re.compile(r"/v1beta/openai/chat/completions"), chat.completions),
    ("POST", re.compile(r"/v1beta/openai/embeddings"), embeddings.create),
)
_COHERE: tuple[Route, ...] = (
    ("POST", re.compile(r"/v2/chat"), cohere.chat),
    ("POST", re.compile(r"/v2/embed"), cohere.embed),
    ("POST", re.compile(r"/v[12]/rerank"), cohere.rerank),
    ("POST", re.compile(r"/compatibility/v1/chat/completions"), chat.completions),
    ("GET", re.compile(r"/v1/models"), listing.listed),
)
_BEDROCK: tuple[Route, ...] = (
    ("POST", re.compile(r"/model/.*"), bedrock.call),
    ("POST", re.compile(r"/anthropic/v1/messages"), anthropic.messages),
    *_OPENAI,
)
_VERTEX: tuple[Route, ...] = (
    ("POST", re.compile(r"/v1\w*/projects/.*/publishers/anthropic/.*"), vertex.call),
    ("POST", re.compile(r"/v1\w*/(projects/.*/)?publishers/google/.*"), vertex_gemini.call),
)
_ROUTES = {
    "anthropic": _ANTHROPIC,
    "gemini": _GEMINI,
    "cohere": _COHERE,
    "bedrock": _BEDROCK,
    "vertex": _VERTEX,
    google_oauth.PROVIDER: (("POST", re.compile(r"/token"), google_oauth.token),),
}

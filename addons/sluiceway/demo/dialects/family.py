"""How the providers that speak OpenAI's Chat differ from it, as their own references say.

Where a stream tells its usage, which words and sums are added to it, and which fields of a request are turned
down. A provider that is not in a table does as OpenAI does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sluiceway.demo.exchange import Asked, Json, Rejected, sse

HOSTS = {
    "api.mistral.ai": "mistral",
    "codestral.mistral.ai": "mistral",
    "api.groq.com": "groq",
    "api.deepseek.com": "deepseek",
    "openrouter.ai": "openrouter",
    "api.cohere.com": "cohere",
    "api.cohere.ai": "cohere",
    "api.perplexity.ai": "perplexity",
    "api.moonshot.ai": "moonshot",
    "api.fireworks.ai": "fireworks",
    "api.voyageai.com": "voyage",
    "*.openai.azure.com": "azure",
    "*.services.ai.azure.com": "azure",
    "*.cognitiveservices.azure.com": "azure",
}
# Told unasked, in the chunk that ends the choice; Perplexity sends no [DONE] after it.
_IN_LAST_CHUNK = frozenset({"mistral", "groq", "perplexity", "moonshot", "fireworks"})
WITHOUT_DONE = frozenset({"perplexity"})
_FORBIDDEN: Mapping[str, tuple[str, ...]] = {
    "mistral": ("stream_options", "max_completion_tokens", "seed", "logit_bias", "user", "store"),
    "groq": ("logit_bias", "logprobs", "top_logprobs"),
}
_DEPLOYMENT = re.compile(r"/openai/deployments/([^/]+)/")
_BEHIND_DEPLOYMENTS = "gpt-4o"
# What one token costs at those that say so themselves, in units of 1e-7 USD: so that sums are exact.
_COST = {"openrouter": (25, 100), "xai": (30, 150), "perplexity": (10, 10)}
_SEARCH_COST = 50_000  # 0.005 USD


def provider_of(name: str) -> str | None:
    """The provider at a host, or at any host one label below a starred name."""
    return HOSTS.get(name) or HOSTS.get("*." + name.partition(".")[2])


def body_for(asked: Asked, body: Json) -> Json:
    """The body as the provider takes it: Azure's names no model but the deployment in its path."""
    found = _DEPLOYMENT.search(asked.path)
    if found is None:
        return body
    named = found[1] if found[1].startswith(("gpt-", "o1", "o3", "o4", "text-embedding-")) else None
    return body | {"model": named or _BEHIND_DEPLOYMENTS}


def check(asked: Asked, body: Json) -> None:
    """Turns down fields that this provider does not take."""
    for name in _FORBIDDEN.get(asked.provider, ()):
        if body.get(name) is not None:
            message = f"{name}: Extra inputs are not permitted"
            raise Rejected(422 if asked.provider == "mistral" else 400, message, param=name)


def usage_of(provider: str, usage: Json) -> Json:
    """The usage with what this provider adds."""
    prompt, completion = usage["prompt_tokens"], usage["completion_tokens"]
    cached = usage["prompt_tokens_details"]["cached_tokens"]
    if provider == "deepseek":
        return usage | {"prompt_cache_hit_tokens": cached, "prompt_cache_miss_tokens": prompt - cached}
    if provider not in _COST:
        return usage
    each_in, each_out = _COST[provider]
    tokens_cost = each_in * prompt + each_out * completion
    if provider == "openrouter":
        details = {"upstream_inference_cost": None}
        return usage | {"cost": tokens_cost / 1e7, "is_byok": False, "cost_details": details}
    if provider == "xai":
        return usage | {"cost_in_usd_ticks": tokens_cost * 1000, "num_sources_used": 0}
    total = (tokens_cost + _SEARCH_COST) / 1e7
    cost = {"request_cost": _SEARCH_COST / 1e7, "total_cost": total}
    return usage | {"search_context_size": "low", "cost": cost}


def tells_in_last_chunk(provider: str) -> bool:
    """Whether a stream's usage comes with the finish of its choice, whether asked for or not."""
    return provider in _IN_LAST_CHUNK


def last_chunk(provider: str, chunk: Json, index: int, finish: str, usage: Json) -> bytes:
    """The chunk that ends a choice and tells the usage where this provider puts it."""
    choice: Json = {"index": index, "delta": {}, "logprobs": None, "finish_reason": finish}
    if provider == "moonshot":
        return sse(None, chunk | {"choices": [choice | {"usage": usage}]})
    if provider == "groq":
        return sse(None, chunk | {"choices": [choice], "x_groq": {"id": "req_demo", "usage": usage}})
    return sse(None, chunk | {"choices": [choice], "usage": usage})


def error_body(provider: str, message: str, status: int) -> Json | None:
    """An error in the form of a provider that does not use OpenAI's."""
    if provider == "cohere":
        return {"id": "demo", "message": message}
    if provider == "voyage":
        return {"detail": message}
    if provider == "mistral":
        kind = "invalid_request_error" if status < 500 else "internal_server_error"
        return {"object": "error", "message": message, "type": kind, "param": None, "code": str(status)}
    return None

"""What batches of requests share, whatever the API: one Call for all of them, and what each line came to.

A batch is one row: its tokens are sums. Its cost is the sum of each request's own, because a long prompt may
have a price of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sluiceway.errors import WireError
from sluiceway.types import Call

MAX_REQUESTS = 100_000  # Anthropic's bound; OpenAI's is 50,000
TIER = "batch"


def combined(calls: Sequence[Call], dialect: str) -> Call:
    """All requests of a batch as one call of as many choices as they ask for, of `max_output_tokens` on
    average, rounded up.

    Raises WireError where it is empty or too long, or asks for several models: a row has one."""
    if not 0 < len(calls) <= MAX_REQUESTS:
        raise WireError(f"a batch needs between 1 and {MAX_REQUESTS} requests")
    models = {call.model for call in calls}
    if len(models) > 1:
        raise WireError("all requests of a batch must name the same model; send one batch for each model")
    answers = sum(call.choices for call in calls)
    limits = [None if (most := call.max_output_tokens) is None else most * call.choices for call in calls]
    known = [limit for limit in limits if limit is not None]
    writes = {call.cache_writes for call in calls}
    return replace(
        calls[0],
        dialect=dialect,
        operation="batch",
        stream=False,
        background=True,
        service_tier=TIER,
        conversation_id=None,
        previous_response_id=None,
        held_input=any(call.held_input for call in calls),
        choices=answers,
        max_output_tokens=-(-sum(known) // answers) if len(known) == len(calls) else None,
        has_tools=any(call.has_tools for call in calls),
        has_images=any(call.has_images for call in calls),
        has_thinking=any(call.has_thinking for call in calls),
        wants_json=any(call.wants_json for call in calls),
        cache_writes="1h" if "1h" in writes else "5m" if "5m" in writes else None,
        input_bytes=sum(call.input_bytes for call in calls),
        dense_bytes=sum(call.dense_bytes for call in calls),
    )

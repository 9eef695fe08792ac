"""Whether a conversation with a warm prompt cache is worth moving: what leaving costs against what it saves.

Prices are USD per million tokens. With C tokens warm here, F fresh ones and O of output in each of N turns:

    worth  = C * (write there - read there)            the cache has to be written again, once
    saving = N * (C * (read here - read there)         each turn reads it again
                + F * (write here - write there)       and adds what is new
                + O * (output here - output there))    and answers

It moves when the saving is more than the worth. N is how many turns are still to come, of which nobody knows:
five is careful, since it is the fewer turns the less a move pays (docs/decisions/0018).
"""

from __future__ import annotations

from decimal import Decimal

from sluiceway.types import TokenPrice

EXPECTED_TURNS = 5
# What an agent's turn writes: mostly a tool call. Careful, too: it makes a saving smaller.
TURN_OUTPUT_TOKENS = 300
MTOK = 1_000_000


def worth_usd(cached_tokens: int, there: TokenPrice) -> Decimal:
    """What the cache is worth: it would have to be written again at `there`, which reading does not cost."""
    return cached_tokens * (there.cache_write_usd - there.cache_read_usd) / MTOK


def saving_usd(
    cached_tokens: int,
    fresh_tokens: int,
    here: TokenPrice,
    there: TokenPrice,
    turns: int = EXPECTED_TURNS,
    output_tokens: int = TURN_OUTPUT_TOKENS,
) -> Decimal:
    """What `turns` more turns would cost less at `there`; negative where they cost more."""
    turn = (
        cached_tokens * (here.cache_read_usd - there.cache_read_usd)
        + fresh_tokens * (here.cache_write_usd - there.cache_write_usd)
        + output_tokens * (here.output_usd - there.output_usd)
    )
    return turns * turn / MTOK

"""Why a conversation stays where it is although a rule would move it: its prompt cache there is warm."""

from __future__ import annotations

from sluiceway.policy.caching import saving_usd, worth_usd
from sluiceway.policy.case import Case
from sluiceway.types import Target


def stays(case: Case, target: Target) -> str | None:
    """The reason for the trail; None: it goes to `target`.

    Where nothing is warm, or what is there cannot serve this request, it goes. Where a price is not known, no
    saving can be shown, so it stays.
    """
    facts, here = case.facts, case.here
    cached = facts.cached_tokens
    if here == target or not cached or not case.may_stay or case.barred(here) is not None:
        return None
    ours, theirs = facts.price(here), facts.price(target)
    warm = f"stays at {here}: {cached:,} tokens are warm in its cache"
    if ours is None or theirs is None:
        return f"{warm}, and the price of {here if ours is None else target} is not known"
    fresh = max(0, facts.input_tokens - cached)
    worth, saving = worth_usd(cached, theirs), saving_usd(cached, fresh, ours, theirs)
    if saving > worth:
        return None
    return f"{warm}; moving would save {saving:.4f} USD, and writing it again at {target} costs {worth:.4f}"

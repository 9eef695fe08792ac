"""The entity types that guard rules may name: the guard's own and the company's."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from sluiceway.guard.company import Recognizers
from sluiceway.guard.load import load_recognizers
from sluiceway.guard.scan import BUILT_IN, TYPES
from sluiceway.policy import Policy
from sluiceway.settings.sentences import nearest

EVERY_TYPE = "*"


def recognizers_of(rules: Path) -> Recognizers:
    """The company's recognizers.yaml, or the shipped one where it has none. Raises ConfigError."""
    own = rules / "recognizers.yaml"
    return load_recognizers(own if own.exists() else None)


def unknown_types(policy: Policy, recognizers: Recognizers) -> list[str]:
    """A line for each type in a guard rule that nothing could ever find: a slip would switch the rule off."""
    known = _known(recognizers)
    return [
        f"{policy.places[rule]}: {rule}: there is no entity type '{entity}'{_guess(entity, known)}"
        for rule, entity in _named(policy)
        if entity not in known
    ]


def idle_types(policy: Policy, recognizers: Recognizers) -> list[str]:
    """A line for each type in a guard rule that exists, but is not looked for in requests."""
    off = set(recognizers.disabled)
    found = {
        rule.type for rule in BUILT_IN if "inline" in rule.profiles and not {rule.name, rule.type} & off
    } | {each.type for each in recognizers.recognizers if "inline" in each.profiles}
    return [
        f"{policy.places[rule]}: {rule}: '{entity}' is not looked for in requests (it is disabled in "
        "recognizers.yaml, or for the audit profile only), so the rule does nothing about it"
        for rule, entity in _named(policy)
        if entity in _known(recognizers) - found
    ]


def _known(recognizers: Recognizers) -> frozenset[str]:
    return TYPES | {each.type for each in recognizers.recognizers}


def _named(policy: Policy) -> Iterator[tuple[str, str]]:
    return ((rule.name, entity) for rule in policy.guard for entity in rule.detect if entity != EVERY_TYPE)


def _guess(entity: str, known: Collection[str]) -> str:
    near = nearest(entity, known)
    return f" (did you mean '{near}'?)" if near else f"; write one of {', '.join(sorted(known))}"

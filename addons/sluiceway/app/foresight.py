"""What the key rules and the guard would make of a request that is not sent: for `rules explain`.

By the functions that decide on the wire. Of what the guard finds, the type, the number and the part are told,
never the value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from multidict import CIMultiDict, CIMultiDictProxy

from sluiceway.gateway.coaching import places
from sluiceway.gateway.credentials import NOTHING, Presented, credentials_of, recognise
from sluiceway.gateway.guarding import blocking, counted, holding_type, placed, rulings_of
from sluiceway.gateway.injection import chosen, no_key
from sluiceway.gateway.labels import labelled
from sluiceway.gateway.parts import Rules
from sluiceway.guard.company import Recognizers
from sluiceway.guard.load import scanner
from sluiceway.policy import asked
from sluiceway.types import Call, Facts, KeyClass, Principal, Provider, Refusal, Step, Target
from sluiceway.wire.parts import Segment


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Whose credential a request goes out with, how that came about, or why it does not go."""

    key_class: KeyClass
    step: Step
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class LookedThrough:
    """What the guard finds and does. `findings` are plain values for tables and programs."""

    steps: tuple[Step, ...]
    findings: tuple[Mapping[str, Any], ...]
    refusal: Refusal | None


def brought(
    rules: Rules, provider: Provider, headers: Mapping[str, str], query: str, key: bytes, contact: str
) -> Presented:
    """Whose credential the request carries by its headers and query. One without any is taken to go with the
    company's: who asks what a rule does seldom writes a key down."""
    found = credentials_of(fields_of(headers), provider, query)
    if not found:
        return Presented(KeyClass.COMPANY)
    return recognise(found, provider, rules.keys, key, contact)


def fields_of(headers: Mapping[str, str]) -> CIMultiDictProxy[str]:
    """Header fields as the gateway reads them."""
    return CIMultiDictProxy(CIMultiDict(headers))


def supposed(key_class: KeyClass | None) -> Presented:
    """What the question says it carries; None: nothing, or the word `sluiceway`."""
    return NOTHING if key_class is None else Presented(key_class)


def outgoing(
    rules: Rules, presented: Presented, who: Principal, call: Call, facts: Facts, named_in_full: bool
) -> Outgoing:
    """As `injection.equip`. `named_in_full`: whether the host is one at which keys are injected."""
    if presented.fault is not None:
        return _turned_away(presented.key_class, presented.fault)
    if not presented.gives_way:
        step = Step("key", None, f"keeps the credential it brings ({presented.key_class})")
        return Outgoing(presented.key_class, step)
    rule, key = chosen(rules, who, call, facts) if named_in_full else (None, None)
    if rule is not None and key is not None:
        return Outgoing(KeyClass.COMPANY, Step("key", rule.name, f"the company's key '{key.label}' goes out"))
    if presented.vacant:
        refusal = no_key(facts.provider, rule, facts.contact, may=named_in_full)
        return _turned_away(presented.key_class, refusal)
    step = Step("key", None, "no rule puts in another: the company's key it brings goes out")
    return Outgoing(KeyClass.COMPANY, step)


def outgoing_elsewhere(rules: Rules, who: Principal, call: Call, facts: Facts, moved_by: str) -> Outgoing:
    """As `injection.equip_elsewhere`."""
    rule, key = chosen(rules, who, call, facts)
    if rule is None or key is None:
        return _turned_away(facts.key_class, no_key(facts.provider, rule, facts.contact, moved_by=moved_by))
    step = Step("key", rule.name, f"the company's key '{key.label}' of {facts.provider} goes out instead")
    return Outgoing(KeyClass.COMPANY, step)


def _turned_away(key_class: KeyClass, refusal: Refusal) -> Outgoing:
    return Outgoing(key_class, Step("key", refusal.rule, f"refused: {refusal.code}"), refusal)


def looked_through(
    rules: Rules,
    recognizers: Recognizers,
    segments: Sequence[Segment],
    who: Principal,
    call: Call,
    facts: Facts,
    target: Target,
) -> LookedThrough:
    """As `guarding.inspect`, with the recognisers on file."""
    matching = asked(rules.policy, who, call, facts, target)
    if not matching:
        nothing = "no rules: not looked at" if not rules.policy.guard else "no rule matches: not looked at"
        return LookedThrough((Step("guard", None, nothing),), (), None)
    texts, offsets = labelled(segments)
    detectors = scanner("inline", recognizers)
    found = placed(segments, offsets, [detectors.scan(text) for text in texts])
    rulings, counts = rulings_of(matching, found, facts), counted(found)
    steps, findings = [], []
    for entity, count in sorted(counts.items()):
        ruling = rulings.get(entity)
        where = places(holding_type(entity, found))
        step = ruling.step if ruling else Step("guard", None, f"{entity}: no rule's business")
        steps.append(Step(step.kind, step.rule, f"{step.effect}; {_times(count)} in {where}"))
        action = ruling.action.name.lower() if ruling else None
        findings.append(
            {"type": entity, "count": count, "places": where, "action": action, "rule": step.rule}
        )
    if not steps:
        rule_or_rules = "1 rule" if len(matching) == 1 else f"{len(matching)} rules"
        steps.append(Step("guard", None, f"{rule_or_rules} asked: nothing found"))
    return LookedThrough(tuple(steps), tuple(findings), blocking(rulings, found, facts))


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"

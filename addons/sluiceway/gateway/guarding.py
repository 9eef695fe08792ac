"""The guard on the way of a request: what is sensitive in it is counted, masked, or keeps it from going on.

1. ask     which rules match; if none does, nothing is looked at
2. scan    every part, but for what was scanned before; what is long in a process of its own
3. judge   each type that was found, by the strictest rule
4. act     turn the request away, write it anew with placeholders, or let it go on as it is

A scan that fails lets nothing pass but what every rule merely detects and says may pass.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from sluiceway.errors import Refused, WireError
from sluiceway.gateway import coaching
from sluiceway.gateway.body import Upload
from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.labels import labelled, own
from sluiceway.gateway.parts import GatewayParts
from sluiceway.guard.incremental import Findings
from sluiceway.guard.placeholders import Numbering, mask
from sluiceway.guard.worker import Failed, may_pass
from sluiceway.policy import Ruling, asked, judge
from sluiceway.policy.kinds.guard import Action, Guard
from sluiceway.types import Facts, Refusal, Target
from sluiceway.wire.parts import Path, Segment

NOT_SCANNED = "NOT_SCANNED"  # in place of a type, in the ledger
IN_FIXED = "that part is signed or cannot be written anew, so nothing in it can be masked"

type Found = Sequence[tuple[Segment, Findings]]
type Rulings = Mapping[str, Ruling]


async def inspect(
    exchange: Exchange, parts: GatewayParts, upload: Upload, facts: Facts, target: Target
) -> Upload:
    """The request as it may go on to `target`. Raises Refused where a rule says no."""
    assert exchange.call and exchange.dialect
    rules = asked(exchange.rules.policy, exchange.principal, exchange.call, facts, target)
    if not rules:
        return upload
    segments = exchange.dialect.segments(upload.reading)
    texts, offsets = labelled(segments)
    scanned = await parts.detection.scan(exchange.principal.name, texts)
    if isinstance(scanned, Failed):
        parts.metrics.guard_failed(scanned.reason)
        return _unscanned(exchange, upload, rules, scanned, facts)
    parts.metrics.scanned(scanned.new, len(segments) - scanned.new)
    found = placed(segments, offsets, scanned.findings)
    rulings = _judged(exchange, parts, rules, found, facts)
    if (refusal := blocking(rulings, found, facts)) is not None:
        raise Refused(refusal)
    masked = {name for name, ruling in rulings.items() if ruling.action is Action.MASK}
    if not masked:
        return upload
    numbering = _numbering(exchange, parts, segments)
    return _mask(exchange, upload, {name: rulings[name] for name in masked}, found, numbering, facts)


def _judged(
    exchange: Exchange, parts: GatewayParts, rules: Sequence[Guard], found: Found, facts: Facts
) -> Rulings:
    """What is done about each type; counted, in the row and in the metrics."""
    rulings, counts = rulings_of(rules, found, facts), counted(found)
    for name, ruling in rulings.items():
        parts.metrics.found(name, ruling.action.name.lower(), counts[name])
    exchange.guard_findings = {name: counts[name] for name in rulings}
    return rulings


def placed(segments: Sequence[Segment], offsets: Sequence[int], findings: Sequence[Findings]) -> Found:
    """The parts that hold something, each with what it holds, by the texts that `labelled` made of them."""
    own_findings = map(own, findings, segments, offsets)
    return [(segment, here) for segment, here in zip(segments, own_findings, strict=True) if here]


def counted(found: Found) -> Counter[str]:
    """How often each type was found."""
    return Counter(finding.type for _, here in found for finding in here)


def rulings_of(rules: Sequence[Guard], found: Found, facts: Facts) -> Rulings:
    """What is done about each type. Where one stands in a part that cannot change, a mask blocks."""
    fixed = {finding.type for segment, here in found if segment.fixed for finding in here}
    return {
        name: ruling.blocked(IN_FIXED) if ruling.action is Action.MASK and name in fixed else ruling
        for name, ruling in judge(rules, counted(found), facts).items()
    }


def blocking(rulings: Rulings, found: Found, facts: Facts) -> Refusal | None:
    """The refusal where something is blocked; None: nothing is."""
    blocked = [ruling for ruling in rulings.values() if ruling.action is Action.BLOCK]
    if not blocked:
        return None
    return coaching.blocked([(ruling, _holding(ruling, found)) for ruling in blocked], facts.contact)


def _holding(ruling: Ruling, found: Found) -> list[Segment]:
    """The parts that hold the type; where only those that cannot change are to blame, these."""
    holding = holding_type(ruling.type, found)
    return [segment for segment in holding if segment.fixed or ruling.because != IN_FIXED]


def holding_type(entity: str, found: Found) -> list[Segment]:
    """The parts in which a type was found."""
    return [segment for segment, here in found if any(finding.type == entity for finding in here)]


def _mask(
    exchange: Exchange, upload: Upload, rulings: Rulings, found: Found, numbering: Numbering, facts: Facts
) -> Upload:
    """The request with placeholders; what may come back is kept for the answer."""
    assert exchange.dialect
    changes: dict[Path, str] = {}
    originals: dict[str, str] = {}
    for segment, here in found:
        masked = mask(segment.text, (finding for finding in here if finding.type in rulings), numbering)
        if masked.text != segment.text:
            changes[segment.path] = masked.text
            originals |= masked.originals
    try:
        reading = exchange.dialect.replaced(upload.reading, changes)
    except WireError:
        raise Refused(coaching.unwritable(rulings.values(), facts.contact)) from None
    exchange.call, exchange.originals = reading.call, originals
    # What stands masked in it already, by the rules for another target, is none of what was found now.
    before, found_now = exchange.masked, exchange.guard_findings
    exchange.masked = {**before, **{name: before.get(name, 0) + found_now[name] for name in rulings}}
    return upload.limited(reading)


def _numbering(exchange: Exchange, parts: GatewayParts, segments: Sequence[Segment]) -> Numbering:
    """The numbers of this conversation. Placeholders that stand in the request as somebody's own words are
    not given to anything else."""
    conversation = _conversation(exchange, segments)
    numbering = parts.detection.numberings.of(exchange.principal.name, conversation)
    for segment in segments:
        if segment.role != "assistant" and "<" in segment.text:
            numbering.avoid(segment.text)
    return numbering


def _conversation(exchange: Exchange, segments: Sequence[Segment]) -> str:
    """By its name, else by the first that was said in it. Of a response the provider may hold the turns
    before, whose placeholders must not come to mean something else: all of a person's share their numbers."""
    if told := exchange.conversation:
        return told[1]
    if exchange.call and exchange.call.dialect == "openai_responses":
        return ""
    said = (segment.text for segment in segments if (segment.role, segment.kind) == ("user", "text"))
    return next(said, "")


def _unscanned(
    exchange: Exchange, upload: Upload, rules: Sequence[Guard], failed: Failed, facts: Facts
) -> Upload:
    if may_pass((rule.action, "closed" if rule.fails_closed else "open") for rule in rules):
        exchange.guard_findings = {NOT_SCANNED: 1}
        exchange.was_scanned = False
        return upload
    closed = next(rule.name for rule in rules if rule.fails_closed)
    raise Refused(coaching.failed(failed.reason, closed, facts.contact))

"""`sluiceway audit`: what is audited and who was told; reading, which takes two; checking and destroying."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from sluiceway.app.audit import Place, perform
from sluiceway.app.deployment import Deployment
from sluiceway.app.operations import perform as perform_plain
from sluiceway.audit.checkpoint import NodeKey, Verifier
from sluiceway.audit.export import export as export_lines
from sluiceway.audit.notice import Notice, notice
from sluiceway.audit.overview import overview
from sluiceway.audit.shipping import CheckpointFile
from sluiceway.audit.verify import verify as verify_audit
from sluiceway.cli import reading
from sluiceway.cli.ledger import From, To, period
from sluiceway.cli.reading import Person, entry_row, known_person, write_lines
from sluiceway.cli.shape import (
    DEFAULT_CONFIG,
    AsJson,
    Checkpoints,
    Config,
    NodeKeys,
    application,
    moment,
    show,
    table,
)
from sluiceway.errors import ConfigError
from sluiceway.policy.kinds.audit import Audit

audit = application("What is audited, who was told, and who read it.")
audit.command()(reading.keygen)
audit.command()(reading.request)
audit.command()(reading.approve)
audit.command(name="open")(reading.open_)


@audit.command()
def policy(config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Show which audit rules there are, who could read, and the public key that checks the log."""
    from sluiceway.app.recording import ner_of  # it brings the detectors, which no other command needs

    deployment = Deployment.load(config)
    ner = ner_of(deployment)
    place, zone = Place.of(deployment), deployment.settings.zone
    now, holders = datetime.now(UTC), Place.of(deployment).holders()
    found = [_rule_row(rule, rule.in_force(now, zone)) for rule in deployment.content().policy.audit]
    node = str(NodeKey.load(place.node_key).verifier) if place.node_key.exists() else None
    answer = {
        "rules": found,
        "holders": [{"name": e.name, "role": e.role, "key": e.key.id} for e in holders.holders],
        "can_open": holders.can_open,
        "ner_model": ner.model,
        "node_key": node,
        "checkpoints": str(place.checkpoints),
    }
    columns = ["rule", "state", "mode", "until", "keep_days", "purpose", "agreement"]
    lines = [table(found, columns) if found else "no audit rules: nothing is audited", ""]
    lines += [f"can take part in opening: {each.name} ({each.role})" for each in holders.holders]
    if not holders.can_open and found:
        lines.append("no two people could open what would be sealed, so no text is kept")
    if ner.warning and found:
        lines.append(f"warning: {ner.warning}")
    key = node or "made with the first record"
    lines += [f"public key of this node's log: {key}", f"its checkpoints: {place.checkpoints}"]
    show(answer, as_json, "\n".join(lines))


@audit.command()
def disclose(
    person: Person,
    rule: Annotated[str, typer.Option("--rule", help="The audit rule the notice is about.")],
    acknowledged: Annotated[
        str | None, typer.Option(help="How they acknowledged it, for example 'signed form 12'.")
    ] = None,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Record that someone was given the notice of a rule, and, if so, that they acknowledged it."""
    deployment = Deployment.load(config)
    known_person(deployment, person)
    given = _notice(deployment, rule)
    arguments = {"person": person, "version": given.version}
    perform(deployment, "audit.disclose", **arguments, rule=given.rule, text=given.text, channel="cli")
    if acknowledged:
        perform(deployment, "audit.acknowledge", **arguments, channel=f"cli: {acknowledged}")
    state = "told and acknowledged" if acknowledged else "told, not yet acknowledged"
    answer = {"person": person, "rule": rule, "notice": given.version, "state": state, "text": given.text}
    show(answer, as_json, f"{given.text}\n\n{person}: {state}")


@audit.command(name="list")
def list_(
    person: Annotated[str | None, typer.Option(help="Only this person's entries.")] = None,
    from_: From = None,
    to: To = None,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """List entries (never their text), and every request to read them. The listing itself is recorded."""
    deployment, span = Deployment.load(config), period(from_, to, timedelta(days=30))
    detail = {"person": person, "from": span.from_at.isoformat(), "to": span.to_at.isoformat()}
    perform_plain(deployment, "event.record", kind="audit_listed", detail=detail)
    start, end = (round(at.timestamp() * 1_000_000) for at in (span.from_at, span.to_at))
    with deployment.store(writable=False) as store:
        with store.audit.snapshot() as snapshot:
            entries = [entry_row(each) for each in snapshot.entries(person, start, end)]
        readings = overview(store.audit, span.from_at, span.to_at).readings
    steps = [_reading_row(asdict(each)) for each in readings if person in (None, each.person)]
    columns = ["id", "at", "person", "model", "rule", "content"]
    asked = ["id", "at", "requester", "person", "reason", "approved_by", "opened"]
    text = "\n".join(
        [
            table(list(map(_to_the_minute, entries)), columns) if entries else "no entries",
            "",
            table(list(map(_to_the_minute, steps)), asked) if steps else "nobody asked to read anything",
        ]
    )
    show({"entries": entries, "readings": steps}, as_json, text)


@audit.command()
def verify(
    checkpoints: Checkpoints = None,
    node_key: NodeKeys = None,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Prove that no record, ciphertext, order or step was altered, removed, added or rolled back."""
    deployment = Deployment.load(config)
    place = Place.of(deployment)
    verifiers = [Verifier.parse(each) for each in node_key or ()]
    own = not verifiers and place.node_key.exists()
    if own:
        verifiers = [NodeKey.load(place.node_key).verifier]
    shipped = CheckpointFile(checkpoints or place.checkpoints).read()
    with deployment.store(writable=False) as store, store.audit.snapshot() as snapshot:
        verdict = verify_audit(snapshot, verifiers, shipped or None)
    if own:
        verdict.warnings.append("checked with this machine's own key; give --node-key from your records")
    answer = {"ok": verdict.good, **asdict(verdict)}
    lines = [f"{each.where}: {each.what}" for each in verdict.faults]
    lines += [f"warning: {each}" for each in verdict.warnings]
    counts = f"{verdict.leaves} leaves, {verdict.entries} entries, {verdict.checkpoints} checkpoints"
    lines.append(f"{counts}: {'nothing was altered' if verdict.good else f'{len(verdict.faults)} faults'}")
    show(answer, as_json, "\n".join(lines))
    if not verdict.good:
        raise typer.Exit(1)


@audit.command()
def shred(
    reason: Annotated[str, typer.Option(help="Why; it stays in the log for good.")],
    person: Annotated[str | None, typer.Option(help="Whose sealed text to destroy.")] = None,
    from_day: Annotated[str | None, typer.Option(metavar="DATE", help="First day (UTC).")] = None,
    to_day: Annotated[str | None, typer.Option(metavar="DATE", help="Day after the last (UTC).")] = None,
    expired: Annotated[bool, typer.Option(help="What was kept as long as its rule said.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it, only count.")] = False,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Destroy sealed text for good, with every key to it. The fact that it was there stays."""
    if expired == any((person, from_day, to_day)):
        raise typer.BadParameter("give --person, --from-day or --to-day, or else --expired")
    if not reason.strip():
        raise typer.BadParameter("--reason must not be empty")
    deployment = Deployment.load(config)
    if person is not None:
        known_person(deployment, person)
    done = perform(
        deployment,
        "audit.shred",
        person=person,
        from_day=_day(from_day, "--from-day"),
        to_day=_day(to_day, "--to-day"),
        expired=expired,
        reason=reason,
        dry_run=not yes,
    )
    what = f"{done['data_keys']} data key{'' if done['data_keys'] == 1 else 's'}"
    show(
        done | {"done": yes}, as_json, f"{what} destroyed" if yes else f"{what} would be destroyed; add --yes"
    )


@audit.command()
def export(
    out: Annotated[Path | None, typer.Option(help="A new file; standard output without it.")] = None,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Write log, records and ciphertext as JSON lines, to be checked by a program of somebody else."""
    deployment = Deployment.load(config)
    perform_plain(deployment, "event.record", kind="audit_exported", detail={})
    with deployment.store(writable=False) as store, store.audit.snapshot() as snapshot:
        write_lines(export_lines(snapshot), out)


def _notice(deployment: Deployment, name: str) -> Notice:
    rules = {rule.name: rule for rule in deployment.content().policy.audit}
    if name not in rules:
        known = ", ".join(rules) or "none yet"
        raise ConfigError(f"there is no audit rule '{name}' in rules/policy/; there: {known}")
    contact = deployment.contact
    return notice(rules[name], Place.of(deployment).holders(), contact)


def _rule_row(rule: Audit, in_force: bool) -> dict[str, Any]:
    return {
        "rule": rule.name,
        "state": "in force" if in_force else "ended",
        "mode": rule.mode,
        "until_acknowledged": rule.until_acknowledged,
        "until": rule.until.isoformat(),
        "keep_days": rule.keep_days,
        "purpose": rule.purpose,
        "agreement": rule.agreement,
    }


def _reading_row(reading: dict[str, Any]) -> dict[str, Any]:
    opened_at = [each.isoformat() for each in reading.pop("opened_at")]
    return reading | {
        "at": reading["at"].isoformat(),
        "approved_by": ", ".join(reading["approved_by"]) or None,
        "opened": len(opened_at),
        "opened_at": opened_at,
    }


def _to_the_minute(found: dict[str, Any]) -> dict[str, Any]:
    return found | {"at": moment(found["at"])}


def _day(text: str | None, option: str) -> str | None:
    try:
        return None if text is None else datetime.fromisoformat(text).date().isoformat()
    except ValueError:
        raise typer.BadParameter(f"{option}: write a date such as 2026-11-01, not {text!r}") from None

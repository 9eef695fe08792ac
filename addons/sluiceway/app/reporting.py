"""What a report is told besides the ledger: caps, guard, audit, and what was verified for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

from sqlalchemy import func, select

from sluiceway.app import budgets
from sluiceway.app.audit import Place
from sluiceway.app.deployment import Deployment
from sluiceway.audit.checkpoint import NodeKey, Verifier
from sluiceway.audit.overview import overview
from sluiceway.audit.shipping import CheckpointFile
from sluiceway.audit.verify import verify as verify_log
from sluiceway.errors import ConfigError
from sluiceway.policy import Policy, load_policy
from sluiceway.report import AuditState, CapState, GuardState, Period, Verification
from sluiceway.report.model import AuditRule, LedgerCheck, LogCheck, Progress
from sluiceway.store import Store
from sluiceway.store.tables import counters

TICK_S = 0.5


class Given(TypedDict):
    """Arguments of `report.build` by their names."""

    caps: Sequence[CapState]
    guard: GuardState
    audit: AuditState
    verification: Verification | None


def given(
    deployment: Deployment,
    store: Store,
    period: Period,
    *,
    verify: bool = True,
    node_keys: Sequence[str] = (),
    checkpoints: Path | None = None,
    progress: Progress | None = None,
) -> Given:
    """Looks at everything a report may say beyond the ledger's rows.

    `node_keys` and `checkpoints` are the auditors' own, kept off this machine; without them this machine's
    own key and the deployment's checkpoint file are used, and the report says so.
    """
    policy = load_policy(deployment.settings.rules / "policy")
    return Given(
        caps=budgets.states(deployment, store),
        guard=_guard(deployment, policy),
        audit=_audit(deployment, store, policy, period),
        verification=_verified(deployment, store, node_keys, checkpoints, progress) if verify else None,
    )


def _guard(deployment: Deployment, policy: Policy) -> GuardState:
    from sluiceway.guard.load import load_recognizers, ner_status  # RE2: other commands do without
    from sluiceway.guard.scan import TYPES

    file = deployment.settings.rules / "recognizers.yaml"
    recognizers = load_recognizers(file if file.exists() else None)
    try:
        names = ner_status(recognizers)
        model, warning = names.model, names.warning
    except ConfigError as error:
        model, warning = None, str(error)  # the one that is asked for is not there: said, not fatal here
    rules = tuple(rule.name for rule in policy.guard)
    return GuardState(rules, model, warning, TYPES)


def _audit(deployment: Deployment, store: Store, policy: Policy, period: Period) -> AuditState:
    holders, zone, now = Place.of(deployment).holders(), deployment.settings.zone, datetime.now(UTC)
    rules = tuple(
        AuditRule(
            rule.name,
            rule.mode,
            rule.purpose,
            rule.agreement,
            rule.until,
            rule.keep_days,
            rule.in_force(now, zone),
        )
        for rule in policy.audit
    )
    people = tuple((holder.name, holder.role) for holder in holders.holders)
    found = overview(store.audit, period.from_at, period.to_at)
    return AuditState(rules, people, holders.can_open, found)


def _verified(
    deployment: Deployment,
    store: Store,
    node_keys: Sequence[str],
    checkpoints: Path | None,
    progress: Progress | None,
) -> Verification:
    ledger = meanwhile(progress, "checking every budget counter, s:", lambda: _ledger(store))
    log = meanwhile(
        progress, "checking the audit log, s:", lambda: _log(deployment, store, node_keys, checkpoints)
    )
    return Verification(ledger, log)


def _ledger(store: Store) -> LedgerCheck:
    at = datetime.now(UTC)
    with store.read() as connection:
        number = connection.scalar(select(func.count()).select_from(counters)) or 0
    return LedgerCheck(at, number, tuple(store.verify()))


def _log(
    deployment: Deployment, store: Store, node_keys: Sequence[str], checkpoints: Path | None
) -> LogCheck:
    place, at = Place.of(deployment), datetime.now(UTC)
    verifiers = [Verifier.parse(each) for each in node_keys]
    own = not verifiers and place.node_key.exists()
    if own:
        verifiers = [NodeKey.load(place.node_key).verifier]
    file = checkpoints or place.checkpoints
    shipped = CheckpointFile(file).read()
    with store.audit.snapshot() as snapshot:
        verdict = verify_log(snapshot, verifiers, shipped or None)
        if not verifiers and not snapshot.nodes():
            verdict.warnings.clear()  # about checkpoints of a log that is not there
    return LogCheck(at, tuple(str(each) for each in verifiers), own, file.name, len(shipped), verdict)


def meanwhile[T](progress: Progress | None, what: str, do: Callable[[], T]) -> T:
    """Does it in a thread and tells `progress` the seconds: nobody knows how far it is."""
    if progress is None:
        return do()
    with ThreadPoolExecutor(1) as pool:
        running, ticks = pool.submit(do), 0
        while wait_for([running], TICK_S).not_done:
            ticks += 1
            progress(what, int(ticks * TICK_S), 0)
        return running.result()

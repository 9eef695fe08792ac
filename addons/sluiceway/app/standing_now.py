"""What only the running serve knows of targets, for `rules explain`: how fast they are, and which of them do
not answer at the moment."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sluiceway.app import control
from sluiceway.app.deployment import Deployment
from sluiceway.errors import SluicewayError
from sluiceway.gateway.parts import GatewayParts
from sluiceway.policy import Policy
from sluiceway.types import Decision, Health, Step, Target

KIND = "breaker"


def health_told(parts: GatewayParts) -> list[dict[str, Any]]:
    """What this process has measured, as the control socket carries it."""
    found = parts.health.snapshot(time.monotonic())
    return [
        {"provider": target.provider, "model": target.model, **asdict(health)}
        for target, health in found.items()
    ]


def health_now(deployment: Deployment) -> Mapping[Target, Health] | None:
    """The same as the running serve tells it (of several workers, the first that answers); None: nobody can
    be asked."""
    try:
        told = control.ask(deployment.config, "health", {})
    except SluicewayError:
        return None
    figures = ("ttft_ms", "ttft_p95_ms", "latency_ms", "latency_p95_ms", "open")
    return {
        Target(each["provider"], each["model"]): Health(**{name: each[name] for name in figures})
        for each in told
    }


def breaker_steps(policy: Policy, decision: Decision, known: Mapping[Target, Health] | None) -> list[Step]:
    """What breakers that are open now do to this decision, beyond what its routes say of them."""
    if decision.refusal is not None:
        return []
    if known is None:
        looks = any(rule.choose or rule.split or rule.failover for rule in policy.routes)
        return (
            [Step(KIND, None, "not known: no serve is running that could say who answers")] if looks else []
        )
    health = known.get(decision.target)
    if health is None or not health.open:
        return []
    then = decision.chain[0] if decision.chain else None
    does = f"{then} is asked at once" if then else "asked all the same: there is nowhere else to go"
    return [Step(KIND, decision.chain_rule, f"{decision.target} is not answering at the moment: {does}")]

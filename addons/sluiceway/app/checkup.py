"""`sluiceway doctor`: an employee's machine, and where there is a deployment in this folder, its guard."""

from __future__ import annotations

from pathlib import Path

from sluiceway.app.deployment import Deployment
from sluiceway.machine.doctor import Patient, Progress, examine
from sluiceway.machine.verdict import Fault, Verdict, fine, warning
from sluiceway.settings.providers import Providers

# Any listed AI host would do; nothing is forwarded to it.
USUAL_HOST = "api.anthropic.com"


def host_to_try(config: Path) -> str:
    """The first listed AI host of the deployment here; without one, the one that most companies list."""
    if not config.exists():
        return USUAL_HOST
    hosts = Providers.load(Deployment.load(config).settings.rules / "providers.yaml").hosts
    return hosts[0] if hosts else USUAL_HOST


def check_up(patient: Patient, config: Path, progress: Progress) -> list[Verdict]:
    """All verdicts."""
    return [*examine(patient, progress), *_guard(config)]


def _guard(config: Path) -> list[Verdict]:
    """Whether the audit profile recognises names by a model."""
    if not config.exists():
        return []
    from sluiceway.guard.load import load_recognizers, ner_status

    file = Deployment.load(config).settings.rules / "recognizers.yaml"
    status = ner_status(load_recognizers(file if file.exists() else None))
    if status.warning is None:
        return [fine("guard", f"recognises names by the model {status.model}")]
    return [
        warning("guard", Fault.NO_MODEL, status.warning, "pip install en-core-web-sm, or another spaCy model")
    ]

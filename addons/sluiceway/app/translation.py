"""What `rules explain` says of a request that a route sends to a provider of another API: what is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sluiceway.errors import WireError
from sluiceway.gateway.foreign import translated_for
from sluiceway.settings.models import Models
from sluiceway.types import Decision, Provider, Step
from sluiceway.wire.dialect import Dialect, Reading
from sluiceway.wire.translation.losses import Losses

KIND = "translate"


def translation_stage(
    dialect: Dialect, reading: Reading, decision: Decision, there: str, provider: Provider, models: Models
) -> tuple[Sequence[Step], tuple[str, str] | None]:
    """One step for the API there and one for each loss; the no where one is essential. By the function that
    translates on the wire."""
    losses = Losses()
    try:
        aimed = replace(reading, call=replace(reading.call, model=decision.target.model))
        translated_for(aimed, there, provider, models, losses)
    except WireError as error:
        return (), (f"the request is wrong: {error}", "unreadable")
    steps = [Step(KIND, decision.rule, f"from {dialect.name} to {there}")]
    for loss in losses.all():
        word = "refused" if loss.essential else "lost"
        times = f" ({loss.times} times)" if loss.times > 1 else ""
        steps.append(Step(KIND, decision.rule, f"{word}: {loss.field}{times}: {loss.why}"))
    if not losses.essential:
        return steps, None
    fields = ", ".join(loss.field for loss in losses.essential)
    return steps, (f"it cannot be translated without {fields}", "not_translatable")

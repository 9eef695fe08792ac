"""How an answer is drawn from its likely words, as far as a model takes it."""

from __future__ import annotations

from collections.abc import Mapping

from sluiceway.wire.translation import models
from sluiceway.wire.translation.losses import Losses

MOST_TEMPERATURE = 1  # of Claude and of all at Bedrock; elsewhere it goes to 2


def taken(
    told: Mapping[str, float | None], model: str, thinks: bool, losses: Losses, top_p: str = "top_p"
) -> dict[str, float]:
    """What of it is sent, by the API's own names: `top_p` is how it calls that one."""
    asked = {name: value for name, value in told.items() if value is not None}
    if not models.takes_sampling(model) or thinks:
        for name in asked:
            losses.drop(name, "the model takes it not at all, or not while it thinks")
        return {}
    if asked.get("temperature", 0) > MOST_TEMPERATURE:
        losses.drop("temperature", "lowered to 1, the most there is")
        asked["temperature"] = MOST_TEMPERATURE
    if "temperature" in asked and top_p in asked and not models.takes_top_p_beside_temperature(model):
        losses.drop("top_p", "the model takes a temperature or top_p, not both")
        del asked[top_p]
    return asked

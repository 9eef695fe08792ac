"""The address a socket is opened at, where a route says another model."""

from __future__ import annotations

import pytest

from sluiceway.gateway.handshake import with_model


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        pytest.param("model=gpt-realtime", "model=other%20one", id="openai"),
        pytest.param(
            "api-version=2025-04-01-preview&deployment=house",
            "api-version=2025-04-01-preview&deployment=other%20one",
            id="azure",
        ),
        pytest.param("intent=transcription&x", "intent=transcription&x", id="none named"),
        pytest.param("models=a&model=b=c", "models=a&model=other%20one", id="a name that only begins so"),
    ],
)
def test_only_the_model_changes_in_the_query(query: str, wanted: str) -> None:
    assert with_model(query, "other one") == wanted

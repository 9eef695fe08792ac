"""The demo is a test: a claim that does not hold, or a scene that breaks off, is counted and told."""

from __future__ import annotations

import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, cast

import pytest
from rich.console import Console

from sluiceway.demo import terminal, tour
from sluiceway.demo.people.asking import acknowledge
from sluiceway.demo.scenes.billing import listed_usd
from sluiceway.demo.scenes.counting import tokens_billed
from sluiceway.demo.scenes.line import Line, Scene, claim, shown
from sluiceway.demo.stage import Stage


def good(_stage: object, _parts: object) -> Iterator[Line]:
    yield claim(1, "it held")
    yield shown("seen\n  by\teverybody")


def false(_stage: object, _parts: object) -> Iterator[Line]:
    yield claim([], "nothing was there")


def broken(_stage: object, _parts: object) -> Iterator[Line]:
    yield claim(True, "so far")
    yield claim({}["missing"], "never")


@pytest.mark.parametrize(
    ("scene", "told"),
    [
        pytest.param(good, ["✓ it held", "  seen by everybody"], id="held"),
        pytest.param(false, ["✗ nothing was there"], id="did not hold"),
        pytest.param(broken, ["✓ so far", "✗ it broke off: KeyError: 'missing'"], id="broke off"),
    ],
)
def test_what_does_not_hold_is_counted_and_told(scene: Scene, told: list[str]) -> None:
    console = Console(file=io.StringIO(), width=80)
    with console.capture() as captured:
        failed = tour.tell(console, "A title", tour.played(scene, cast(Stage, None), {}))
    assert captured.get().splitlines() == ["", "A title", *told]
    assert failed == sum(line.startswith("✗") for line in told)


@pytest.mark.parametrize(
    ("usage", "billed"),
    [
        pytest.param({"promptTokenCount": 7, "toolUsePromptTokenCount": 2}, (9, 0), id="Gemini"),
        pytest.param({"prompt_tokens": 5, "completion_tokens": 3}, (5, 3), id="Chat Completions"),
        pytest.param({"prompt_tokens": 5}, (5, 0), id="embeddings"),
        pytest.param(
            {"input_tokens": 1, "cache_read_input_tokens": 20, "output_tokens": 4}, (21, 4), id="Anthropic"
        ),
        pytest.param(
            {
                "requests": [
                    {"input_tokens": 1, "output_tokens": 4},
                    None,
                    {"input_tokens": 2, "output_tokens": 5},
                ]
            },
            (3, 9),
            id="a batch, one of it failed",
        ),
    ],
)
def test_what_providers_bill_is_added_up_by_their_own_fields(
    usage: dict[str, Any], billed: tuple[int, int]
) -> None:
    assert tokens_billed(usage) == billed


def test_a_typed_command_says_what_the_installed_one_says() -> None:
    said = terminal.Terminal().type("rules", "check", "--config", "/nowhere/sluiceway.yaml")
    assert (said.code, said.out) == (1, "")
    assert "/nowhere/sluiceway.yaml: there is no such file" in said.err


def test_a_refusal_without_a_notice_is_not_acknowledged() -> None:
    with pytest.raises(ValueError, match="no link"):
        acknowledge("Sluiceway: the budget is used up")


def test_list_prices_are_worked_by_hand_and_a_model_without_one_breaks_the_claim() -> None:
    # 1,000 x 3 + 100 x 15 dollars for a million.
    assert listed_usd("claude-sonnet-4-6", 1000, 100) == Decimal("0.0045")
    with pytest.raises(KeyError):
        listed_usd("gpt-next-preview", 1, 1)

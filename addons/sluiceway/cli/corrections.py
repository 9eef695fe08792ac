"""`sluiceway ledger correct` and `ledger reprice`: what past requests cost in truth, as rows beside them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from itertools import batched
from typing import Annotated, Any

import typer

from sluiceway.app import corrections
from sluiceway.app.corrections import Repriced, Repricing
from sluiceway.app.deployment import Deployment
from sluiceway.app.operations import perform
from sluiceway.cli.shape import DEFAULT_CONFIG, AsJson, Config, Progress, facts, money, show
from sluiceway.errors import StoreError
from sluiceway.report import Period
from sluiceway.store.corrections import Truth
from sluiceway.types import to_usd

MOST_USD = 1_000_000
SHOWN = 10


def correct(
    request_id: Annotated[str, typer.Argument(help="As `x-sluiceway-request-id` and the ledger have it.")],
    cost_usd: Annotated[str, typer.Option(help="What the request cost in truth, all of it.", metavar="USD")],
    reason: Annotated[str, typer.Option(help="Why; it is recorded with your name.")],
    attempt: Annotated[
        int | None, typer.Option(min=1, help="Which attempt, where there were several.")
    ] = None,
    turn: Annotated[int | None, typer.Option(min=0, help="Which turn of a WebSocket.")] = None,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Say what one request cost. A row is added that carries the difference; caps move with it."""
    deployment = Deployment.load(config)
    cost = _amount(cost_usd)
    reason = _reason(reason)
    with deployment.store(writable=False) as store, store.read() as connection:
        found = corrections.attempts(connection, request_id)
    chosen = _chosen(found, request_id, attempt, turn)
    arguments = {"request_id": request_id, "attempt": chosen.attempt, "turn": chosen.turn}
    answer = perform(deployment, "ledger.correct", **arguments, cost_usd=f"{cost:f}", reason=reason)
    done = f"corrected: {request_id} cost {money(f'{cost:f}')} USD"
    show(answer, as_json, done if answer["corrected"] else "the ledger says so already; nothing was written")


def _amount(text: str) -> Decimal:
    try:
        cost = Decimal(text)
    except InvalidOperation:
        cost = Decimal(-1)
    if not (cost.is_finite() and 0 <= cost <= MOST_USD and cost == round(cost, 9)):
        raise typer.BadParameter(
            f"--cost-usd: write dollars with at most nine decimals, such as 0.0125, not {text!r}"
        )
    return cost


def _reason(text: str) -> str:
    reason = text.strip()
    if not reason or len(reason) > corrections.LONGEST_REASON or not reason.isprintable():
        raise typer.BadParameter(f"--reason: write one line of 1 to {corrections.LONGEST_REASON} characters")
    return reason


def _chosen(found: Sequence[Any], request_id: str, attempt: int | None, turn: int | None) -> Any:
    """The one row that is meant."""
    if not found:
        raise StoreError(f"the ledger has no request {request_id!r}; `sluiceway ledger export` lists them")
    fitting = [row for row in found if attempt in (None, row.attempt) and (turn is None or turn == row.turn)]
    if len(fitting) == 1:
        return fitting[0]
    there = "; ".join(_in_words(row) for row in found[:SHOWN])
    raise StoreError(
        f"{request_id} has {len(found)} rows, say which with --attempt or --turn: {there}"
        if len(found) > 1
        else f"{request_id} has only {there}"
    )


def _in_words(row: Any) -> str:
    turn = "" if row.turn is None else f" turn {row.turn}"
    cost = "cost unknown" if row.cost_nusd is None else f"{to_usd(row.cost_nusd):f} USD"
    return f"attempt {row.attempt}{turn} ({row.model or '?'}, {row.outcome}, {cost})"


def reprice(deployment: Deployment, span: Period, dry_run: bool, as_json: bool) -> None:
    """Prices the rows of a period anew by rules/prices.yaml and the price data as they are now."""
    content, found, progress = deployment.content(), Repriced(), Progress()
    pricing = Repricing(content.prices, content.providers.by_name)
    with deployment.store(writable=False) as store, store.read() as connection:
        truths = list(
            pricing.truths(
                connection, span.from_at, span.to_at, found, lambda rows: progress("rows priced:", rows, 0)
            )
        )
    written = 0 if dry_run else _write(deployment, truths, span, found, progress)
    progress.close()
    answer = {
        "from": span.from_at.isoformat(),
        "to": span.to_at.isoformat(),
        "dry_run": dry_run,
        "looked_at": found.looked_at,
        "price_was_unknown": found.was_unknown,
        "price_was_other": found.was_other,
        "price_still_unknown": found.still_unknown,
        "before_usd": f"{to_usd(found.before_nusd):f}",
        "after_usd": f"{to_usd(found.after_nusd):f}",
        "written": written,
        "models": dict(found.by_model.most_common()),
    }
    show(answer, as_json, _told(answer))


def _write(
    deployment: Deployment, truths: Sequence[Truth], span: Period, found: Repriced, progress: Progress
) -> int:
    if not truths:
        return 0
    detail = {
        "from": span.from_at.isoformat(),
        "to": span.to_at.isoformat(),
        "rows": found.rows,
        "before_usd": f"{to_usd(found.before_nusd):f}",
        "after_usd": f"{to_usd(found.after_nusd):f}",
    }
    perform(deployment, "event.record", kind="ledger_repriced", detail=detail)
    written = 0
    for step in batched(truths, corrections.STEP):
        plain = [corrections.plain(truth) for truth in step]
        written += perform(deployment, "ledger.reprice", truths=plain)["written"]
        progress("rows corrected:", written, len(truths))
    return written


def _told(answer: dict[str, Any]) -> str:
    lines = {
        "rows looked at": f"{answer['looked_at']:,}",
        "price was unknown": f"{answer['price_was_unknown']:,}",
        "price was another": f"{answer['price_was_other']:,}",
        "price still unknown": f"{answer['price_still_unknown']:,}",
        "these cost before": f"{money(answer['before_usd'])} USD",
        "and cost now": f"{money(answer['after_usd'])} USD",
        "corrections written": "none, this was a dry run" if answer["dry_run"] else f"{answer['written']:,}",
    }
    models = list(answer["models"].items())
    named = "".join(f"\n  {rows:,} of {model}" for model, rows in models[:SHOWN])
    more = f"\n  and {len(models) - SHOWN} more models" if len(models) > SHOWN else ""
    return facts(lines) + (f"\n\nBy model:{named}{more}" if models else "")

"""`sluiceway rules` and `sluiceway budget`: check what people wrote, and see how the caps stand."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sluiceway.app import budgets
from sluiceway.app.check import check as check_rules
from sluiceway.app.deployment import Deployment
from sluiceway.app.question import Carried, question_of
from sluiceway.cli.shape import (
    DEFAULT_CONFIG,
    AsJson,
    Config,
    application,
    facts,
    moment,
    money,
    show,
    table,
)
from sluiceway.errors import SluicewayError

if TYPE_CHECKING:
    from sluiceway.app.explain import Explained

rules = application("Check the rules, and ask what they would do, before they bite.")
budget = application("See how the budgets stand.")

_NONE = "no budget applies to anybody yet: write one in rules/policy/, or add an employee"


@budget.callback()
def _budget() -> None:
    """Keeps `list` a subcommand while it is the only one."""


@rules.command()
def check(config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Read every rules file and say what is wrong, where, and what to write instead."""
    found = check_rules(Deployment.load(config))
    answer = {"ok": not found.errors, "errors": found.errors, "warnings": found.warnings}
    warnings = [f"warning: {each}" for each in found.warnings]
    if found.errors and not as_json:
        print("\n".join([*found.errors, *warnings, f"{len(found.errors)} to mend"]), file=sys.stderr)
        raise typer.Exit(1)
    show(answer, as_json, "\n".join([*warnings, found.summary]))
    if found.errors:
        raise typer.Exit(1)


@rules.command()
def explain(
    who: Annotated[str, typer.Option("--as", metavar="NAME", help="The employee or service who asks.")],
    request: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="The request's JSON body, or an object with url, headers and body; - for stdin.",
        ),
    ],
    url: Annotated[
        str | None, typer.Option(help="The provider's address, where FILE is a body alone.")
    ] = None,
    key: Annotated[
        Carried | None,
        typer.Option(
            help="Whose credential it carries; none: no key, or the word sluiceway. Left out: as headers in "
            "FILE say, else company.",
            show_default=False,
        ),
    ] = None,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Say what would happen to a request and by which rule, without sending it."""
    from sluiceway.app.explain import explain as ask

    text = sys.stdin.buffer.read() if str(request) == "-" else _read(request)
    found = ask(Deployment.load(config), question_of(text, who, url, key))
    answer = {
        "answer": found.answer,
        "refused": found.refused,
        "target": str(found.decision.target),
        "rule": found.decision.rule,
        "refusal_code": found.refusal_code,
        "key": str(found.key_class),
        "trail": [asdict(step) for step in found.trail],
        "guard": list(found.findings),
        "caps": list(found.caps),
        "audit": found.audit.state,
        "call": asdict(
            replace(found.call, units=dict(found.call.units))
        ),  # a read-only view cannot be copied
        "policy_version": found.policy_version,
    }
    show(answer, as_json, _in_a_page(found))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SluicewayError(f"{path}: cannot be read: {error.strerror}") from None


def _in_a_page(found: Explained) -> str:
    who, call = found.principal, found.call
    asked = ", ".join(
        [f"model {call.model or '-'}", f"operation {call.operation}"]
        + (["streamed"] if call.stream else [])
        + (["with tools"] if call.has_tools else [])
    )
    head = {
        "who": f"{who.name}, {who.kind} in team {who.team}",
        "asks": f"{asked}, about {found.input_tokens:,} tokens of input",
        "key": str(found.key_class),
        "policy": found.policy_version,
    }
    steps = [{"kind": step.kind, "rule": step.rule, "effect": step.effect} for step in found.trail]
    parts = [facts(head), table(steps, ["kind", "rule", "effect"])]
    if found.caps:
        columns = ["budget", "window", "unit", "limit", "spent", "reserved", "left", "resets_at"]
        parts.append(table([_in_words(dict(each)) for each in found.caps], columns))
    return "\n\n".join([*parts, found.answer])


@rules.command()
def classify(
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help='Lines of {"text"} or whole requests in, lines of {"task"} out.')
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what sort of work a prompt on standard input is: coding, reasoning, creative, other or unknown.

    Told by local means, as routes that match on `task` see it. A help for routing, no access control: whoever
    writes the prompt decides what stands in it."""
    from sluiceway.app.classify import answered, run_jsonl
    from sluiceway.policy.task import classify as tell
    from sluiceway.policy.task import signals

    if jsonl:
        raise typer.Exit(run_jsonl(sys.stdin.buffer, sys.stdout.buffer))
    found = tell(signals(sys.stdin.buffer.read().decode(errors="replace")))
    reasons = ", ".join(found.reasons).replace("_", " ") or "nothing speaks for it"
    show(answered(found), as_json, f"{found.task}  (confidence {found.confidence:.2f}: {reasons})")


@budget.command(name="list")
def list_(config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """How much of each budget is spent and reserved in its present window."""
    deployment = Deployment.load(config)
    with deployment.store(writable=False) as store:
        rows = budgets.listing(deployment, store)
    columns = ["budget", "scope", "window", "unit", "limit", "spent", "reserved", "used", "resets_at"]
    words = [_in_words(row) for row in rows]
    show(rows, as_json, table(words, columns) if rows else _NONE)


def _in_words(row: dict[str, Any]) -> dict[str, Any]:
    amounts: dict[str, Any] = {
        name: _shown(row[name]) for name in ("limit", "spent", "reserved", "left") if name in row
    }
    return {**row, **amounts, "resets_at": moment(row["resets_at"]) or "never"}


def _shown(amount: str | int) -> str:
    """USD come as text, what is counted as a number."""
    return money(amount) if isinstance(amount, str) else f"{amount:,}"

"""`sluiceway audit keygen`, `request`, `approve`, `open`: reading what was sealed, which takes two."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from sluiceway.app.audit import perform
from sluiceway.app.deployment import Deployment
from sluiceway.app.operations import actor
from sluiceway.audit import keyfile
from sluiceway.audit.keyfile import PrivateKey
from sluiceway.audit.records import Access
from sluiceway.audit.unlock import Scope, open_step, opened
from sluiceway.audit.unlock import approve as approve_step
from sluiceway.audit.unlock import request as request_step
from sluiceway.cli.ledger import From, To, period
from sluiceway.cli.shape import DEFAULT_CONFIG, AsJson, Config, moment, show
from sluiceway.errors import SluicewayError
from sluiceway.store.audit import Row
from sluiceway.store.moments import from_us

PASSPHRASE_VARIABLE = "SLUICEWAY_AUDIT_PASSPHRASE"  # noqa: S105 - its name, not its value
ENTRY = ("id", "request_id", "person", "team", "provider", "model", "rule", "purpose", "content", "outcome")

KeyFile = Annotated[Path, typer.Option("--key", help="Your private key, from `audit keygen`.")]
RequestId = Annotated[str, typer.Argument(help="The request's id.", metavar="REQUEST")]
Person = Annotated[str, typer.Argument(help="Whose requests, for example alice.")]


class Role(StrEnum):
    """What a key holder is. Two members of the council cannot open anything without an auditor."""

    AUDITOR = "auditor"
    COUNCIL = "council"


def request(
    person: Person,
    key: KeyFile,
    reason: Annotated[str, typer.Option(help="Why; it stays in the log for good.")],
    from_: From = None,
    to: To = None,
    entry: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only this entry; may be given again.")
    ] = None,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Ask to read one person's entries of a period. Somebody else has to approve."""
    deployment, span = Deployment.load(config), period(from_, to, timedelta(days=30))
    known_person(deployment, person)
    scope = Scope(person, span.from_at, span.to_at, tuple(entry or ()))
    step = request_step(scope, reason, _private(key), actor(), datetime.now(UTC))
    _send(deployment, step)
    following = f"sluiceway audit approve {step.id} --key FILE"
    text = f"request {step.id} is recorded. Next, somebody else:\n\n  {following}"
    show({"request": step.id, "requester": step.holder, "person": person}, as_json, text)


def approve(
    number: RequestId, key: KeyFile, config: Config = DEFAULT_CONFIG, as_json: AsJson = False
) -> None:
    """Approve somebody else's request: take your layer off what it covers."""
    deployment, private = Deployment.load(config), _private(key)
    with deployment.store(writable=False) as store, store.audit.snapshot() as snapshot:
        step, releases = approve_step(snapshot, number, private, actor(), datetime.now(UTC))
    _send(deployment, step, (row for _, row in releases))
    answer = {"request": number, "approved_by": step.holder, "data_keys": len(releases)}
    show(answer, as_json, f"approved; {step.requester} can now run: sluiceway audit open {number} --key FILE")


def open_(
    number: RequestId,
    key: KeyFile,
    out: Annotated[Path | None, typer.Option(help="A new file; standard output without it.")] = None,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Open an approved request that you made. That you did is on record before anything is shown."""
    deployment, private = Deployment.load(config), _private(key)
    if out is not None and out.exists():
        raise SluicewayError(f"{out}: is there already; name a new file")
    with deployment.store(writable=False) as store, store.audit.snapshot() as snapshot:
        step = open_step(snapshot, number, private, actor(), datetime.now(UTC))
    _send(deployment, step)
    with deployment.store(writable=False) as store, store.audit.snapshot() as snapshot:
        found = [
            {
                **entry_row(each.entry),
                "request": [{"role": role, "text": text} for role, text in each.request],
                "response": None if each.response is None else each.response[1],
            }
            for each in opened(snapshot, number, private)
        ]
    _write(found, out, as_json)


def keygen(
    name: Annotated[str, typer.Argument(help="Who the key is for, as in rules/auditors.yaml.")],
    role: Annotated[Role, typer.Option(help="An auditor, or a member of the works council.")],
    out: Annotated[Path | None, typer.Option(help="The private key's file.")] = None,
    work: Annotated[
        int, typer.Option(min=4, max=22, help="scrypt's work to try one passphrase, as a power of two.")
    ] = keyfile.COST,
    as_json: AsJson = False,
) -> None:
    """Make a key of your own, on your own machine, and print what goes into rules/auditors.yaml."""
    path = out or Path(f"{name}.audit-key.json")
    passphrase = os.environ.get(PASSPHRASE_VARIABLE) or typer.prompt(
        "Passphrase for the new key", hide_input=True, confirmation_prompt=True
    )
    private = keyfile.generate(name, role.value)
    keyfile.save(private, path, passphrase, work)
    public = str(private.public)
    line = f"  - {{name: {name}, role: {role.value}, public_key: {public}}}"
    text = f"{path} is your private key; keep it off the proxy. In rules/auditors.yaml:\n\n{line}"
    show({"name": name, "role": role.value, "public_key": public, "file": str(path)}, as_json, text)


def known_person(deployment: Deployment, name: str) -> None:
    """Raises SluicewayError for a name that nobody has: a slip would otherwise find nothing, silently."""
    with deployment.store(writable=False) as store:
        if name not in {each.principal.name for each in store.people.list()}:
            raise SluicewayError(f"there is nobody called {name!r}; `sluiceway employee list` shows who is")


def _private(path: Path) -> PrivateKey:
    if not path.is_file():
        raise SluicewayError(f"{path}: there is no such file; `sluiceway audit keygen` makes a key")
    passphrase = os.environ.get(PASSPHRASE_VARIABLE) or typer.prompt(
        "Passphrase of your key", hide_input=True
    )
    return keyfile.load(path, passphrase)


def _send(deployment: Deployment, step: Access, releases: Iterable[Row] = ()) -> None:
    plain = [{"data_key": each["data_key"], "layer": _hex(each["layer"])} for each in releases]
    perform(deployment, "audit.step", step=asdict(step), releases=plain)


def _hex(value: object) -> str:
    assert isinstance(value, bytes)
    return value.hex()


def entry_row(entry: Row) -> dict[str, Any]:
    names = (
        "id",
        "request_id",
        "person",
        "team",
        "provider",
        "model",
        "rule",
        "purpose",
        "content",
        "outcome",
    )
    return {"at": from_us(int(str(entry["started_at"]))).isoformat()} | {name: entry[name] for name in names}


def _write(found: list[dict[str, Any]], out: Path | None, as_json: bool) -> None:
    if as_json or out is not None:
        write_lines((json.dumps(each, ensure_ascii=False) for each in found), out)
        return
    for each in found:
        print(f"{moment(each['at'])}  {each['person']}  {each['model']}  ({each['id']})")
        for part in each["request"]:
            print(f"  {part['role']}: {_shown(part['text'])}")
        print(f"  answer: {_shown(each['response'] or '-')}\n")
    print("1 entry" if len(found) == 1 else f"{len(found)} entries")


def _shown(text: str) -> str:
    """No control characters on a terminal: what people wrote could move its cursor."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


def write_lines(lines: Iterable[str], out: Path | None) -> None:
    """To a new file that only its owner can read, or to standard output."""
    if out is None:
        for line in lines:
            sys.stdout.write(line + "\n")
        return
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise SluicewayError(f"{out}: cannot be made: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        for line in lines:
            file.write(line + "\n")

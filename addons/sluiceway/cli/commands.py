"""All commands by name. A command's module is imported when it is typed: none waits for the others."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer.main
from typer.core import TyperGroup

from sluiceway.cli.shape import application


@dataclass(frozen=True, slots=True)
class Entry:
    """One command or group: its module in this room, its name there, and what `--help` lists of it."""

    module: str
    name: str
    says: str


COMMANDS: dict[str, Entry] = {
    "init": Entry("service", "init", "Make a deployment: settings, rules, certificates, a ledger."),
    "serve": Entry("service", "serve", "Run the proxy until SIGTERM or Ctrl-C."),
    "demo": Entry("service", "demo", "See it work: real SDKs, simulated providers, a report."),
    "reload": Entry("service", "reload", "Have the running serve read its rules again."),
    "status": Entry("service", "status", "What the running serve is doing now."),
    "report": Entry("ledger", "report", "Write one self-contained HTML page."),
    "reconcile": Entry(
        "reconcile", "reconcile", "Compare a provider's usage or cost export with the ledger."
    ),
    "seats": Entry("seats", "seats", "How full subscription windows are, person by person."),
    "enroll": Entry("enroll", "enroll", "Set up this machine for the company's proxy, or --undo it."),
    "doctor": Entry("enroll", "doctor", "Find what keeps AI clients here from the proxy."),
    "employee": Entry("people", "employee", "Add, list and disable employees; issue their tokens."),
    "service": Entry("people", "service", "Add, list and disable services; issue their tokens."),
    "key": Entry("keys", "key", "Register the company's provider keys, list and retire them."),
    "budget": Entry("budgets", "budget", "See how the budgets stand, and raise one for a while."),
    "rules": Entry("rules", "rules", "Check the rules, and ask what they would do, before they bite."),
    "ledger": Entry("ledger", "ledger", "Export, verify and correct the ledger."),
    "ca": Entry("ca", "ca", "Show and renew the certificates."),
    "guard": Entry("guard", "guard", "See what the guard finds."),
    "audit": Entry("audit", "audit", "What is audited, who was told, and who read it."),
}


class Commands(TyperGroup):
    """The top of the command line: knows what all commands are called before any of them is imported."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = Imported()

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.says) for name, entry in COMMANDS.items()])


class Imported(MutableMapping[str, Any]):
    """typer's commands, each made on first use."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = _made(name, COMMANDS[name])
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


def _made(name: str, entry: Entry) -> Any:
    found = getattr(import_module(f"sluiceway.cli.{entry.module}"), entry.name)
    if not isinstance(found, typer.Typer):
        alone = application(entry.says)
        alone.command(name)(found)
        return typer.main.get_command(alone)
    group = typer.main.get_group(found)
    group.name = name
    return group

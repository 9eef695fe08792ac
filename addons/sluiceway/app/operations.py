"""Everything an operator may change, by name: run by the process that owns the store, whoever asked.

A command line finds the running `serve` and asks it; with none running it opens the store itself.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Mapping
from typing import Any

from sluiceway.app import control, corrections, grants, raises
from sluiceway.app.deployment import Deployment
from sluiceway.errors import SluicewayError
from sluiceway.settings.identity import IdentityPaths
from sluiceway.store import Store

type Arguments = Mapping[str, Any]


def perform(deployment: Deployment, operation: str, **arguments: Any) -> Any:
    """Has an operation done, by the running serve or here. Raises SluicewayError with what to do."""
    arguments = {**arguments, "actor": actor()}
    try:
        return control.ask(deployment.config, operation, arguments)
    except control.NotRunning:
        with deployment.store(writable=True) as store:
            return run(store, operation, arguments, deployment.settings.identity)


def run(store: Store, operation: str, arguments: Arguments, paths: IdentityPaths = grants.OFF) -> Any:
    """Does an operation on an open, writable store. `paths`: the ways in that may be granted."""
    if operation in grants.OPERATIONS:
        return grants.OPERATIONS[operation](store, paths, arguments)
    if operation not in OPERATIONS:
        raise SluicewayError(f"this version has no operation '{operation}'")
    return OPERATIONS[operation](store, arguments)


def actor() -> str:
    """Who is recorded as having done it: the operating system's user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _add(store: Store, given: Arguments) -> dict[str, Any]:
    principal, token = store.people.add(
        given["name"],
        given["kind"],
        given["team"],
        project=given.get("project"),
        cost_center=given.get("cost_center"),
    )
    _note(store, "person_added", given, name=principal.name, person_kind=principal.kind, team=principal.team)
    return {"name": principal.name, "kind": principal.kind, "team": principal.team, "token": token}


def _token(store: Store, given: Arguments) -> dict[str, Any]:
    token = store.people.new_token(given["name"], revoke_old=given["revoke_old"])
    _note(store, "token_issued", given, name=given["name"], revoke_old=given["revoke_old"])
    team = next(each.principal.team for each in store.people.list() if each.principal.name == given["name"])
    return {"name": given["name"], "team": team, "token": token}


def _disable(store: Store, given: Arguments) -> dict[str, Any]:
    store.people.disable(given["name"])
    _note(store, "person_disabled", given, name=given["name"])
    return {"name": given["name"]}


def _enable(store: Store, given: Arguments) -> dict[str, Any]:
    store.people.enable(given["name"])
    _note(store, "person_enabled", given, name=given["name"])
    return {"name": given["name"]}


def _move(store: Store, given: Arguments) -> dict[str, Any]:
    store.people.move(given["name"], given["team"])
    _note(store, "person_moved", given, name=given["name"], team=given["team"])
    return {"name": given["name"], "team": given["team"]}


def _record(store: Store, given: Arguments) -> None:
    """An event that a read-only command has to leave behind, such as a report with names."""
    _note(store, given["kind"], given, **given["detail"])


def _note(store: Store, kind: str, given: Arguments, **detail: Any) -> None:
    store.events.record(kind, given["actor"], detail)


OPERATIONS: dict[str, Callable[[Store, Arguments], Any]] = {
    "person.add": _add,
    "person.token": _token,
    "person.disable": _disable,
    "person.enable": _enable,
    "person.move": _move,
    "event.record": _record,
    **corrections.OPERATIONS,
    **raises.OPERATIONS,
}

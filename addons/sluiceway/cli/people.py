"""`sluiceway employee` and `sluiceway service`: who may use the proxy, and their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

import typer

from sluiceway.app.deployment import Deployment
from sluiceway.app.operations import perform
from sluiceway.cli.grants import add_to
from sluiceway.cli.shape import DEFAULT_CONFIG, AsJson, Config, application, moment, show, table
from sluiceway.store import Lease, Person

Name = Annotated[str, typer.Argument(help="For example alice or build-bot.")]
TeamOption = Annotated[str, typer.Option("--team", help="The team whose budgets apply.")]


def commands(kind: str) -> typer.Typer:
    """The same commands for employees and for services; only the kind of person differs."""
    group = application(f"Add, list and disable {kind}s; issue their tokens.")

    @group.command()
    def add(
        name: Name,
        team: TeamOption,
        project: Annotated[str | None, typer.Option(help="A project, for reports.")] = None,
        cost_center: Annotated[str | None, typer.Option(help="A cost centre, for finance.")] = None,
        config: Config = DEFAULT_CONFIG,
        as_json: AsJson = False,
    ) -> None:
        """Add someone and print, once, their proxy URL with its token."""
        deployment = Deployment.load(config)
        added = perform(
            deployment,
            "person.add",
            name=name,
            kind=kind,
            team=team,
            project=project,
            cost_center=cost_center,
        )
        _show_token(deployment, kind, added, as_json)

    @group.command(name="list")
    def list_(config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
        """List them, with their teams and whether they are active. Tokens are never shown again."""
        with Deployment.load(config).store(writable=False) as store:
            ports = {each.person: each.port for each in store.grants.ports()}
            leases = store.grants.leases()
            found = [
                _row(person, ports.get(person.principal.name), leases)
                for person in store.people.list()
                if person.principal.kind == kind
            ]
        columns = ["name", "team", "project", "cost_center", "tokens", "state"]
        columns += [name for name in ("port", "leases") if any(each[name] for each in found)]
        nobody = f"none yet: sluiceway {kind} add NAME --team TEAM"
        shown = [{**each, "leases": _leases(each["leases"])} for each in found]
        show(found, as_json, table(shown, columns) if found else nobody)

    @group.command()
    def token(
        name: Name,
        revoke_old: Annotated[bool, typer.Option(help="Revoke the tokens given out before.")] = True,
        config: Config = DEFAULT_CONFIG,
        as_json: AsJson = False,
    ) -> None:
        """Issue a new token; the old ones stop working within two seconds."""
        deployment = Deployment.load(config)
        issued = perform(deployment, "person.token", name=name, revoke_old=revoke_old)
        _show_token(deployment, kind, issued, as_json)

    @group.command()
    def disable(name: Name, config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
        """Shut someone out, open tunnels included, within two seconds. Their history stays."""
        done = perform(Deployment.load(config), "person.disable", name=name)
        show(done, as_json, f"{name} is disabled")

    @group.command()
    def enable(name: Name, config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
        """Let someone in again."""
        done = perform(Deployment.load(config), "person.enable", name=name)
        show(done, as_json, f"{name} is enabled")

    @group.command()
    def move(name: Name, team: TeamOption, config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
        """Move someone to another team. What was spent stays with the old one."""
        done = perform(Deployment.load(config), "person.move", name=name, team=team)
        show(done, as_json, f"{name} is in team {team}")

    add_to(group, kind)
    return group


def _row(person: Person, port: int | None, leases: Sequence[Lease]) -> dict[str, Any]:
    who = person.principal
    return {
        "name": who.name,
        "team": who.team,
        "project": who.project,
        "cost_center": who.cost_center,
        "tokens": sum(token.revoked_at is None for token in person.tokens),
        "state": "disabled" if person.disabled_at else "active",
        "port": port,
        "leases": [
            {"address": each.address, "expires_at": each.expires_at.isoformat()}
            for each in leases
            if each.person == who.name
        ],
    }


def _leases(leases: list[dict[str, str]]) -> str | None:
    return ", ".join(f"{each['address']} until {moment(each['expires_at'])}" for each in leases) or None


def _show_token(deployment: Deployment, kind: str, issued: dict[str, Any], as_json: bool) -> None:
    url = proxy_url(deployment, issued["name"], issued["token"])
    answer = {kind: issued["name"], "team": issued["team"], "token": issued["token"], "proxy_url": url}
    text = (
        f"{issued['name']}: this is shown once. Set it on their machine:\n\n"
        f"  export HTTPS_PROXY={url}\n"
        f"  export NO_PROXY=localhost,127.0.0.1,::1\n"
        f"  export SSL_CERT_FILE={deployment.settings.certs / 'bundle.pem'}\n"
        f"  export NODE_EXTRA_CA_CERTS={deployment.settings.certs / 'ca.pem'}"
    )
    show(answer, as_json, text)


def proxy_url(deployment: Deployment, name: str, token: str) -> str:
    """The value of HTTPS_PROXY for one person."""
    public = urlsplit(deployment.settings.public_url)
    return f"{public.scheme}://{quote(name)}:{token}@{public.netloc}"


employee = commands("employee")
service = commands("service")

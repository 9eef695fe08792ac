"""`employee port` and `employee lease`: ways in for clients that send no proxy credentials."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

import typer

from sluiceway.app.deployment import Deployment
from sluiceway.app.operations import perform
from sluiceway.cli.shape import DEFAULT_CONFIG, AsJson, Config, moment, show

Name = Annotated[str, typer.Argument(help="For example alice or build-bot.")]


def add_to(group: typer.Typer, kind: str) -> None:
    """Adds the commands to those for employees, or for services."""

    @group.command()
    def port(
        name: Name,
        source: Annotated[
            list[str] | None,
            typer.Option(
                help="From where it may be used: a network or an address; may be given again.",
                metavar="NETWORK",
            ),
        ] = None,
        release: Annotated[bool, typer.Option("--release", help="Take the port away.")] = False,
        config: Config = DEFAULT_CONFIG,
        as_json: AsJson = False,
    ) -> None:
        """Give someone a proxy port of their own, for clients that cannot send credentials."""
        deployment = Deployment.load(config)
        if release:
            done = perform(deployment, "person.port_release", name=name)
            show(done, as_json, f"{name} no longer has port {done['released']}")
            return
        given = perform(deployment, "person.port", name=name, sources=source or None)
        url = _url(deployment, given["address"], given["port"])
        answer = {kind: name, "port": given["port"], "sources": given["sources"], "proxy_url": url}
        text = f"{_words(name, given['sources'])} Where {name}'s clients run:\n\n{_exports(deployment, url)}"
        # Only a running serve can say whether it is open.
        problem = given.get("problem", "no serve is running; it opens with the next one")
        show(
            {**answer, "problem": problem},
            as_json,
            text if problem is None else f"{text}\n\nNot open yet: {problem}",
        )

    @group.command()
    def lease(
        name: Name,
        address: Annotated[
            str | None, typer.Option(help="The address of their machine.", metavar="IP")
        ] = None,
        hours: Annotated[int | None, typer.Option(help="For how long; else as long as allowed.")] = None,
        revoke: Annotated[
            bool, typer.Option("--revoke", help="End the lease of the address, or all of theirs.")
        ] = False,
        config: Config = DEFAULT_CONFIG,
        as_json: AsJson = False,
    ) -> None:
        """Have an address stand for someone for some hours, for clients that cannot send credentials."""
        deployment = Deployment.load(config)
        if revoke:
            done = perform(deployment, "person.lease_revoke", name=name, address=address)
            show(done, as_json, f"{', '.join(done['revoked'])} no longer stands for {name}")
            return
        if address is None:
            raise typer.BadParameter("say which address: --address 10.1.2.3", param_hint="--address")
        done = perform(deployment, "person.lease", name=name, address=address, hours=hours)
        text = (
            f"Until {moment(done['expires_at'])}, whoever comes from {done['address']} without credentials "
            f"is taken for {name}. On that machine:\n\n{_exports(deployment, deployment.settings.public_url)}"
        )
        show(done, as_json, text)


def _words(name: str, sources: list[str]) -> str:
    where = f" from {', '.join(sources)}" if sources else ""
    return f"Whoever can reach this port{where} is taken for {name}."


def _exports(deployment: Deployment, url: str) -> str:
    certs = deployment.settings.certs
    return (
        f"  export HTTPS_PROXY={url}\n"
        f"  export NO_PROXY=localhost,127.0.0.1,::1\n"
        f"  export SSL_CERT_FILE={certs / 'bundle.pem'}\n"
        f"  export NODE_EXTRA_CA_CERTS={certs / 'ca.pem'}"
    )


def _url(deployment: Deployment, address: str, port: int) -> str:
    """The value of HTTPS_PROXY: plain, because a client that sends no credentials has none to show."""
    host = address
    if ip_address(address).is_unspecified:
        host = urlsplit(deployment.settings.public_url).hostname or "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

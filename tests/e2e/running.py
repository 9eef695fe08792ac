"""A whole Sluiceway in this process, on a thread of its own: simulated providers, deployment, proxy.

Tests are plain functions that use clients as people do; everything is on loopback and port 0.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sluiceway.app import operations
from sluiceway.app.deployment import Deployment
from sluiceway.app.init import init
from sluiceway.app.serve import Service
from sluiceway.demo.pace import Latency
from sluiceway.demo.providers import Providers

SETTINGS = """\
listeners: [{listener}]
public_url: http://127.0.0.1:8080
upstream:
  trusted_ca: {ca_file}
  connect_to: {{"*:443": "127.0.0.1:{port}"}}
egress: {{allow: [127.0.0.0/8], ports: [443, 80, {allowed_port}]}}
timeouts: {{connect_s: 5, first_byte_s: {patience_s}, idle_s: {patience_s}}}
wait_s: {wait_s}
drain_timeout_s: 5
contact: "#ai-platform"
{more}
"""


class Loop:
    """An event loop on a thread, for what has to live while a test runs plain code."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run[T](self, work: Awaitable[T], timeout_s: float = 30) -> T:
        async def wrapped() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(wrapped(), self.loop).result(timeout_s)

    def call[T](self, work: Callable[[], T]) -> T:
        async def wrapped() -> T:
            return work()

        return self.run(wrapped())

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


class Running:
    """A running deployment with its providers, and what tests ask of it.

    `patience_s` is how long a provider or a client may be silent; `upstream` is a port that stands for all
    providers in place of the simulated ones, and the CA file of its certificate; `names` are further hosts
    that the simulated ones answer for.
    """

    def __init__(
        self,
        folder: Path,
        budgets: str = "[]",
        wait_s: float = 5,
        more: str = "",
        allowed_port: int = 443,
        *,
        latency: Latency | None = None,
        patience_s: float = 5,
        upstream: tuple[int, Path] | None = None,
        listener: str = "{address: 127.0.0.1:0}",
        names: tuple[str, ...] = (),
    ) -> None:
        self.folder = folder
        self.on = Loop()
        self.providers = Providers(latency=latency, names=names)
        self.on.run(self.providers.start(folder / "providers"))
        port, ca_file = upstream or (self.providers.port, self.providers.ca_file)
        text = SETTINGS.format(
            ca_file=ca_file,
            port=port,
            patience_s=patience_s,
            listener=listener,
            wait_s=wait_s,
            more=more,
            allowed_port=allowed_port,
        )
        self.deployment: Deployment = init(folder / "deployment", "Test", text).deployment
        self.set_budgets(budgets)
        self.service = Service(self.deployment)
        self.on.run(self.service.start())
        self.port = self.service.addresses[0][1]

    def set_budgets(self, budgets: str) -> None:
        policy = self.deployment.settings.rules / "policy"
        for file in policy.glob("*.yaml"):
            file.unlink()
        (policy / "10-test.yaml").write_text(f"version: 1\nbudgets: {budgets}\n")

    def add(self, name: str, team: str = "core") -> str:
        """Adds an employee; the proxy URL with their token."""
        added = self.operate("person.add", name=name, kind="employee", team=team)
        return self.url(name, added["token"])

    def url(self, name: str, token: str) -> str:
        return f"http://{name}:{token}@127.0.0.1:{self.port}"

    def operate(self, operation: str, **arguments: Any) -> Any:
        assert self.service.store
        return operations.run(self.service.store, operation, {**arguments, "actor": "test"})

    def add_key(self, label: str, provider: str, secret: str, key_class: str = "company") -> str:
        """Registers a provider key as `key add` does in the running process; its fingerprint."""
        given = {"label": label, "provider": provider, "secret": secret, "key_class": key_class}
        added = self.on.run(self.service.operate("key.add", {**given, "actor": "test"}))
        return str(added["fingerprint"])

    def retire_key(self, label: str) -> None:
        self.on.run(self.service.operate("key.retire", {"label": label, "actor": "test"}))

    def set_rules(self, name: str, text: str) -> None:
        """A further file of rules/policy/, in force when this returns."""
        (self.deployment.settings.rules / "policy" / f"{name}.yaml").write_text(f"version: 1\n{text}")
        self.on.call(self.service.reload)

    @property
    def anchor(self) -> str:
        return str(self.deployment.settings.certs / "ca.pem")

    def rows(self, settled: int | None = None) -> list[dict[str, Any]]:
        """The ledger as data, oldest first; waits a moment until `settled` rows are no longer open."""
        for _ in range(200):
            rows = self._rows()
            if settled is None or sum(row["outcome"] != "open" for row in rows) >= settled:
                return rows
            threading.Event().wait(0.02)
        return rows

    def _rows(self) -> list[dict[str, Any]]:
        from sqlalchemy import select

        from sluiceway.store.tables import ledger

        assert self.service.store
        with self.service.store.read() as connection:
            found = connection.execute(select(ledger).order_by(ledger.c.id)).mappings().all()
        return [dict(row) for row in found]

    def restart(self) -> None:
        """Stops the proxy and starts it again, at another port; the providers stay."""
        self.on.run(self.service.stop())
        self.service = Service(self.deployment)
        self.on.run(self.service.start())
        self.port = self.service.addresses[0][1]

    def stop(self) -> None:
        self.on.run(self.service.stop())
        self.on.run(self.providers.stop())
        self.on.close()

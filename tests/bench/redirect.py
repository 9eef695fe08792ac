"""A script for stock mitmdump: dials the simulated provider, and says which port mitmdump got.

Its hooks run once for a process and once for an upstream connection (an assignment, below a microsecond);
no hook runs for a request.
"""

from __future__ import annotations

import os

from mitmproxy import ctx
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

PROVIDER = ("127.0.0.1", int(os.environ["BENCH_PROVIDER_PORT"]))


def server_connect(data: ServerConnectionHookData) -> None:
    """The name stays in SNI and in the certificate check; only the address is another."""
    data.server.address = PROVIDER


def running() -> None:
    proxyserver = ctx.master.addons.get("proxyserver")
    assert isinstance(proxyserver, Proxyserver)
    print(f"listening on 127.0.0.1:{proxyserver.listen_addrs()[0][1]}", flush=True)

"""Checks at start-up that mitmproxy still is what the seam relies on; `serve` refuses to start otherwise.

Each internal name has a contract test of its own in tests/front; this catches the day when an installation
has another mitmproxy than the one that was tested.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.proxy import server
from mitmproxy.proxy.layers import ClientTLSLayer, HttpLayer, tls
from mitmproxy.proxy.layers.http import HttpStream
from mitmproxy.proxy.mode_servers import ProxyConnectionHandler
from OpenSSL import SSL

from sluiceway.errors import SluicewayError


class Incompatible(SluicewayError):
    """The installed mitmproxy is not one the seam works with."""


def run(contracts: Mapping[str, Callable[[], bool]] | None = None) -> None:
    """Raises Incompatible naming every expectation that does not hold."""
    failed = [name for name, holds in (contracts or CONTRACTS).items() if not _holds(holds)]
    if failed:
        raise Incompatible(
            f"the installed mitmproxy does not fit: {'; '.join(failed)}. Install the locked version."
        )


def _holds(contract: Callable[[], bool]) -> bool:
    try:
        return contract()
    except Exception:
        return False


def _connections_by_client() -> bool:
    return Proxyserver().connections == {}


def _transports_hold_the_writer() -> bool:
    return {"reader", "writer", "handler"} <= set(server.ConnectionIO.__dataclass_fields__)


def _reading_waits_for_drain() -> bool:
    return (
        "drain_writers" in inspect.getsource(server.ConnectionHandler.handle_connection)
        and "writer.drain()" in inspect.getsource(server.ConnectionHandler.drain_writers)
    )  # fmt: skip


def _connections_can_be_closed() -> bool:
    return list(inspect.signature(server.ConnectionHandler.close_connection).parameters)[1] == "connection"


def _watchdog_counts_activity() -> bool:
    return "last_activity" in inspect.getsource(server.TimeoutWatchdog.register_activity)


def _tls_is_pyopenssl() -> bool:
    return ClientTLSLayer.__mro__[1] is tls.TLSLayer and tls.TLSLayer.__annotations__["tls"] is SSL.Connection


def _an_answered_connect_opens_nothing() -> bool:
    source = inspect.getsource(HttpStream.handle_connect_regular)
    return "not self.flow.response" in source


def _connect_answers_below_300_go_on() -> bool:
    return "200 <= self.flow.response.status_code < 300" in inspect.getsource(
        HttpStream.handle_connect_finish
    )


def _opened_connections_are_remembered() -> bool:
    return "self.connections[command.connection] = child" in inspect.getsource(HttpLayer.event_to_child)


def _hooks_come_before_the_first_read() -> bool:
    source = inspect.getsource(server.ConnectionHandler.open_connection)
    return 0 < source.index("ServerConnectedHook") < source.index("handle_connection")


def _handlers_take_a_master() -> bool:
    parameters = list(inspect.signature(ProxyConnectionHandler.__init__).parameters)
    return parameters == ["self", "master", "r", "w", "options", "mode"]


def _answers_can_leave_before_the_body() -> bool:
    source = inspect.getsource(HttpStream.state_wait_for_request_headers)
    return (
        "self.client_state = self.state_consume_request_body" in source
        and "HttpStream(ctx, stream_id)" in inspect.getsource(HttpLayer.make_stream)
        and "self.client_state == self.state_done" in inspect.getsource(HttpStream.send_response)
    )


CONTRACTS: dict[str, Callable[[], bool]] = {
    "Proxyserver.connections holds handlers by client": _connections_by_client,
    "ConnectionIO holds reader, writer and handler": _transports_hold_the_writer,
    "the read loop waits for writer.drain()": _reading_waits_for_drain,
    "ConnectionHandler.close_connection takes a connection": _connections_can_be_closed,
    "TimeoutWatchdog.last_activity is its clock": _watchdog_counts_activity,
    "ClientTLSLayer.tls is a pyOpenSSL connection": _tls_is_pyopenssl,
    "a CONNECT answered by an addon opens no connection": _an_answered_connect_opens_nothing,
    "a CONNECT answered with 2xx becomes a tunnel": _connect_answers_below_300_go_on,
    "HttpLayer.connections holds what a CONNECT opened": _opened_connections_are_remembered,
    "an answer can be sent before the request's body": _answers_can_leave_before_the_body,
    "server_connected comes before the first read": _hooks_come_before_the_first_read,
    "ProxyConnectionHandler takes a master and two streams": _handlers_take_a_master,
}

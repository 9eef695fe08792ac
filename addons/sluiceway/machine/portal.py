"""Fetches the company's certificate from the portal by plain HTTP through the proxy, the only way there."""

from __future__ import annotations

import http.client
import ssl

from sluiceway.errors import MachineError
from sluiceway.machine.proxy import ProxyUrl

PORTAL = "sluiceway.internal"
TIMEOUT_S = 10
MOST_BYTES = 262_144
BY_FILE = "Give the company's certificate as a file instead: --ca ca.pem"


def fetch_anchor(proxy: ProxyUrl) -> bytes:
    """The PEM text of /ca.pem. Whose it is, only its fingerprint can tell. Raises MachineError."""
    connection = _connection(proxy)
    headers = {"Host": PORTAL}
    if proxy.authorization:
        headers["Proxy-Authorization"] = proxy.authorization
    try:
        connection.request("GET", f"http://{PORTAL}/ca.pem", headers=headers)
        answer = connection.getresponse()
        body = answer.read(MOST_BYTES)
    except ssl.SSLError:
        raise MachineError(f"{proxy.shown}: its own certificate is not trusted yet. {BY_FILE}") from None
    except (OSError, http.client.HTTPException) as error:
        raise MachineError(
            f"{proxy.shown}: does not answer ({type(error).__name__}); check the host and the port, and "
            "whether you need the company's network or VPN"
        ) from None
    finally:
        connection.close()
    return _checked(answer.status, body, proxy)


def _connection(proxy: ProxyUrl) -> http.client.HTTPConnection:
    if proxy.scheme == "https":
        return http.client.HTTPSConnection(proxy.host, proxy.port, timeout=TIMEOUT_S)
    return http.client.HTTPConnection(proxy.host, proxy.port, timeout=TIMEOUT_S)


def _checked(status: int, body: bytes, proxy: ProxyUrl) -> bytes:
    if status == 407:
        raise MachineError(
            f"{proxy.shown}: refuses this name and token; ask your platform team for a new proxy URL"
        )
    if status != 200:
        raise MachineError(f"{proxy.shown}: has no http://{PORTAL}/ca.pem (it answered {status}). {BY_FILE}")
    return body

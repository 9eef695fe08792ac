"""Tells the service manager when the proxy is ready, reloading or stopping (sd_notify(3))."""

from __future__ import annotations

import contextlib
import os
import socket


def tell(state: str) -> None:
    """Sends a state such as `READY=1` to systemd; nothing happens where there is none to tell."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):  # an abstract socket
        address = "\0" + address[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.sendto(state.encode(), address)

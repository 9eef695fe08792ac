"""Why an address cannot be listened on, in words. Imports nothing heavy: commands ask, too."""

from __future__ import annotations

import errno


def why_not(host: str, port: int, error: OSError) -> str:
    """The reason, beginning with the address."""
    at = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    match error.errno:
        case errno.EADDRINUSE:
            return f"{at} is taken by another program"
        case errno.EACCES:
            return f"{at} needs rights this user does not have; choose ports from 1024 up"
        case errno.EADDRNOTAVAIL:
            return f"{at}: this machine has no such address; change identity.ports.address"
    return f"{at}: {error.strerror or type(error).__name__}"

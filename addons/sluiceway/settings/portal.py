"""What the portal's PAC file sends where: the `portal` section."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator

from sluiceway.settings.addresses import parse_host
from sluiceway.settings.section import Section


def _entry(entry: str) -> str:
    try:
        return str(ip_network(entry))
    except ValueError:
        pass
    try:
        return parse_host(entry.removeprefix("*.").removeprefix("."))
    except ValueError:
        raise ValueError("write a domain such as corp.example, or a network such as 10.1.0.0/16") from None


class PortalSettings(Section):
    """`no_proxy`: domains (with everything below them) and networks that machines reach without the proxy,
    beside private networks. `pac_others`: where the PAC file sends hosts that are no AI hosts."""

    no_proxy: tuple[Annotated[str, AfterValidator(_entry)], ...] = ()
    pac_others: Literal["proxy", "direct"] = "proxy"

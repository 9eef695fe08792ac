"""The proxy auto-configuration file: which hosts a browser or an operating system sends through Sluiceway."""

from __future__ import annotations

import json
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit

from sluiceway.portal.forms import HOST
from sluiceway.settings.portal import PortalSettings
from sluiceway.settings.providers import Providers

# Where names and addresses stay inside: RFC 1918, 6598 (carrier NAT), 3927 (link-local), loopback.
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8")
PRIVATE_V6 = r"^\[?(::1$|::1\]|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:)"
INSIDE = ("localhost", "local")

_FUNCTION = """\
// Sluiceway: which hosts go through the company's AI proxy. Made from its rules.
var proxy = %(proxy)s;
var others = %(others)s;
var providers = %(providers)s;
var watched = new RegExp(%(watched)s);
var direct = %(direct)s;
var networks = %(networks)s;

function within(host, name) {
  return host === name || host.slice(-name.length - 1) === "." + name;
}

function is(host, name) {
  return name.slice(0, 2) === "*." ? host.slice(host.indexOf(".") + 1) === name.slice(2) : host === name;
}

function FindProxyForURL(url, host) {
  var i;
  host = host.toLowerCase().replace(/\\.$/, "");
  if (host === %(portal)s) return proxy;
  for (i = 0; i < providers.length; i++) if (is(host, providers[i])) return proxy;
  for (i = 0; i < direct.length; i++) if (within(host, direct[i])) return "DIRECT";
  if (watched.test(host)) return proxy;
  if (host.indexOf(":") >= 0) return new RegExp(%(private_v6)s).test(host) ? "DIRECT" : others;
  if (isPlainHostName(host)) return "DIRECT";
  if (/^\\d+\\.\\d+\\.\\d+\\.\\d+$/.test(host)) {
    for (i = 0; i < networks.length; i++) if (isInNet(host, networks[i][0], networks[i][1])) return "DIRECT";
  }
  return others;
}
"""


def pac(public_url: str, providers: Providers, settings: PortalSettings) -> str:
    """The file. AI hosts never fall back to a direct connection: they would go unmetered."""
    url = urlsplit(public_url)
    port = url.port or (443 if url.scheme == "https" else 80)
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    proxy = f"{'HTTPS' if url.scheme == 'https' else 'PROXY'} {host}:{port}"
    names, networks = _exceptions(settings.no_proxy)
    return _FUNCTION % {
        "proxy": _js(proxy),
        "others": _js(proxy if settings.pac_others == "proxy" else "DIRECT"),
        "providers": _js(sorted(providers.by_host)),
        "watched": _js(f"^(?:{providers.watch.pattern})$"),
        "direct": _js([*INSIDE, *names]),
        "networks": _js([[str(each.network_address), str(each.netmask)] for each in networks]),
        "private_v6": _js(PRIVATE_V6),
        "portal": _js(HOST),
    }


def _exceptions(entries: tuple[str, ...]) -> tuple[list[str], list[IPv4Network]]:
    """Names, and IPv4 networks with the private ones; PAC cannot compare IPv6 networks."""
    names: list[str] = []
    networks = [IPv4Network(each) for each in PRIVATE]
    for entry in entries:
        try:
            network: IPv4Network | IPv6Network = ip_network(entry)
        except ValueError:
            names.append(entry)
            continue
        if isinstance(network, IPv4Network):
            networks.append(network)
    return names, networks


def _js(value: object) -> str:
    """A JavaScript literal. Non-ASCII is escaped, so that no line separator can end the line; `</` cannot
    end a script element, should somebody paste the file into a page."""
    return json.dumps(value, ensure_ascii=True).replace("</", "<\\/")

"""The environment variables that send clients through the proxy and make them trust its certificates.

`SSL_CERT_FILE` and its kin replace a client's list of roots, so they get the bundle; only
`NODE_EXTRA_CA_CERTS` adds. Which client reads which was tried with each of them (docs/developers.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sluiceway.machine.anchor import JAVA_PASSWORD
from sluiceway.machine.proxy import ProxyUrl

PROXY = ("HTTPS_PROXY", "https_proxy")
NO_PROXY = ("NO_PROXY", "no_proxy")
BUNDLES = (
    "SSL_CERT_FILE",  # OpenSSL, Python, Go, Rust (Codex): the SDKs of openai, anthropic, google-genai
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "PIP_CERT",
    "GIT_SSL_CAINFO",
    "npm_config_cafile",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "CODEX_CA_CERTIFICATE",
)
# git alone asks for the proxy's own certificate in a variable; curl takes it from ~/.curlrc.
TLS_PROXY_BUNDLE = "GIT_PROXY_SSL_CAINFO"
NODE_EXTRA, NODE_PROXY = "NODE_EXTRA_CA_CERTS", "NODE_USE_ENV_PROXY"
JAVA = "JAVA_TOOL_OPTIONS"
LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Folder:
    """Where our own files are, for one user: `~/.config/sluiceway`."""

    path: Path

    @property
    def anchor(self) -> Path:
        return self.path / "ca.pem"

    @property
    def others(self) -> Path:
        """Company roots that this user's clients trusted before us."""
        return self.path / "others.pem"

    @property
    def node_extra(self) -> Path:
        return self.path / "node-extra.pem"

    @property
    def bundle(self) -> Path:
        return self.path / "bundle.pem"

    @property
    def truststore(self) -> Path:
        return self.path / "truststore.p12"

    @property
    def script(self) -> Path:
        return self.path / "env.sh"

    @property
    def fish_script(self) -> Path:
        return self.path / "env.fish"

    @property
    def script_state(self) -> Path:
        """Where `certs/enroll.sh` keeps what was there before it."""
        return self.path / "before"

    @property
    def state(self) -> Path:
        return self.path / "enroll-state.json"


def folder_of(home: Path, environ: Mapping[str, str]) -> Folder:
    """XDG_CONFIG_HOME is kept to where it is set."""
    return Folder(config_home(home, environ) / "sluiceway")


def config_home(home: Path, environ: Mapping[str, str]) -> Path:
    given = environ.get("XDG_CONFIG_HOME", "")
    return Path(given) if given.startswith("/") else home / ".config"


def variables(proxy: ProxyUrl, folder: Folder, no_proxy: str, *, node_extra: bool) -> dict[str, str]:
    """All of them, in the order in which people read them."""
    values = dict.fromkeys(PROXY, proxy.text) | dict.fromkeys(NO_PROXY, no_proxy)
    values |= dict.fromkeys(BUNDLES, str(folder.bundle))
    if proxy.scheme == "https":
        values[TLS_PROXY_BUNDLE] = str(folder.bundle)
    values[NODE_EXTRA] = str(folder.node_extra if node_extra else folder.anchor)
    values[NODE_PROXY] = "1"
    return values


def merged_no_proxy(environ: Mapping[str, str], more: Iterable[str]) -> str:
    """This machine itself, what the user had, and what is added; each once."""
    had = [entry for name in NO_PROXY for entry in split_no_proxy(environ.get(name, ""))]
    added = [entry for text in more for entry in split_no_proxy(text)]
    return ",".join(dict.fromkeys([*LOCAL, *had, *added]))


def split_no_proxy(text: str) -> list[str]:
    return [entry for entry in text.replace(",", " ").split() if entry]


def java_options(proxy: ProxyUrl, folder: Folder, no_proxy: str, had: str = "") -> str:
    """What Java programs need; it holds no token, because Java prints this variable whenever it starts.

    Java takes credentials from the program itself (java.net.Authenticator), and only where Basic is not
    switched off for tunnels, which it is by default.
    """
    store = str(folder.truststore)
    options = {
        "https.proxyHost": proxy.host,
        "https.proxyPort": str(proxy.port),
        "http.nonProxyHosts": "|".join(_java_host(entry) for entry in split_no_proxy(no_proxy)),
        "jdk.http.auth.tunneling.disabledSchemes": "",
        "javax.net.ssl.trustStore": f'"{store}"' if " " in store else store,
        "javax.net.ssl.trustStoreType": "PKCS12",
        "javax.net.ssl.trustStorePassword": JAVA_PASSWORD,
    }
    ours = [f"-D{name}={value}" for name, value in options.items()]
    names = tuple(f"-D{name}=" for name in options)
    theirs = [option for option in had.split() if not option.startswith(names)]
    return " ".join([*theirs, *ours])


def _java_host(entry: str) -> str:
    if entry.startswith("."):
        return "*" + entry
    return f"[{entry}]" if ":" in entry else entry


def hides(entries: Iterable[str], host: str) -> str | None:
    """The first NO_PROXY entry by which a client would go straight to this host, or None."""
    for entry in entries:
        name = entry.lower().rpartition(":")[0] if entry.endswith(":443") else entry.lower()
        bare = name.removeprefix("*").removeprefix(".")
        if name == "*" or host == bare or (bare and host.endswith("." + bare)):
            return entry
    return None

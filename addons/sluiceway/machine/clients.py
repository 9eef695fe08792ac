"""Runs the clients and reads from what each says whether it came through Sluiceway, or why not."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sluiceway.machine.environment import ENROLL, proxy_of, renew
from sluiceway.machine.trials import Trial
from sluiceway.machine.variables import NO_PROXY, NODE_PROXY, PROXY, Folder, hides, split_no_proxy
from sluiceway.machine.verdict import Fault, Verdict, absent, broken, fine, warning
from sluiceway.machine.way import NEW_URL, Found

RUN_S = 40.0
# Their standard libraries connect to every proxy in the clear. (http.client and HttpsURLConnection, tried)
PLAIN_ONLY = ("Python urllib", "Java")
# Node's fetch goes through the environment's proxy from these versions on, if it is told to.
NODE_FROM = ((22, 21), (24, 0))

_STATUS = re.compile(
    r"status=(\d{3})|HTTP/1\.1 (\d{3})(?! connection est)|fetch GET (\d{3})|error (\d{3}) while|"
    r"returned error: (\d{3})",
    re.IGNORECASE,
)
_TRUST = re.compile(
    r"CERTIFICATE_VERIFY_FAILED|certificate verif|self.signed certificate|unable to get (local )?issuer|"
    r"SELF_SIGNED_CERT|UNABLE_TO_|DEPTH_ZERO|CERT_HAS_EXPIRED|CERT_NOT_YET_VALID|PKIX path|trustAnchors|"
    r"SSL certificate problem|error setting certificate|error reading ca cert|invalid path: |"
    r"Could not find a suitable TLS|"
    r"server certificate verification failed|No such file or directory.*context|invalid cert|"
    r"\[X509|PEM lib|FileNotFoundError|NO_CERTIFICATE_OR_CRL_FOUND",
)
_WHO = re.compile(
    r"response 407|tunnel failed.*407|failed: 407|returned 407|\b407 Proxy|HTTP code 407|status 407|"
    r"error (code )?E?407",
    re.I,
)
_NETWORK = re.compile(
    r"ENOTFOUND|EAI_AGAIN|ECONNRE|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|getaddrinfo|resolve host|resolv|"
    r"Name or service|name resolution|timed out|timeout|refused|unreachable|UnknownHost|Failed to connect|"
    r"Connection error|Connection reset",
    re.IGNORECASE,
)
_PROXY_GONE = re.compile(r"Cannot connect to proxy|resolve proxy|ProxyConnectionError|ERR_PROXY", re.I)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the verdict on a client needs to know besides its own words."""

    environ: Mapping[str, str]
    host: str
    folder: Folder
    way: Found | None
    java: str


def try_client(trial: Trial, around: Surroundings, scratch: Path) -> Verdict:
    """One request by one client, and what it means."""
    if trial.command is None:
        return absent(trial.name)
    text = run(trial.command, {**around.environ, **trial.more}, scratch)
    if text.strip().endswith("absent") or "No module named pip" in text:
        return absent(trial.name)
    return judge(trial, text, around)


def run(command: Iterable[str], environ: Mapping[str, str], folder: Path) -> str:
    """What it printed, on either stream. A client that hangs is ended with what it started."""
    process = subprocess.Popen(  # noqa: S603  # the clients of this machine are what is tried
        [*command],
        env=dict(environ),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        out, _ = process.communicate(timeout=RUN_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return "error=timed out"
    return out.decode("utf-8", "replace")


def judge(trial: Trial, text: str, around: Surroundings) -> Verdict:
    """Pure: a client's words and its surroundings to a verdict."""
    refused = re.search(r"x-sluiceway-refused: credentials_", text)
    statuses = [next(filter(None, found)) for found in _STATUS.findall(text)]
    status = int(statuses[-1]) if statuses else None
    if refused or (trial.by_status and status == 401):
        return _not_accepted(trial)
    if _came_through(trial, text, status, around.way):
        return fine(trial.name, "goes through the proxy and trusts it")
    if _hidden(around):
        return _around(trial, around)
    if _TRUST.search(text):
        says = "reaches the proxy and does not trust the company's CA"
        return broken(trial.name, Fault.DISTRUSTS, says, _trust(trial, around))
    if _WHO.search(text):
        return _not_accepted(trial)
    return _around(trial, around) if status else _without_an_answer(trial, text, around)


def _without_an_answer(trial: Trial, text: str, around: Surroundings) -> Verdict:
    name = trial.name
    if name in PLAIN_ONLY and _over_tls(around):
        says = "cannot speak TLS to a proxy, which yours wants"
        mend = "use another client, such as requests or httpx, or ask your platform team for a plain listener"
        return warning(name, Fault.NO_TLS, says, mend)
    if _PROXY_GONE.search(text) or _names_the_proxy(text, around):
        mend = "check the host and the port in HTTPS_PROXY and https_proxy"
        return broken(name, Fault.UNREACHABLE, "cannot reach the proxy", mend)
    if _NETWORK.search(text):
        return _around(trial, around)
    if name == "Java" and "compil" in text:
        return warning(name, Fault.FAILED, "could not be tried: this Java has no compiler", "install a JDK")
    says = "could not be tried: it failed in a way that is not known here"
    shown = " ".join(trial.command[:2]) if trial.command and len(trial.command) > 1 else name
    return warning(name, Fault.FAILED, says, f"try it by hand: {shown.splitlines()[0]} ...")


def _not_accepted(trial: Trial) -> Verdict:
    return broken(trial.name, Fault.CREDENTIALS, "is refused: its name and token are not accepted", NEW_URL)


def _came_through(trial: Trial, text: str, status: int | None, way: Found | None) -> bool:
    if "x-sluiceway-request-id" in text:
        return True
    answer = way.answer if way else None
    return trial.by_status and answer is not None and answer.accepted and status == answer.status


def _hidden(around: Surroundings) -> bool:
    return any(hides(split_no_proxy(around.environ.get(name, "")), around.host) for name in NO_PROXY)


def _over_tls(around: Surroundings) -> bool:
    proxy = proxy_of(around.environ)
    return proxy is not None and proxy.scheme == "https"


def _names_the_proxy(text: str, around: Surroundings) -> bool:
    """Whether the error is about the proxy's address, and not about the provider's."""
    for name in PROXY:
        proxy = proxy_of({name: around.environ.get(name, "")})
        if proxy and re.search(
            rf"(through={re.escape(proxy.place)}|\bport {proxy.port}\b|:{proxy.port}\b)", text
        ):
            return True
    return False


def _trust(trial: Trial, around: Surroundings) -> str:
    folder, held = around.folder, around.environ.get(trial.variable)
    if trial.name == "Java":
        return f"JAVA_TOOL_OPTIONS='{around.java}'" if around.java else ENROLL
    good = folder.anchor if trial.variable.startswith("NODE") else folder.bundle
    if held == str(good) and trial.own:
        return f"see which file its own settings name: {trial.own}"
    return f"export {trial.variable}={good}" if good.exists() else ENROLL


def _around(trial: Trial, around: Surroundings) -> Verdict:
    says = "goes around the proxy, so its use is not counted, or it fails at the firewall"
    if trial.name == "Java":
        mend = f"start it with JAVA_TOOL_OPTIONS='{around.java}'" if around.java else ENROLL
        return warning(trial.name, Fault.AROUND, "goes around the proxy unless it is told", mend)
    if _hidden(around):
        return broken(trial.name, Fault.AROUND, says, "mend NO_PROXY, as said above")
    if not any(around.environ.get(name) for name in PROXY):
        return broken(trial.name, Fault.AROUND, says, renew(around.folder))
    if trial.name == "Node":
        return _node(around)
    mend = f"see its own settings: {trial.own}" if trial.own else renew(around.folder)
    return broken(trial.name, Fault.AROUND, says, mend)


def _node(around: Surroundings) -> Verdict:
    version = re.match(r"v(\d+)\.(\d+)", run(("node", "--version"), around.environ, Path("/")))
    at = (int(version[1]), int(version[2])) if version else (0, 0)
    knows = at >= NODE_FROM[1] or (at[0] == NODE_FROM[0][0] and at >= NODE_FROM[0])
    if not knows:
        says = f"Node {at[0]}.{at[1]} goes around the proxy: it reads no proxy from the environment"
        return broken("Node", Fault.AROUND, says, "install Node 24 or later")
    says = f"Node {at[0]}.{at[1]} goes around the proxy until it is told to use it"
    return broken("Node", Fault.AROUND, says, f"export {NODE_PROXY}=1")

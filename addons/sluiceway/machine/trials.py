"""The programs and one-line scripts by which each kind of client makes one request as it always does.

None has a secret among its arguments: all read the environment, which is what is tried.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sluiceway.machine.probe import PATH

CLIENTS = (
    "curl",
    "Python urllib",
    "Python requests",
    "Python openai",
    "Python anthropic",
    "Node",
    "git",
    "pip",
    "npm",
    "Java",
)
PYTHON_REPORT = """
import os, sys, urllib.request
def told(status, headers):
    print("status=%s" % status)
    for name in ("x-sluiceway-request-id", "x-sluiceway-refused"):
        if headers.get(name):
            print("%s: %s" % (name, headers.get(name)))
def failed(error):
    seen, text = error, ""
    while seen is not None and len(text) < 4000:
        text += "%s: %s | " % (type(seen).__name__, seen)
        seen = getattr(seen, "reason", None) if isinstance(getattr(seen, "reason", None), BaseException) \\
            else (seen.__cause__ or seen.__context__)
    print("error=" + text)
    print("through=" + urllib.request.getproxies().get("https", "").rpartition("@")[2])
url = sys.argv[1]
"""
URLLIB = (
    PYTHON_REPORT
    + """
try:
    answer = urllib.request.urlopen(url, timeout=15)
    told(answer.status, answer.headers)
except urllib.error.HTTPError as error:
    told(error.code, error.headers)
except Exception as error:
    failed(error)
"""
)
REQUESTS = (
    PYTHON_REPORT
    + """
try:
    import requests
except ImportError:
    sys.exit("absent")
try:
    answer = requests.get(url, timeout=15)
    told(answer.status_code, answer.headers)
except Exception as error:
    failed(error)
"""
)
# The official SDK where it is installed, since each has a way of its own to its list of roots.
SDK = (
    PYTHON_REPORT
    + """
name = sys.argv[2]
try:
    sdk = __import__(name)
except ImportError:
    sys.exit("absent")
base, _, path = url.rpartition("/")
try:
    make = sdk.OpenAI if name == "openai" else sdk.Anthropic
    client = make(api_key="none", base_url=base, max_retries=0, timeout=15)
    client.get("/" + path, cast_to=object)
except sdk.APIStatusError as error:
    told(error.response.status_code, error.response.headers)
except Exception as error:
    failed(error)
"""
)
NODE = """
fetch(process.argv[1], {signal: AbortSignal.timeout(15000)}).then(
  (answer) => {
    console.log('status=' + answer.status);
    answer.headers.forEach((value, name) => console.log(name + ': ' + value));
  },
  (error) => {
    let text = '';
    for (let seen = error; seen && text.length < 4000; seen = seen.cause)
      text += [seen.code, seen.message].join(' ') + ' | ';
    console.log('error=' + text);
  });
"""
JAVA_FILE = "SluicewayDoctor.java"
JAVA = """
import java.net.*;
import javax.net.ssl.HttpsURLConnection;
public class SluicewayDoctor {
  public static void main(String[] given) throws Exception {
    String proxy = System.getenv("HTTPS_PROXY");
    if (proxy != null && URI.create(proxy).getRawUserInfo() != null) {
      String[] who = URI.create(proxy).getUserInfo().split(":", 2);
      Authenticator.setDefault(new Authenticator() {
        int asked = 0;
        protected PasswordAuthentication getPasswordAuthentication() {
          return asked++ > 0 ? null : new PasswordAuthentication(who[0], who[1].toCharArray());
        }
      });
    }
    try {
      HttpsURLConnection client = (HttpsURLConnection) new URL(given[0]).openConnection();
      client.setConnectTimeout(15000);
      client.setReadTimeout(15000);
      System.out.println("status=" + client.getResponseCode());
      client.getHeaderFields().forEach((name, values) -> System.out.println(name + ": " + values.get(0)));
    } catch (Exception error) {
      System.out.println("error=" + error);
      String host = System.getProperty("https.proxyHost", "");
      System.out.println("through=" + host + ":" + System.getProperty("https.proxyPort", "443"));
    }
  }
}
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """One client kind. `variable` is where it reads its roots from; `own` shows settings of its own."""

    name: str
    variable: str
    command: tuple[str, ...] | None
    own: str | None = None
    more: Mapping[str, str] = field(default_factory=dict)
    # Its output has no headers: the status has to tell.
    by_status: bool = False


def trials(host: str, scratch: Path, search: str | None = None) -> list[Trial]:
    """For the programs on PATH; `command` is None for those that are not there."""

    def program(name: str) -> str | None:
        return shutil.which(name, path=search)

    def run(name: str, *arguments: str) -> tuple[str, ...] | None:
        found = program(name)
        return (found, *arguments) if found else None

    url, python = f"https://{host}{PATH}", program("python3") or sys.executable
    (scratch / JAVA_FILE).write_text(JAVA, "ascii")
    pip = ("-m", "pip", "download", "--no-deps", "--no-cache-dir", "--retries", "0", "--timeout", "10")
    quiet = ("--disable-pip-version-check", "--no-input", "--dest", str(scratch))
    npm = ("view", "sluiceway-doctor", f"--registry={url}/", "--fetch-retries=0", "--loglevel=http")
    return [
        Trial(
            "curl", "CURL_CA_BUNDLE", run("curl", "-sSv", "-o", "/dev/null", "-m", "15", url), "cat ~/.curlrc"
        ),
        Trial("Python urllib", "SSL_CERT_FILE", (python, "-c", URLLIB, url)),
        Trial("Python requests", "REQUESTS_CA_BUNDLE", (python, "-c", REQUESTS, url)),
        Trial("Python openai", "SSL_CERT_FILE", (python, "-c", SDK, url, "openai")),
        Trial("Python anthropic", "SSL_CERT_FILE", (python, "-c", SDK, url, "anthropic")),
        Trial("Node", "NODE_EXTRA_CA_CERTS", run("node", "-e", NODE, url)),
        Trial(
            "git",
            "GIT_SSL_CAINFO",
            run("git", "ls-remote", f"{url}.git"),
            "git config --show-origin --get-regexp '^http'",
            {"GIT_CURL_VERBOSE": "1", "GIT_TERMINAL_PROMPT": "0", "GIT_TRACE_REDACT": "1"},
        ),
        Trial(
            "pip",
            "PIP_CERT",
            (python, *pip, *quiet, f"{url}/nothing-1.0.zip"),
            "pip config list",
            by_status=True,
        ),
        Trial("npm", "npm_config_cafile", run("npm", *npm), "npm config list", by_status=True),
        Trial("Java", "JAVA_TOOL_OPTIONS", run("java", str(scratch / JAVA_FILE), url)),
    ]

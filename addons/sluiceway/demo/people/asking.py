"""What the people of the demo share: a step of their work, and a browser that goes through the proxy."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

WAIT_S = 30.0
# Instead of a provider's key; the company's own takes its place on the way out.
WORD = "sluiceway"

# What is done, and how; what the doing returns is told to the audience.
type Step = tuple[str, Callable[[], str | None]]


def browse(url: str, proxy: str, form: bytes | None = None) -> str:
    """A page as a browser gets it through the proxy; `form` is sent back to it."""
    opener = build_opener(ProxyHandler({"http": proxy}))
    opener.addheaders = [("accept", "text/html")]
    with opener.open(url, data=form, timeout=WAIT_S) as page:
        return str(page.read().decode())


def acknowledge(said: str) -> str:
    """Follows the link in a refusal, reads the notice and presses its button. Returns the link's path."""
    found = re.search(r"http://\S+/audit/notice/\w+", said)
    if found is None:
        raise ValueError("the refusal has no link to a notice")
    proxy = os.environ["HTTPS_PROXY"]
    token = re.search(r'name="token" value="(\w+)"|token=(\w+)', browse(found[0], proxy))
    if token is None:
        raise ValueError("the notice has no form")
    browse(found[0], proxy, f"token={token[1] or token[2]}".encode())
    return urlsplit(found[0]).path

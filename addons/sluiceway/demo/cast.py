"""The people of the demo: each a process of its own that uses official SDKs as anybody would.

`python -m sluiceway.demo.cast NAME`, which begins with the first line on standard input. Nothing that they do
knows about Sluiceway: the way through the proxy comes from HTTPS_PROXY and SSL_CERT_FILE in the environment,
as on an employee's machine. Each answer or refusal is one JSON line on standard output.
"""

from __future__ import annotations

import json
import sys
import warnings
from importlib import import_module

TEAMS = {"alice": "platform", "bob": "research", "carol": "data", "dave": "support"}


def main() -> None:
    """Plays one part and tells how each step went."""
    warnings.simplefilter("ignore")  # the SDKs announce when models end; not what this is about
    part = import_module(f"sluiceway.demo.people.{sys.argv[1]}")
    sys.stdin.readline()  # the SDKs are loaded while the stage is still being set
    for what, step in part.work():
        told: dict[str, object] = {"what": what}
        try:
            told |= {"ok": True, "got": step()}
        except Exception as error:
            told |= {"ok": False, "said": _said(error)}
        print(json.dumps(told), flush=True)


def _said(error: Exception) -> str:
    """The words the provider's error form carries, which the SDK shows its user; else what went wrong."""
    body = getattr(error, "body", None)
    if getattr(error, "status_code", None) is None or body is None:
        return f"{type(error).__name__}: {error}"[:300]
    inner = body.get("error", body) if isinstance(body, dict) else body
    return str(inner.get("message", inner)) if isinstance(inner, dict) else str(inner)


if __name__ == "__main__":
    main()

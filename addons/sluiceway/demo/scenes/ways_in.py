"""What a person sees of themselves, and a way in for a client that sends no credentials."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from http.client import HTTPSConnection
from urllib.parse import urlsplit

from sluiceway.demo.people.asking import WORD, browse
from sluiceway.demo.play import Parts, rows
from sluiceway.demo.scenes.line import Line, claim, shown
from sluiceway.demo.stage import Stage

TIMEOUT_S = 30.0


def own_page(stage: Stage, parts: Parts) -> Iterator[Line]:
    """dave, whose cap held, looks at his own use."""
    me = json.loads(browse("http://sluiceway.internal/api/me", stage.proxy_urls["dave"]))
    own = next((cap for cap in me["caps"] if cap["rule"] == "per-head-day"), None)
    answered = sum(row.principal == "dave" and row.outcome == "ok" and row.metered for row in rows(stage))
    today = me["today"] or {"requests": 0, "refused": 0, "cost_usd": "?"}
    yield claim(
        own
        and 0 < float(own["used"]) <= float(own["limit"])
        and me["audit"]["state"] == "off"
        and today["requests"] - today["refused"] == answered,
        "http://sluiceway.internal/ shows everybody their own use, caps and audit state, and nobody else's:",
    )
    if own:
        yield shown(
            f"{me['name']} ({me['team']}): {answered} answers, {today['refused']} refusals today, "
            f"${float(today['cost_usd']):.4f}; {own['rule']} ${float(own['used']):.4f} of "
            f"${float(own['limit']):.2f}; audit {me['audit']['state']}"
        )


def own_port(stage: Stage, parts: Parts) -> Iterator[Line]:
    """carol's desktop tool cannot send proxy credentials."""
    given = stage.operator.type("employee", "port", "carol", "--json")
    url = urlsplit(given.json["proxy_url"])
    context = ssl.create_default_context(cafile=str(stage.anchor))
    client = HTTPSConnection(url.hostname or "", url.port, context=context, timeout=TIMEOUT_S)
    client.set_tunnel("api.openai.com", 443)
    body = json.dumps(
        {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "No name, no token."}]}
    )
    headers = {"authorization": f"Bearer {WORD}", "content-type": "application/json"}
    client.request("POST", "/v1/chat/completions", body, headers)
    status = client.getresponse().status
    client.close()
    known = [row.principal for row in rows(stage) if row.identity_path == "port"]
    yield claim(
        status == 200 and known == ["carol"],
        f"`sluiceway employee port carol` opened port {url.port} for a tool that sends no credentials; "
        "the ledger knows it was carol",
    )

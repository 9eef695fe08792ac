"""The company of the demo as its files say it: settings, rules, provider keys, and who may read an audit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sluiceway.app.deployment import Deployment
from sluiceway.demo.terminal import Said, Terminal
from sluiceway.errors import SluicewayError

SETTINGS = """\
listeners: [{{address: 127.0.0.1:{port}}}]
public_url: http://127.0.0.1:{port}
contact: "#ai-platform"
upstream:
  trusted_ca: {ca_file}
  connect_to: {{"*:443": "127.0.0.1:{provider_port}"}}   # the simulated providers stand in for the real ones
identity:
  ports: {{address: 127.0.0.1, first: {own_port}, last: {own_port}}}
report: {{min_group: 1}}   # teams of one, so that there is something to see; a company sets 5 or more
guard: {{deadline_s: 20}}  # a laptop may be slow while the demo starts
watch_rules: false
drain_timeout_s: 5
"""
RULES = {
    "10-budgets": """\
budgets:
  - {name: company-month, scope: company, limit_usd: 5, window: month}
  - {name: team-month, scope: {team: "*"}, limit_usd: 1, window: month, alert_at: [80, 100]}
  - {name: per-head-day, scope: {employee: "*"}, limit_usd: 0.25, window: day}
  - name: support-frugal
    scope: {team: support}
    limit_usd: 0.03
    window: day
    on_exceed: {degrade: {model: claude-haiku-4-5}}
  - {name: support-day, scope: {team: support}, limit_usd: 0.04, window: day, alert_at: [80]}
""",
    "15-routes": """\
routes:
  - {name: no-pro, match: {model: "*-pro"}, deny: {reason: "it costs sixty times as much as gpt-5-mini"}}
  - {name: small-claude, match: {model: "claude-opus-*", tools: false}, to: {model: claude-haiku-4-5}}
  - {name: tools-on-gpt, match: {model: "claude-opus-*", tools: true}, to: {provider: openai, model: gpt-5.1}}
  - {name: resilient, match: {model: claude-sonnet-4-5}, failover: [{provider: openai, model: gpt-5.1}]}
  - name: code
    match: {model: gpt-5.1, task: coding}
    choose: {from: ["gpt-5*"], tier: medium, prefer: cheapest}
  - {name: words, match: {model: gpt-5.1, task: creative}, choose: {from: ["gpt-5*"], prefer: cheapest}}
  - name: try-gemini
    match: {team: data, model: gpt-4.1-mini}
    mirror: {to: {provider: google, model: gemini-2.5-flash-lite}, percent: 100, budget_usd_per_day: 0.1}
""",
    "20-keys": "inject:\n  - {name: everybody, match: {}}\n",
    "30-guard": """\
guard:
  - {name: no-secrets, detect: [SECRET], action: block, advice: "Leave its value in the vault."}
  - {name: mask-mail, match: {team: data}, detect: [EMAIL_ADDRESS], action: mask}
""",
    "40-audit": """\
audit:
  - name: pilot
    match: {team: platform}
    mode: redacted
    purpose: Finding out why coding agents run in circles
    agreement: Works agreement 7
    until: 2099-12-31
    keep_days: 30
""",
}
OVERLOADED = "claude-sonnet-4-5"  # the simulated Anthropic says 529 to it from the beginning
# Nobody's keys. The simulated providers take any, and put on record which one came.
KEYS = {
    "anthropic": "sk-ant-api03-the-key-of-the-demo-company",
    "openai": "sk-proj-the-key-of-the-demo-company",
    "google": "AIzaSyTheKeyOfTheDemoCompany-000000000000",
}
AUDITORS = {"carol": "auditor", "dave": "council"}
PASSPHRASE = "SLUICEWAY_AUDIT_PASSPHRASE"  # noqa: S105 (the variable's name)


def auditor_key(folder: Path, name: str) -> Path:
    """The private key's file. In a company it is on its owner's machine."""
    return folder / f"{name}.audit-key.json"


def passphrase(name: str) -> str:
    """What opens that file: each auditor's own."""
    return f"only {name} knows"


def write_rules(deployment: Deployment, folder: Path) -> None:
    """Rules and auditors. The auditors make their keys themselves, with `audit keygen`."""
    for name, text in RULES.items():
        (deployment.settings.rules / "policy" / f"{name}.yaml").write_text(f"version: 1\n{text}")
    with ThreadPoolExecutor() as pool:
        made = list(pool.map(lambda each: _keygen(folder, *each), AUDITORS.items()))
    lines = [
        f"  - {{name: {each['name']}, role: {each['role']}, public_key: {each['public_key']}}}"
        for each in (done(said).json for said in made)
    ]
    (deployment.settings.rules / "auditors.yaml").write_text(
        "\n".join(["version: 1", "auditors:", *lines, ""])
    )


def _keygen(folder: Path, name: str, role: str) -> Said:
    words = ("audit", "keygen", name, "--role", role, "--out", str(auditor_key(folder, name)), "--work", "10")
    return Terminal().type(*words, "--json", variables={PASSPHRASE: passphrase(name)})


def register_keys(operator: Terminal) -> None:
    """`sluiceway key add` for each provider; the key comes from the input, as a secret store gives it."""
    words = [("key", "add", f"{name}-main", "--provider", name) for name in KEYS]
    with ThreadPoolExecutor() as pool:
        for said in pool.map(lambda each: operator.type(*each, keyboard=KEYS[each[-1]]), words):
            done(said)


def done(said: Said) -> Said:
    """The same, if the command did what it should."""
    if said.code:
        raise SluicewayError(said.all)
    return said

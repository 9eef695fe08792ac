"""Credentials that show what they are: a vendor's prefix, a key block, a password in a URL.

To add one: an entry with a name, the literal every match contains, the RE2 pattern (its first group is
what gets masked), and an example built from parts, so that no scanner takes this file for a leak.
"""

from __future__ import annotations

import base64
import binascii
import json

from sluiceway.guard.patterns import Check, Match, Rule, Span, compiled, group
from sluiceway.guard.secret_values import random_looking, real_token, stand_in

SECRET = "SECRET"  # noqa: S105 - the type's name
JWT_HEADER_BYTES = 4096
# Random characters for the examples: no prefix, so no credential of anyone.
MIXED = "q7Rk2Vw9Zt4Hs8Lm3Xc6Nb1Pd5Gf0JyTaEuKoSiQ"
HEX = "3f9a1c7be2d8460f5b7ce19d04a8362f71be5c9d28f0a64e"
RUN = compiled(r"[A-Za-z0-9+/=]{16}")


def token(data: bytes, match: Match) -> Span | None:
    """A credential whose characters are not a stand-in's."""
    span = group(data, match)
    return span if span and real_token(data[span[0] : span[1]]) else None


def password(data: bytes, match: Match) -> Span | None:
    """A password in a URL or on a command line: anything but what people write in its place."""
    start, end = match.span(1)
    return None if stand_in(data[start:end]) else (start, end)


def json_web_token(data: bytes, match: Match) -> Span | None:
    """A JWT: its first part is base64url of a JSON object with `alg`."""
    start, end = match.span()
    head = data[start : min(end, start + JWT_HEADER_BYTES)].split(b".", 1)[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(head + b"=" * (-len(head) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return None
    return (start, end) if isinstance(header, dict) and "alg" in header else None


def key_block(data: bytes, match: Match) -> Span | None:
    """A private key with key material between its lines; a text that only names the lines has none."""
    start, end = match.span()
    return (start, end) if RUN.search(data, start + 20, min(end, start + 4096)) else None


def basic_credentials(data: bytes, match: Match) -> Span | None:
    """HTTP Basic credentials: base64 of `user:password`."""
    start, end = match.span(1)
    try:
        plain = base64.b64decode(data[start:end][:1024] + b"=" * (-min(end - start, 1024) % 4))
    except (ValueError, binascii.Error):
        return None
    return (start, end) if b":" in plain else None


def bearer_token(data: bytes, match: Match) -> Span | None:
    """An opaque token after `Bearer`; words and variable names after it are not."""
    start, end = match.span(1)
    return (start, end) if random_looking(data[start:end][:256]) and token(data, match) else None


def _rule(name: str, anchor: str, pattern: str, example: str, check: Check = token) -> Rule:
    return Rule(name, SECRET, anchor, pattern, (example,), check)


def _prefixed(name: str, prefix: str, body: str, example: str) -> Rule:
    """A token known by its prefix (a RE2 expression), which is also its anchor."""
    return _rule(name, prefix, rf"\b({prefix}{body})", example)


AI = (
    _prefixed(
        "openai-key", "sk-", r"(?:(?:proj|svcacct|admin|None)-[\w-]{20,}|[A-Za-z0-9]{32,})", "sk-" + MIXED
    ),
    _prefixed("anthropic-key", "sk-ant-", r"[\w-]{20,}", "sk-ant-" + "api03-" + MIXED),
    _prefixed("openrouter-key", "sk-or-", r"v\d-[0-9a-f]{40,}", "sk-or-" + "v1-" + HEX),
    _prefixed("google-api-key", "AIza", r"[\w-]{35}", "AIza" + MIXED[:35]),
    _prefixed("xai-key", "xai-", r"[A-Za-z0-9]{40,}", "xai-" + MIXED * 2),
    _prefixed("groq-key", "gsk_", r"[A-Za-z0-9]{32,}", "gsk_" + MIXED),
    _prefixed("huggingface-token", "hf_", r"[A-Za-z0-9]{30,}", "hf_" + MIXED),
    _prefixed("replicate-token", "r8_", r"[A-Za-z0-9]{36,}", "r8_" + MIXED),
    _prefixed("perplexity-key", "pplx-", r"[A-Za-z0-9]{32,}", "pplx-" + MIXED),
    _prefixed("nvidia-key", "nvapi-", r"[\w-]{40,}", "nvapi-" + MIXED * 2),
    _prefixed("cerebras-key", "csk-", r"[a-z0-9]{40,}", "csk-" + HEX),
    _prefixed("together-key", "tgp_v1_", r"[\w-]{30,}", "tgp_v1_" + MIXED),
    _prefixed(
        "langsmith-key", "lsv2_", r"(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}", f"lsv2_pt_{HEX[:32]}_{HEX[:10]}"
    ),
    _prefixed("sluiceway-token", "swy_", r"[\w-]{20,}", "swy_" + MIXED),
)

CLOUD = (
    _prefixed(
        "aws-access-key-id", r"(?:AKIA|ASIA|ABIA|ACCA)", r"[A-Z0-9]{16}\b", "AKIA" + "Q7RK2VW9ZT4HS8LM"
    ),
    _rule(
        "aws-secret-access-key",
        r"(?i)(?:secret|aws).?(?:access)?.?key",
        r"(?i)(?:secret.?access.?key|aws.?secret(?:.?key)?)[^A-Za-z0-9/+\n]{1,8}([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|$)",
        "aws_secret_access_key = " + MIXED,
    ),
    _rule(
        "aws-session-token",
        r"(?i)session.?token",
        r"(?i)session.?token[^A-Za-z0-9/+\n]{1,8}([A-Za-z0-9/+]{100}[A-Za-z0-9/+=]*)",
        "aws_session_token=" + MIXED * 3,
    ),
    _prefixed("google-oauth-secret", "GOCSPX-", r"[\w-]{20,}", "GOCSPX-" + MIXED),
    _prefixed("google-access-token", r"ya29\.", r"[\w-]{20,}", "ya29." + MIXED),
    _rule(
        "google-private-key-id",
        "private_key_id",
        r'private_key_id\\?"?\s{0,4}[:=]\s{0,4}\\?"?([0-9a-f]{40})',
        f'"private_key_id": "{HEX[:40]}"',
    ),
    _rule(
        "azure-account-key",
        r"(?:Account|SharedAccess)Key",
        r"(?:Account|SharedAccess)Key=([A-Za-z0-9+/]{40,88}={0,2})",
        "AccountKey=" + (MIXED * 3)[:86] + "==",
    ),
    _rule(
        "azure-sas", "sig=", r"[?&;]sig=([A-Za-z0-9%+/]{40,}(?:%3[Dd]|=)?)", "?sv=2024&sig=" + MIXED + "%3D"
    ),
    _rule("azure-client-secret", r"\dQ~", r"\b([\w~.-]{3}\dQ~[\w~.-]{31,34})", "a1b8Q~" + MIXED[:34]),
    _prefixed("digitalocean-token", r"do[opr]_v1_", r"[a-f0-9]{40,}", "dop_v1_" + HEX),
    _prefixed("databricks-token", "dapi", r"[a-f0-9]{32}", "dapi" + HEX[:32]),
    _prefixed("vault-token", r"hv[sbr]\.", r"[\w-]{24,}", "hvs." + MIXED),
    _rule(
        "terraform-token",
        "atlasv1",
        r"\b([A-Za-z0-9]{14}\.atlasv1\.[\w-]{60,})",
        f"{MIXED[:14]}.atlasv1.{MIXED * 2}",
    ),
    _prefixed("tailscale-key", "tskey-", r"[a-z]+-[A-Za-z0-9]+-?[A-Za-z0-9]{10,}", "tskey-auth-" + MIXED),
    _prefixed("supabase-token", "sbp_", r"[a-f0-9]{40}", "sbp_" + HEX[:40]),
    _prefixed("planetscale-secret", "pscale_", r"(?:tkn|pw|oauth)_[\w.=-]{30,}", "pscale_tkn_" + MIXED),
)

FORGES = (
    _prefixed("github-token", "gh[pousr]_", r"[A-Za-z0-9]{20,}", "ghp_" + MIXED[:36]),
    _prefixed("github-fine-grained-token", "github_pat_", r"\w{40,}", "github_pat_" + MIXED + "_" + MIXED),
    _prefixed(
        "gitlab-token", "gl(?:pat|dt|rt|soat|cbt|ptt|ft|imt|agent|oas)-", r"[\w-]{20,}", "glpat-" + MIXED[:20]
    ),
    _prefixed("npm-token", "npm_", r"[A-Za-z0-9]{30,}", "npm_" + MIXED[:36]),
    _prefixed("pypi-token", "pypi-", r"[\w-]{50,}", "pypi-" + MIXED * 3),
    _prefixed("rubygems-key", "rubygems_", r"[0-9a-f]{40,}", "rubygems_" + HEX),
    _prefixed("docker-token", "dckr_", r"(?:pat|oat)_[\w-]{20,}", "dckr_pat_" + MIXED[:27]),
    _prefixed("atlassian-token", "ATATT3", r"[\w=-]{60,}", "ATATT3" + MIXED * 2),
    _prefixed("sentry-token", "sntry[su]_", r"[\w=+/-]{30,}", "sntryu_" + HEX),
    _prefixed("sonarqube-token", "sq[pua]_", r"[a-f0-9]{40}", "squ_" + HEX[:40]),
    _prefixed("buildkite-token", "bkua_", r"[a-f0-9]{40}", "bkua_" + HEX[:40]),
    _prefixed("pulumi-token", "pul-", r"[a-f0-9]{40}", "pul-" + HEX[:40]),
    _prefixed("artifactory-key", "AKCp", r"[A-Za-z0-9]{60,}", "AKCp" + MIXED * 2),
    _prefixed("postman-key", "PMAK-", r"[a-f0-9]{24}-[a-f0-9]{34}", f"PMAK-{HEX[:24]}-{HEX[:34]}"),
    _prefixed("grafana-token", "gl(?:sa|c)_", r"[\w=+/-]{30,}", "glsa_" + MIXED),
    _prefixed("newrelic-key", "NRAK-", r"[A-Z0-9]{27}", "NRAK-" + MIXED.upper()[:27]),
    _prefixed("linear-key", "lin_api_", r"[A-Za-z0-9]{32,}", "lin_api_" + MIXED),
    _prefixed("notion-token", "ntn_", r"[A-Za-z0-9]{40,}", "ntn_" + MIXED + "4"),
    _prefixed("figma-token", "figd_", r"[\w-]{30,}", "figd_" + MIXED),
    _prefixed("airtable-token", "pat", r"[A-Za-z0-9]{14}\.[a-f0-9]{40,}", "pat" + MIXED[:14] + "." + HEX),
    _prefixed("doppler-token", r"dp\.(?:pt|st|ct)\.", r"[\w.]{30,}", "dp.pt." + MIXED),
    _prefixed("dropbox-token", r"sl\.(?:u\.)?", r"[\w-]{60,}", "sl." + MIXED * 2),
)

MESSAGING = (
    _prefixed("slack-token", "xox[abeoprs]-", r"[A-Za-z0-9-]{10,}", "xoxb-" + "17653672481-" + MIXED[:24]),
    _prefixed("slack-app-token", "xapp-", r"\d-[A-Z0-9]+-\d+-[A-Za-z0-9]{20,}", "xapp-1-A0X9-1234567-" + HEX),
    _rule(
        "slack-webhook",
        r"hooks\.slack\.com",
        r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9/]{20,})",
        "https://hooks.slack.com/services/T0A1B2C3D/B4E5F6G7H/" + MIXED[:24],
    ),
    _rule(
        "discord-webhook",
        "api/webhooks/",
        r"discord(?:app)?\.com/api/webhooks/(\d{17,20}/[\w-]{60,})",
        "https://discord.com/api/webhooks/123456789012345678/" + MIXED * 2,
    ),
    _rule(
        "discord-token",
        # Not its long first part: to count letters, RE2 needs a state for each text of base64 it meets.
        r"\.[\w-]{6}\.",
        r"\b([MNO][A-Za-z\d_-]{23,27}\.[\w-]{6}\.[\w-]{27,40})",
        "M" + MIXED[:23] + "." + MIXED[:6] + "." + MIXED[:30],
    ),
    _rule("telegram-token", ":AA", r"\b(\d{8,10}:AA[\w-]{32,34})", "123456789:" + "AA" + MIXED[:33]),
    _prefixed("stripe-key", "(?:sk|rk)_(?:live|test)_", r"[A-Za-z0-9]{10,}", "sk_live_" + MIXED),
    _prefixed("webhook-secret", "whsec_", r"[A-Za-z0-9+/=]{20,}", "whsec_" + MIXED),
    _prefixed("twilio-key", "SK", r"[0-9a-f]{32}\b", "SK" + HEX[:32]),
    _prefixed("sendgrid-key", r"SG\.", r"[\w-]{16,32}\.[\w-]{16,64}", f"SG.{MIXED[:22]}.{MIXED}"),
    _prefixed("mailgun-key", "key-", r"[0-9a-f]{32}\b", "key-" + HEX[:32]),
    _rule("mailchimp-key", r"-us\d", r"\b([0-9a-f]{32}-us\d{1,2})\b", HEX[:32] + "-us14"),
    _prefixed("brevo-key", "xkeysib-", r"[a-f0-9]{40,}[\w-]*", "xkeysib-" + HEX),
    _prefixed("shopify-token", "shp(?:at|ca|pa|ss)_", r"[a-fA-F0-9]{32}", "shpat_" + HEX[:32]),
    _prefixed("square-token", "sq0(?:atp|csp)-", r"[\w-]{22,}", "sq0atp-" + MIXED[:22]),
    _prefixed("facebook-token", "EAA", r"[A-Za-z0-9]{80,}", "EAA" + MIXED * 3),
)

# A wildcard before `Q~` or `-us1` costs nothing: the anchors above are the literal parts.
GENERAL = (
    _rule(
        "json-web-token",
        "eyJ",
        r"\beyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        json_web_token,
    ),
    _rule(
        "private-key",
        "PRIVATE KEY",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:[^-]+(?:-{1,4}[^-]+){0,12}?-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        # Cut off before its last line: as many lines of base64 as follow.
        r"|(?:(?:\s|\\[nr]|[\"'+,>|])*[A-Za-z0-9+/=]{32,})+)",
        f"-----BEGIN {'PRIVATE KEY'}-----\n{MIXED}\n-----END {'PRIVATE KEY'}-----",
        key_block,
    ),
    _rule(
        "age-key",
        "AGE-SECRET-KEY-1",
        r"AGE-SECRET-KEY-1[A-Z0-9]{50,}",
        "AGE-SECRET-" + "KEY-1" + MIXED.upper() * 2,
    ),
    _rule(
        "password-in-url",
        "://",
        r"\b[A-Za-z][A-Za-z0-9+.-]{1,30}://[^\s:/@\"'`<>\\]{0,100}:([^\s/\"'`<>\\]{1,200})@[A-Za-z0-9\[?]",
        "postgres://app:" + MIXED[:12] + "@db.internal/app",
        password,
    ),
    _rule(
        "basic-credentials",
        "(?i)basic ",
        r"(?i)\bbasic ([A-Za-z0-9+/]{8,}={0,2})",
        "Authorization: Basic " + "YWxpY2U6czNjcjN0",
        basic_credentials,
    ),
    _rule(
        "docker-credentials",
        r'"auth"',
        r'"auth"\s{0,4}:\s{0,4}"([A-Za-z0-9+/]{12,}={0,2})"',
        '{"auth": "YWxpY2U6czNjcjN0"}',
        basic_credentials,
    ),
    _rule(
        "bearer-token",
        "(?i)bearer ",
        r"(?i)\bbearer ([\w.~+/=-]{16,})",
        "Authorization: Bearer " + MIXED,
        bearer_token,
    ),
    _rule(
        "password-on-command-line",
        r"(?:curl|wget|http|sshpass|mysql|psql|docker|redis-cli)",
        r"\b(?:(?:curl|wget)\s[^\n|;]{0,200}?(?:-u|--user)[ =]['\"]?[^\s:'\"]{1,64}:|sshpass\s+-p\s?['\"]?"
        r"|docker\s+login\s[^\n|;]{0,200}?(?:-p|--password)[ =]|mysql(?:dump|admin)?\s[^\n|;]{0,200}?-p"
        r"|redis-cli\s[^\n|;]{0,200}?-a\s)([^\s'\"]{4,100})",
        "curl -u alice:" + MIXED[:12] + " https://intranet",
        password,
    ),
)

CREDENTIALS: tuple[Rule, ...] = (*AI, *CLOUD, *FORGES, *MESSAGING, *GENERAL)

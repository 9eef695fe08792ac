"""Credentials: each shape is found, and what only looks like one is not."""

from __future__ import annotations

import pytest

from sluiceway.guard.characters import one_byte_each
from sluiceway.guard.patterns import Rules
from sluiceway.guard.scan import BUILT_IN, scan
from sluiceway.guard.secrets import CREDENTIALS, HEX, MIXED


def secrets(text: str) -> list[str]:
    return [text[f.start : f.end] for f in scan(text, "inline") if f.type == "SECRET"]


@pytest.mark.parametrize("rule", BUILT_IN, ids=lambda rule: f"{rule.name} ({rule.profiles[0]})")
def test_every_rule_finds_its_examples(rule):
    found = Rules([rule])  # raises where it does not
    for example in rule.examples:
        assert any(finding.rule == rule.name for finding in found.find(one_byte_each(example)))


def test_more_than_forty_credential_shapes_are_known():
    assert len({rule.name for rule in CREDENTIALS}) >= 60


FOUND = {
    "in a sentence, without the full stop": (f"I pasted ghp_{MIXED[:36]}.", f"ghp_{MIXED[:36]}"),
    "the password of a URL, not its host": (f"postgres://app:{MIXED[:12]}@db/app", MIXED[:12]),
    "a password that holds an @": ("mysql://root:pa$$@w0rd@db.internal/x", "pa$$@w0rd"),
    "an environment file": ("DB_PASSWORD=hunter2hunter\nX=1", "hunter2hunter"),
    "JSON": ('{"client_secret": "' + MIXED + '"}', MIXED),
    "JSON in a JSON string": ('{\\"password\\": \\"n3sted!Json\\"}', "n3sted!Json"),
    "a connection string": ("Server=db;Password=aB3$kk29x;", "aB3$kk29x"),
    "a query parameter": ("jdbc:x://h/db?user=a&password=Jdbc_Pa55", "Jdbc_Pa55"),
    "a call with two strings": ("define('DB_PASSWORD', 'w0rdpr3ss!');", "w0rdpr3ss!"),
    "said": ("the root password for the build box is Winter2023!", "Winter2023!"),
    "said in German": ("Das Passwort lautet Katze7Hund, danke", "Katze7Hund"),
    "an AWS key's secret half": (f"aws_secret_access_key = {MIXED}", MIXED),
    "after a header's name": (f"x-api-key: {HEX[:32]}", HEX[:32]),
    "our own token": (f"http://alice:swy_{MIXED}@proxy:8080", f"swy_{MIXED}"),
    "a key that is cut off": (
        f"-----BEGIN {'PRIVATE KEY'}-----\n{MIXED}\n{MIXED}\nand so on",
        f"-----BEGIN {'PRIVATE KEY'}-----\n{MIXED}\n{MIXED}",
    ),
}


@pytest.mark.parametrize(("text", "secret"), FOUND.values(), ids=FOUND.keys())
def test_a_credential_is_found_and_nothing_around_it(text, secret):
    assert secrets(text) == [secret]


NOTHING = {
    "read from the environment": 'password = os.environ["DB_PASSWORD"]',
    "an environment variable": "password: ${DB_PASSWORD}",
    "a template": "api_key: {{ vault.api_key }}",
    "a stand-in": "password=changeme",
    "stars": 'password = "********"',
    "a row of x": "ghp_" + "x" * 36,
    "a vendor's prefix before a stand-in": "sk-proj-your-own-key-goes-here-42",
    "your key here": 'api_key = "YOUR_API_KEY_GOES_HERE_1234"',
    "a type": "password: SecretStr = Field(min_length=8)",
    "a call": "token = get_token(user, 2)",
    "an attribute": "secret = settings.SECRET_KEY_2",
    "a variable that is passed on": "connect(password=password1)",
    "arguments in a row": "login(password, hunter2x)",
    "a path": "password_file: /run/secrets/db1",
    "a sentence about passwords": "Your password must contain 12 characters",
    "a URL with stand-ins": "postgres://user:password@localhost/db",
    "a URL with variables": "postgres://${USER}:${PASS}@db/x",
    "a certificate": "-----BEGIN CERTIFICATE-----\nMIIB",
    "a key's first line in prose": '"-----BEGIN PRIVATE KEY-----" comes first',
    "three dots that are no token": "eyJhbGciOi.foo.bar",
    "a git hash": "commit " + HEX[:40],
    "a UUID": "id 550e8400-e29b-41d4-a716-446655440000",
    "an integrity hash": '"integrity": "sha512-' + MIXED * 2 + '=="',
    "basic English": "basic understanding of algorithms",
    "a header with a variable": "Authorization: Bearer $ACCESS_TOKEN",
    "the pass statement": "if x: pass  # see issue_1234567",
}


@pytest.mark.parametrize("text", NOTHING.values(), ids=NOTHING.keys())
def test_what_only_looks_like_a_credential_is_left_alone(text):
    assert secrets(text) == []

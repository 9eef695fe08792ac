"""Credentials known by the name beside them: `password = "..."`, `API_KEY=...`, "my password is ...".

Names are strict (a password or a secret: what a person chose is enough) or loose (a token, a key: the
value must look generated). Code that fetches or names a secret, and stand-ins, are not findings.
"""

from __future__ import annotations

from sluiceway.guard.patterns import Match, Rule, Span, compiled
from sluiceway.guard.secret_values import chosen_password, code, entropy_bits, random_looking, stand_in
from sluiceway.guard.secrets import HEX, MIXED, SECRET

PASSWORDS = (
    r"pass(?:word|wd|phrase|code|wort)|pwd|kennwort|contrase(?:n|\xf1)a|wachtwoord|senha"
    r"|mot[_ ]de[_ ]passe|\bpass\b"
)
TOLD_PASSWORDS = PASSWORDS.removesuffix(r"|\bpass\b")  # "pass force_zip64 to ..."
KEYS = (
    r"(?:api|access|auth|account|private|encryption|signing|master|service|storage|shared|app|license"
    r"|secret|session|jwt|webhook|hmac|cookie|deploy|admin|consumer)[_.-]?(?:key|token|secret)|secret"
    r"|credentials?|token|apikey|authtoken"
)
# What may follow the name and leave it the name of a secret; `token_type` and `password_file` are not.
TAIL = (
    r"(?:[_.-]?(?:key|token|value|secret|base|b64|base64|hash|salt|prod|production|live|dev|staging|test"
    r"|default|\d{1,2}))?"
)
# A comma joins them only between quotes: define('DB_PASSWORD', '...').
JOINT = r"\\?[\"'`]?\]?\s{0,4}(?:=>|:=|={1,2}|:|,)\s{0,4}"
VALUE = (
    r"(?:[bru]{0,2}\\?\"([^\"\\\n]{4,300})|[bru]{0,2}\\?'([^'\\\n]{4,300})|`([^`\n]{4,300})`"
    r"|([^\s\"'`<>,;:\\][^\s\"'`<>,;\\]{5,299}))"
)
IDENTIFIER = compiled(r"^[A-Za-z_][A-Za-z0-9_.]*$")
PATH_OR_URL = compiled(
    r"^(?:[~.]{0,2}/|[A-Za-z]:\\|[a-z+]{2,12}://)|\.(?:txt|pem|key|json|ya?ml|env|py|js|ts|html?)$"
)
PASSWORD_NAME = compiled(rf"(?i)(?:{PASSWORDS}|pw)")
MIN_PHRASE, MIN_LETTERS, MIN_LETTER_ENTROPY_BITS, MIN_TOLD_KEY = 12, 12, 3.0, 12
LETTER_AND_DIGIT = compiled(r"[A-Za-z].*[0-9]|[0-9].*[A-Za-z]")


def _value(match: Match) -> tuple[Span, bool] | None:
    """The value's span and whether it stood in quotes."""
    for number in (2, 3, 4, 5):
        if (span := match.span(number))[0] >= 0:
            return span, number < 5
    return None


def assigned(data: bytes, match: Match) -> Span | None:
    """The value of `name = value` in code, configuration, environment files, JSON, YAML or a URL query."""
    found = _value(match)
    if found is None:
        return None
    (start, end), quoted = found
    if not quoted:
        end = start + len(data[start:end].rstrip(b".)]}&|:"))
    name_start, name_end = match.span(1)
    name, value = data[name_start:name_end], data[start:end]
    if not quoted and (b"," in data[name_end:start] or _is_code(data, match.span(1), (start, end))):
        return None
    if stand_in(value) or PATH_OR_URL.search(value) or not _is_real(name, value, quoted):
        return None
    return start, end


def _is_real(name: bytes, value: bytes, quoted: bool) -> bool:
    lower = name.lower()
    if lower == b"passphrase" and quoted and value.count(b" ") >= 2:
        return len(value) >= MIN_PHRASE
    if not PASSWORD_NAME.search(lower) and b"secret" not in lower:
        return random_looking(value)
    # An environment file's password may be letters alone, as mail providers' app passwords are.
    letters = not quoted and name.isupper() and len(value) >= MIN_LETTERS and value.isalnum()
    return chosen_password(value) or (letters and entropy_bits(value) >= MIN_LETTER_ENTROPY_BITS)


def _is_code(data: bytes, name: Span, value_at: Span) -> bool:
    """Whether an unquoted value is an expression rather than the value in a file of settings."""
    value = data[value_at[0] : value_at[1]]
    if code(value):
        return True
    if not IDENTIFIER.search(value) or data[max(0, name[0] - 1) : name[0]] in (b"?", b"&", b";"):
        return False
    # `password=token2)` passes a variable; `PASSWORD=hunter2` and `password: hunter2` set a value.
    after = data[value_at[1] : value_at[1] + 1]
    return _is_dotted(value) or (after in (b",", b")") and not data[name[0] : name[1]].isupper())


def _is_dotted(value: bytes) -> bool:
    """Words joined by dots or underscores: a name in code. What a generator makes has no words."""
    parts = value.replace(b".", b"_").split(b"_")
    return len(parts) > 1 and any(part.isalpha() and len(part) > 2 for part in parts)


def element(data: bytes, match: Match) -> Span | None:
    """The text of an XML element named after a secret."""
    start, end = match.span(2)
    value = data[start:end]
    return (start, end) if not stand_in(value) and (chosen_password(value) or random_looking(value)) else None


def told(data: bytes, match: Match) -> Span | None:
    """A secret in a sentence: "the password is ..."; punctuation that ends the sentence stays outside."""
    name = data[slice(*match.span(1))]
    start, end = match.span(2)
    value = data[start:end].rstrip(b".,;:?)\"'`*")
    if stand_in(value) or code(value) or PATH_OR_URL.search(value):
        return None
    long_enough = PASSWORD_NAME.search(name) or len(value) >= MIN_TOLD_KEY
    # A sentence goes on with words, dates and amounts; a secret in one mixes letters and digits.
    real = long_enough and chosen_password(value) and LETTER_AND_DIGIT.search(value) is not None
    return (start, start + len(value)) if real else None


ASSIGNED = Rule(
    "assigned-secret",
    SECRET,
    rf"(?i)(?:{PASSWORDS}|key|token|secret|credential)",
    rf"(?i)({PASSWORDS}|{KEYS}){TAIL}{JOINT}{VALUE}",
    (
        f'DB_PASSWORD="{MIXED[:14]}"',
        f"api_key: {HEX[:32]}",
        "{" + f'"client_secret": "{MIXED}"' + "}",
        "PGPASSWORD=" + "hunter" + "42 psql",
    ),
    assigned,
    0.8,
)
TOLD = Rule(
    "told-secret",
    SECRET,
    rf"(?i)(?:{PASSWORDS}|pw|key|token|secret)",
    rf"(?i)\b({TOLD_PASSWORDS}|pw|(?:api|access|secret|auth)[ -]?(?:key|token)|token|secret)"
    r"(?:(?: (?:for|of|to|on|at) [^\n.:;=]{1,40}?)?(?: (?:is|was|ist|war|es|est|to|now|should be|set to"
    r"|changed to|lautet)){1,3}:?|:)? [\"'`*]{0,2}([^\s<>]{6,80})",
    ("my password is " + "Sommer" + "2024!", "the root password for the build box is " + "Winter" + "2023!"),
    told,
    0.7,
)
ELEMENT = Rule(
    "secret-in-xml",
    SECRET,
    rf"(?i)<[^<>]{{0,40}}(?:{PASSWORDS}|key|token|secret)",
    rf"(?i)<[a-z:]{{0,30}}({PASSWORDS}|{KEYS})[^<>\n]{{0,60}}>\s{{0,4}}([^<>\s]{{6,300}})</",
    (f"<password>{MIXED[:12]}</password>",),
    element,
    0.8,
)


ASSIGNMENTS: tuple[Rule, ...] = (ASSIGNED, TOLD, ELEMENT)

"""Whether a value is a real credential or stands in for one: placeholders, references, plain words.

What is refused here is what people write where a secret will go (`changeme`, `${TOKEN}`, `xxxx`) and
what code writes to fetch one (`os.environ["TOKEN"]`); everything else counts as real.
"""

from __future__ import annotations

import math

from sluiceway.guard.patterns import compiled

# Words that stand alone, whole, as a value that nobody would call a secret.
STAND_INS = frozenset(
    b"password passwd passwort pass pwd secret secrets token apikey api_key api-key key value string text"
    b" changeme change_me change-me changeit replaceme replace_me placeholder dummy fake sample test"
    b" testing"
    b" example none null nil true false undefined redacted hidden masked removed todo tbd n/a user username"
    b" admin root guest postgres mysql default empty foo bar baz foobar bearer basic required"
    b" optional".split()
)
# Parts that give a stand-in away wherever they stand.
GIVEAWAYS = compiled(
    r"(?i)xxxx|\*\*\*|\.\.\.|your|placeholder|change.?me|replace.?me|insert.?here|dummy|redacted|<[a-z]"
    r"|\{\{|\$\{|\$\(|%\(|%s|\{[a-z_.]*\}|^\$[a-z_]|^%[a-z_]+%$|^@[a-z]|^#\{|not.?a.?real|fake.?(?:key"
    r"|token|secret)"
)
# Unquoted, these are code that fetches a secret or names one, not the secret.
CODE = compiled(
    r"(?i)^(?:os\.|env[.\[(]|process\.|getenv|config[.\[]|settings\.|self\.|this\.|request\.|req\."
    r"|args\.|options\."
    r"|secrets\.|vault|data\.|var\.|local\.|module\.|params|ctx\.|app\.|user\.|await |new |lambda"
    r"|function|func)"
    r"|[\[\](){}]|->|=>|::|\?\?|&&|\|\|"
)
MIN_DISTINCT = 6


def real_token(value: bytes) -> bool:
    """For values that already have a vendor's shape: not a row of equal characters, not a stand-in."""
    return len(set(value[-64:])) >= MIN_DISTINCT and not GIVEAWAYS.search(value)


def stand_in(value: bytes) -> bool:
    """A value that is written where a secret will go."""
    bare = value.strip(b"_-*.=:#<>[]() ").lower()
    return len(set(bare)) < 3 or bare in STAND_INS or GIVEAWAYS.search(value) is not None


def code(value: bytes) -> bool:
    """An unquoted value that is an expression of a programming language."""
    return CODE.search(value) is not None


def entropy_bits(value: bytes) -> float:
    """Shannon entropy per character of the value itself, in bits."""
    counts = [value.count(byte) for byte in set(value)]
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts)


def kinds(value: bytes) -> int:
    """How many of lower case, upper case, digits and other characters are in it. Joints (`-_. `), which
    names have too, do not count."""
    rest = value.translate(None, b"-_. ")
    lower, upper = rest != rest.upper(), rest != rest.lower()
    digit = any(48 <= byte <= 57 for byte in rest)
    other = not rest.isalnum() if rest else False
    return lower + upper + digit + other


def random_looking(value: bytes) -> bool:
    """A generated key: long, mixed, and no character much more frequent than others."""
    has_digit = any(48 <= byte <= 57 for byte in value)
    return len(value) >= 16 and has_digit and kinds(value) >= 2 and entropy_bits(value) >= 3.0


def chosen_password(value: bytes) -> bool:
    """A password a person chose: six characters or more of at least two kinds, one of them not a letter
    (or a long phrase of words joined)."""
    if len(value) < 6 or b" " in value:
        return False
    mixed = kinds(value) >= 2 and not value.isalpha()
    return mixed or (len(value) >= 20 and value.count(b"-") >= 2 and kinds(value) >= 1)

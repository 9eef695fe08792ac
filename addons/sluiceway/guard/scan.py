"""What is sensitive in a text: every detector of a profile, its findings merged so that none overlap.

`inline` runs before a request goes on: credentials and personal data with a form of their own, with very
few false alarms in code. `audit` runs beside the traffic and adds names, addresses, private machine
addresses and, where a spaCy model is installed, what it recognises (`recognizers.py`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from operator import attrgetter

from sluiceway.guard.accounts import ACCOUNTS
from sluiceway.guard.assignments import ASSIGNMENTS
from sluiceway.guard.characters import one_byte_each
from sluiceway.guard.identities import IDENTITIES
from sluiceway.guard.machines import MACHINES
from sluiceway.guard.mail import EMAIL
from sluiceway.guard.patterns import Profile, Rule, Rules
from sluiceway.guard.people import people
from sluiceway.guard.phones import PHONES
from sluiceway.guard.places import PLACES
from sluiceway.guard.secrets import CREDENTIALS
from sluiceway.types import Finding

BUILT_IN: tuple[Rule, ...] = (
    *CREDENTIALS, *ASSIGNMENTS, EMAIL, *ACCOUNTS, *IDENTITIES, *MACHINES, *PHONES, *PLACES,
)  # fmt: skip
TYPES = frozenset(rule.type for rule in BUILT_IN) | {"PERSON"}
# Where findings overlap: a credential first, then what check digits prove, then the longer, then the surer.
STRICT = {"SECRET": 3, "CREDIT_CARD": 2, "IBAN_CODE": 2, "EMAIL_ADDRESS": 2, "US_SSN": 1}


_start = attrgetter("start")
# Looks at characters rather than bytes: names of people, a company's own recognisers, a spaCy model.
type Finder = Callable[[str], Iterable[Finding]]


class Scanner:
    """The detectors of one profile: the built-in rules less those `disabled` (by name or type), and `own`."""

    def __init__(
        self, profile: Profile, own: Sequence[Finder] = (), disabled: frozenset[str] = frozenset()
    ) -> None:
        self.profile = profile
        rules = [
            rule for rule in BUILT_IN if profile in rule.profiles and not {rule.name, rule.type} & disabled
        ]
        self._rules = Rules(rules)
        self._disabled = disabled
        self._finders: list[Finder] = [*own]
        if profile == "audit" and "PERSON" not in disabled:
            self._finders.append(people)

    def scan(self, text: str) -> tuple[Finding, ...]:
        """Findings in the order they stand, none overlapping. Linear in the length of the text (but for a
        spaCy model, if `own` has one)."""
        text = _well_formed(text)
        found = list(self._rules.find(one_byte_each(text)))
        for finder in self._finders:
            found += (finding for finding in finder(text) if finding.type not in self._disabled)
        return merged(found)


@lru_cache
def built_in(profile: Profile) -> Scanner:
    """The scanner without a company's rules; compiled once."""
    return Scanner(profile)


def scan(text: str, profile: Profile, scanner: Scanner | None = None) -> tuple[Finding, ...]:
    """What is sensitive in `text`: spans in characters, in order, none overlapping."""
    return (scanner or built_in(profile)).scan(text)


def _well_formed(text: str) -> str:
    """The text with `?` for what is no character (half a surrogate pair), which UTF-8 has no bytes for."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace").decode()
    return text


def merged(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Of findings that overlap, the strictest; of equally strict ones, the longest, then the surest."""
    in_order = sorted(findings, key=_start)
    if all(left.end <= right.start for left, right in pairwise(in_order)):
        return tuple(in_order)
    taken: list[Finding] = []
    starts: list[int] = []
    for finding in sorted(in_order, key=_rank):
        place = bisect_right(starts, finding.start)
        if place and taken[place - 1].end > finding.start:
            continue
        if place < len(taken) and taken[place].start < finding.end:
            continue
        starts.insert(place, finding.start)
        taken.insert(place, finding)
    return tuple(taken)


def _rank(finding: Finding) -> tuple[int, int, float, int]:
    return -STRICT.get(finding.type, 0), finding.start - finding.end, -finding.score, finding.start

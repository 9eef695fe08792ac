"""Telephone numbers of many countries, by the shape people write them in.

An international number (`+49 30 ...`) needs a country's calling code and a length; a national one needs
a grouping that only telephone numbers have (`(415) 555-0132`, `030 1234567`), or a word beside it
(`phone`, `Tel.`, `WhatsApp`). Whether a number is in use does not matter: a wrong one is personal too.
"""

from __future__ import annotations

import re

from sluiceway.guard.context import ALNUM
from sluiceway.guard.patterns import Match, Rule, Span, compiled
from sluiceway.guard.phone_words import AFTER_WORDS, PROSE_WORDS, STRONG_WORDS, is_telephone, is_to_call

# ITU-T E.164 calling codes; lengths of what follows are 7 to 12 digits but for these.
CODES_1 = frozenset(b"1 7".split())
CODES_2 = frozenset(
    b"20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66"
    b" 81 82 84 86 90 91 92 93 94 95 98".split()
)
CODES_3 = frozenset(b"%d" % code for code in (
    *range(211, 214), 216, 218, *range(220, 270), 290, 291, 297, 298, 299, *range(350, 360),
    *range(370, 390), 420, 421, 423, *range(500, 510), *range(590, 600), *range(670, 693), 800, 808, 850, 852,
    853, 855, 856, 870,
    878, 880, *range(881, 889), *range(960, 969), *range(970, 978), 979, *range(992, 997), 998,
))  # fmt: skip
NATIONAL_DIGITS: dict[bytes, tuple[int, int]] = {
    b"1": (10, 10),
    b"7": (10, 10),
    b"33": (9, 9),
    b"86": (9, 11),
}
GROUP = re.compile(rb"[0-9]+")

# Groupings that are telephone numbers with nothing said: the lengths of the groups with what joins them.
SHAPES = compiled(
    r"^(?:"
    r"(?:1[ .-])?(?:\(3\)[ -]?3[ .-]4|3-3-4|3\.3\.4)"  # North America
    r"|1[ .-]3 3 4|3/3-4"
    r"|\([2-5]\)[ /-]{0,2}[2-5][ -][2-5](?:[ -][2-4]){0,2}"  # an area code in brackets
    r"|\([2-5]\)[ -]?[5-9]"
    r"|1 \(3\) 3-2-2"  # Russia: 8 (495) 123-45-67
    r"|2 [45]-4"  # Brazil
    r"|2/3[ -]4"  # Hungary
    r"|2 3 2 2"  # Poland, Switzerland
    r")$"
)
TRUNK = compiled(  # after a leading 0: area code, then the number
    r"^\(?[2-6]\)?(?: ?[/-] ?|[ .])(?:[3-9]|[2-5][ .-][2-5]|[2-4][ .-][2-4][ .-][2-4]|2[ .-]2[ .-]2[ .-]2)$"
)
# As groupings: dates, decimals, social security numbers, cards, ZIP+4, ISBN. As digits: dates, years.
NEVER = compiled(r"^(?:2[./ -]2[./ -]4|[12][.]\d+$|3-2-4|4[ -]4[ -]4[ -]4|5-4$|1-)")
DATES = compiled(r"^(?:19|20)\d\d(?:[./ -]\d\d?[./ -]\d\d?|-(?:19|20)\d\d)")
DECIMAL = compiled(r"^\+\d+\.\d+$")
MAX_GROUPS = 6
EXTENSION = compiled(r"(?i)^ ?(?:x|ext\.?|extension|#) ?\d{1,5}\b")
BRACKETS = b"+() .-/"


def phone(data: bytes, match: Match) -> Span | None:
    """The telephone number in a row of digit groups: all of it, or what is left without the first groups."""
    start, end = match.span()
    if _glued(data, start, end):
        return None
    head = data[start : start + 3]
    if b"+" in head[:2]:
        return _international(data, start, end)
    dialled = _international(data, start, end) if head.startswith(b"00") and head.isdigit() else None
    return dialled or _national(data, start, end)


def _glued(data: bytes, start: int, end: int) -> bool:
    """A piece of a UUID, a decimal, a word, a path or a longer number."""
    before, earlier = data[start - 1 : start], data[start - 2 : start - 1] if start > 1 else b""
    after, later = data[end : end + 1], data[end + 1 : end + 2]
    if before and (before[0] in ALNUM or before in b"$#%&@\\"):
        return True
    if (before in (b".", b"-", b"/") and earlier.isalnum()) or (before == b":" and earlier.isdigit()):
        return True
    if after and after[0] in ALNUM:
        return EXTENSION.search(data[end : end + 12]) is None
    return (after in (b"-", b"/", b":", b"_") and later.isalnum()) or (after == b"." and later.isdigit())


def _international(data: bytes, start: int, end: int) -> Span | None:
    """`+`, `(+` or `00`, a calling code, and as many digits as a number has; later groups are left out."""
    while True:
        number = data[start:end].translate(None, BRACKETS).removeprefix(b"00")
        low, high = _digits_after_plus(number, grouped=data[start:end].translate(None, b"+0123456789") != b"")
        if low <= len(number) <= high and not DECIMAL.search(data[start:end]):
            return start, _extended(data, end)
        cut = max(data.rfind(joint, start, end) for joint in (b" ", b"-", b"."))
        if len(number) < low or cut <= start:
            return None
        end = start + len(data[start:cut].rstrip(b" .-/("))


def _digits_after_plus(number: bytes, grouped: bool) -> tuple[int, int]:
    """The least and most digits of an international number, its calling code included."""
    for size, codes in ((1, CODES_1), (2, CODES_2), (3, CODES_3)):
        if number[:size] in codes:
            low, high = NATIONAL_DIGITS.get(number[:size], (7, 12))
            least = size + low - (size == 3) - grouped  # small countries, and old numbers, have fewer
            # A trunk 0 in brackets, +44 (0)20, is written though not dialled.
            return least, size + high + (number[size : size + 1] == b"0")
    # No such code is in use, but what else is written in groups after a plus sign?
    return (9, 15) if grouped and number[:1] != b"0" else (1, 0)


def _national(data: bytes, start: int, end: int) -> Span | None:
    groups = [found.span() for found in GROUP.finditer(data, start, end)]
    if len(groups) > MAX_GROUPS:
        return None
    for index, (first, _) in enumerate(groups[:3]):
        if sum(stop - begin for begin, stop in groups[index:]) < 7:
            return None
        first -= first > start and data[first - 1 : first] == b"("
        if _is_national(data, first, end, whole=index == 0):
            return first, _extended(data, end)
    return None


def _is_national(data: bytes, start: int, end: int, whole: bool) -> bool:
    text = data[start:end]
    number = text.translate(None, BRACKETS)
    shape = GROUP.sub(lambda found: b"%d" % len(found.group()), text)
    if not 7 <= len(number) <= 13 or len(set(number)) == 1 or text.count(b"(") != text.count(b")"):
        return False
    if SHAPES.search(shape) and len(number) >= 9 and (number[:1] != b"0" or b"(" in text or b"-" in text):
        return True
    if not whole or NEVER.search(shape) or DATES.search(text):
        return False
    if number[:1] == b"0" and number[1:2] != b"0" and len(number) >= 9 and TRUNK.search(shape):
        return True
    if shape == b"3 3 4" and number[0] > 49 and number[3] > 49:
        return True
    return is_telephone(data, start, end)


def bare_phone(data: bytes, match: Match) -> Span | None:
    """Digits without any grouping, beside a word that says what they are."""
    number = next(span for span in map(match.span, range(1, 5)) if span[0] >= 0)
    start, end = number
    if _glued(data, start, end) or len(set(data[start:end])) == 1:
        return None
    if match.span(2) == number and not is_to_call(data, start):
        return None
    return number


def _extended(data: bytes, end: int) -> int:
    """The end with an extension such as `x123`."""
    found = EXTENSION.search(data[end : end + 16])
    return end + found.span()[1] if found else end


SEVEN_DIGITS = r"\d[ .()/-]{0,3}\d[ .()/-]{0,3}\d[ .()/-]{0,3}\d[ .()/-]{0,3}\d[ .()/-]{0,3}\d[ .()/-]{0,3}\d"
PHONES: tuple[Rule, ...] = (
    Rule(
        "phone",
        "PHONE_NUMBER",
        SEVEN_DIGITS,
        r"\(?\+\d(?:[ .()/-]{0,3}\d){6,16}|(?:\(|\b)\d{1,7}(?:[ .()/-]{1,3}\d{1,9}){1,6}"
        r"|\b00[1-9]\d{7,12}\b",
        ("(415) 555-0132", "+49 30 901820", "call me on 030 9018 2233", "020 7946 0958"),
        phone,
        0.75,
    ),
    Rule(
        "bare-phone",
        "PHONE_NUMBER",
        r"\d{7}",
        rf"(?i)(?:{STRONG_WORDS})(\d{{7,13}})\b|{PROSE_WORDS}(\d{{7,13}})\b|\b(\d{{7,13}}){AFTER_WORDS}"
        r"|\?[: ]{0,2}(1[3-9]\d{9})\b",  # a Chinese mobile number, right after text that is not Latin
        ("phone: 4155550132", "call me at 0612345678", "\u7535\u8bdd13812345678", "4155550132 (mobile)"),
        bare_phone,
        0.6,
    ),
)

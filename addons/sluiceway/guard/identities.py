"""Numbers that states give people: with check digits where they have them, else beside a telling word."""

from __future__ import annotations

from collections.abc import Callable

from sluiceway.guard import checksums
from sluiceway.guard.context import DIGITS, bare, near, whole_number, words
from sluiceway.guard.patterns import Check, Match, Rule, Span, group

SSN_WORDS = words(r"\bssn\b|social.?security|\bss#")


def ssn(data: bytes, match: Match) -> Span | None:
    """A US social security number (its administration gives out no area 000, 666 or 9xx, no zero groups)."""
    span = match.span()
    number = bare(data, span)
    if not whole_number(data, span) or number[:3] in (b"000", b"666") or number[0] == 57:
        return None
    if number[3:5] == b"00" or number[5:] == b"0000":
        return None
    dashed = data[span[0] + 3 : span[0] + 4] == b"-" and data[span[0] + 6 : span[0] + 7] == b"-"
    return span if dashed or near(data, span, SSN_WORDS) else None


def checked(
    adds_up: Callable[[bytes], bool], context: Callable[[bytes], object] | None = None, exact: bool = False
) -> Check:
    """A number whose check digits add up, and beside one of the context's words if it needs one.
    `adds_up` gets it without separators and in capitals, or `exact`ly as it stands."""

    def check(data: bytes, match: Match) -> Span | None:
        span = group(data, match)
        if span is None or not whole_number(data, span):
            return None
        number = data[span[0] : span[1]] if exact else bare(data, span).upper()
        if not adds_up(number):
            return None
        return span if context is None or near(data, span, context) else None

    return check


def beside(context: Callable[[bytes], object]) -> Check:
    """A number without check digits: only beside one of the context's words."""
    return checked(lambda number: any(byte in DIGITS for byte in number), context)


def nino(number: bytes) -> bool:
    """A UK national insurance number's prefix is not one of those never given out (HMRC)."""
    return number[:2] not in (b"BG", b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ")


def itin(number: bytes) -> bool:
    """A US taxpayer number: the middle is in the ranges the IRS gives out."""
    return int(number[3:5]) in (*range(50, 66), *range(70, 89), 90, 91, 92, *range(94, 100))


def _rule(
    name: str, type: str, pattern: str, example: str, check: Check, anchor: str = r"\d{2}", score: float = 1.0
) -> Rule:
    return Rule(name, type, anchor, pattern, (example,), check, score)


PASSPORT = words(r"pass(?:port|eport|aporte|nummer)|reisepass|paspoort|passaporto|travel document")
LICENCE = words(
    r"driv(?:er|ing)[' a-z]{0,4} ?(?:licen[sc]e|permit)|\bdl\b ?(?:#|no|num)|f(?:ue|\xfc)hrerschein"
    r"|licen[sc]e number"
)
BORN = words(
    r"\bdob\b|d\.o\.b|birth|born|\bgeb(?:oren|urt|\.)|\bn(?:\xe9|ato|acido|acimiento)e?\b|naissance"
    r"|nascita|nascimento|geboorte"
)
DATE = (
    r"\b((?:\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})|\d{4}[./-]\d{1,2}[./-]\d{1,2}|(?:\d{1,2}(?:st|nd|rd|th"
    r"|\.)? (?:of )?)?(?:Jan|Feb|M(?:ar|\xe4r|ai|ay)|Apr|Jun|Jul|Aug|Sep|O[ck]t|Nov"
    r"|De[cz])[a-z]{0,7}\.?(?: \d{1,2}(?:st|nd|rd|th)?,?)? (?:19|20)\d\d))\b"
)
TAX = words(r"steuer|tax|\btin\b|id-?nr|idnr|identifikationsnummer")

IDENTITIES: tuple[Rule, ...] = (
    _rule(
        "us-ssn", "US_SSN", r"\b\d{3}[ -]?\d{2}[ -]?\d{4}\b", "219-45-6780", ssn, r"\d{3}[ -]?\d{2}[ -]?\d{4}"
    ),
    _rule(
        "us-itin", "US_ITIN", r"\b9\d{2}-\d{2}-\d{4}\b", "912-78-1234", checked(itin), r"9\d{2}-\d{2}-\d{4}"
    ),
    _rule(
        "de-tax-id",
        "DE_TAX_ID",
        r"\b\d{2} ?\d{3} ?\d{3} ?\d{3}\b",
        "Steuer-ID 86 095 742 719",
        checked(checksums.steuer_id, TAX),
        r"\d{2} ?\d{3} ?\d{3} ?\d{3}",
    ),
    _rule(
        "de-social-security",
        "DE_SOCIAL_SECURITY",
        r"\b\d{2} ?\d{6} ?[A-Z] ?\d{3}\b",
        "65 180539 W 001",
        checked(checksums.sv_number),
        r"\d{6} ?[A-Z] ?\d{3}",
    ),
    _rule(
        "uk-nino",
        "UK_NINO",
        r"\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b",
        "AB 12 34 56 C",
        checked(nino),
        r"[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]",
    ),
    _rule(
        "uk-nhs",
        "UK_NHS",
        r"\b\d{3}[ -]?\d{3}[ -]?\d{4}\b",
        "NHS number 943 476 5919",
        checked(checksums.nhs, words(r"\bnhs\b")),
        "(?i)nhs",
    ),
    _rule(
        "es-nif", "ES_NIF", r"\b\d{8}-?[A-HJ-NP-TV-Z]\b", "12345678Z", checked(checksums.nif), r"\d{8}-?[A-Z]"
    ),
    _rule(
        "es-nie",
        "ES_NIE",
        r"\b[XYZ]-?\d{7}-?[A-HJ-NP-TV-Z]\b",
        "X1234567L",
        checked(checksums.nif),
        r"[XYZ]-?\d{7}",
    ),
    _rule(
        "fr-nir",
        "FR_NIR",
        r"\b[12] ?\d{2} ?\d{2} ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}\b",
        "2 55 08 14 168 025 38",
        checked(checksums.nir),
        r"\d{3} ?\d{3} ?\d{2}",
    ),
    _rule(
        "it-fiscal-code",
        "IT_FISCAL_CODE",
        r"(?i)\b[A-Z]{6}\d{2}[A-EHLMPR-T]\d{2}[A-Z]\d{3}[A-Z]\b",
        "RSSMRA85T10A562S",
        checked(checksums.fiscal_code),
        r"(?i)[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]",
    ),
    _rule(
        "pl-pesel",
        "PL_PESEL",
        r"\b\d{11}\b",
        "PESEL 44051401359",
        checked(checksums.pesel, words("pesel")),
        "(?i)pesel",
    ),
    _rule(
        "nl-bsn",
        "NL_BSN",
        r"\b\d{9}\b",
        "BSN 111222333",
        checked(checksums.bsn, words(r"\bbsn\b|burgerservice|sofinummer")),
        "(?i)bsn|burgerservice|sofinummer",
    ),
    _rule(
        "ch-ahv",
        "CH_AHV",
        r"\b756\.?\d{4}\.?\d{4}\.?\d{2}\b",
        "756.9217.0769.85",
        checked(checksums.ean13),
        r"756\.?\d{4}",
    ),
    _rule(
        "br-cpf",
        "BR_CPF",
        r"\b\d{3}\.\d{3}\.\d{3}-\d{2}\b",
        "529.982.247-25",
        checked(checksums.cpf),
        r"\d{3}-\d{2}",
    ),
    _rule(
        "in-aadhaar",
        "IN_AADHAAR",
        r"\b[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}\b",
        "Aadhaar 2341 2341 2346",
        checked(checksums.verhoeff, words("aadhaar|aadhar|uidai")),
        "(?i)aadha",
    ),
    _rule(
        "in-pan",
        "IN_PAN",
        r"\b[A-Z]{3}[ABCFGHLJPT][A-Z]\d{4}[A-Z]\b",
        "PAN: ABCPE1234F",
        beside(words(r"\bpan\b|permanent account|income tax")),
        "(?i)pan|income tax|permanent",
        0.8,
    ),
    _rule(
        "passport",
        "PASSPORT",
        r"\b([A-Z]{0,2}\d{6,9}|[A-Z]\d[A-Z0-9]{7}|[CFGHJK][A-Z0-9]{8})\b",
        "passport number C01X00T47",
        beside(PASSPORT),
        "(?i)pass|reise|paspo|travel doc",
        0.6,
    ),
    _rule(
        "driving-licence",
        "US_DRIVER_LICENSE",
        r"\b([A-Z]{0,3}\d{5,14}[A-Z0-9]{0,5}|[A-Z]\d{3}-\d{4}-\d{4})\b",
        "driver's license D1234567",
        beside(LICENCE),
        "(?i)licen|permit|rerschein|dl",
        0.6,
    ),
    _rule(
        "date-of-birth",
        "DATE_TIME",
        DATE,
        "born on 12 March 1984",
        beside(BORN),
        r"(?i)dob|d\.o\.b|birth|born|geb|nat|nac|nasc|n\xe9|nai",
        0.7,
    ),
)

"""Payment cards, bank accounts, wallets: numbers with check digits that money is behind."""

from __future__ import annotations

from sluiceway.guard import checksums
from sluiceway.guard.context import ALNUM, apart, bare, whole_number, words
from sluiceway.guard.identities import beside, checked
from sluiceway.guard.patterns import Match, Rule, Span

CARD_LENGTHS: tuple[tuple[int, int, tuple[int, ...]], ...] = (
    # First and last issuer prefix, as six digits, and the lengths in use (ISO/IEC 7812, card schemes).
    (400000, 499999, (13, 16, 19)),  # Visa
    (510000, 559999, (16,)), (222100, 272099, (16,)),  # Mastercard
    (340000, 349999, (15,)), (370000, 379999, (15,)),  # American Express
    (601100, 601199, (16, 19)), (644000, 659999, (16, 19)),  # Discover
    (350000, 359999, (16, 17, 18, 19)),  # JCB
    (213100, 213199, (15,)), (180000, 180099, (15,)),  # JCB, old
    (300000, 305999, (14, 16)), (309500, 309599, (14, 16)), (360000, 369999, (14, 16, 19)),
    (380000, 399999, (14, 16)),  # Diners Club
    (620000, 629999, (16, 17, 18, 19)), (810000, 817199, (16,)),  # UnionPay
    (501800, 501899, (12, 13, 14, 15, 16, 19)), (502000, 502099, (12, 13, 14, 15, 16, 19)),  # Maestro
    (503800, 503899, (12, 13, 14, 15, 16, 19)), (589300, 589399, (12, 13, 14, 15, 16, 19)),
    (630400, 630499, (12, 13, 14, 15, 16, 19)), (675900, 676399, (12, 13, 14, 15, 16, 19)),
    (500000, 509999, (16, 19)), (560000, 589999, (12, 16, 19)), (639000, 639099, (12, 16, 19)),
    (670000, 679999, (16, 19)),
    (220000, 220499, (16,)),  # Mir
    (606282, 606282, (16,)), (636297, 636368, (16,)),  # Elo, Hipercard
    (869900, 869999, (15,)),  # Voyager
)  # fmt: skip
# A country's code and the length of its accounts (SWIFT, IBAN Registry).
IBAN_LENGTHS = {
    entry[:2]: int(entry[2:])
    for entry in (
        b"AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18"
        b" DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23"
        b" IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31"
        b" MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24"
        b" SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
    ).split()
}


def card(data: bytes, match: Match) -> Span | None:
    """A payment card: an issuer's prefix, its length, Luhn."""
    span = match.span()
    number = bare(data, span)
    if not whole_number(data, span) or len(set(number)) == 1:
        return None
    prefix = int(number[:6])
    known = any(low <= prefix <= high and len(number) in lengths for low, high, lengths in CARD_LENGTHS)
    return span if known and checksums.luhn(number) else None


def iban(data: bytes, match: Match) -> Span | None:
    """A bank account: as many characters as its country has, in groups or not, then MOD 97."""
    start = match.span()[0]
    length = IBAN_LENGTHS.get(data[start : start + 2].upper())
    if length is None:
        return None
    number = data[start : start + 2 * length].translate(None, b" -")[:length]
    if len(number) < length or not number.isalnum() or not checksums.mod97(number.upper()):
        return None
    end, left = start, length
    while left:
        left -= data[end] in ALNUM
        end += 1
    return (start, end) if apart(data, (start, end)) else None


ACCOUNTS: tuple[Rule, ...] = (
    Rule(
        "payment-card",
        "CREDIT_CARD",
        r"\d{4}[ -]?\d{2}",
        r"\d(?:[ -]?\d){11,18}",
        ("4111 1111 1111 1111", "378282246310005"),
        card,
    ),
    Rule(
        "iban",
        "IBAN_CODE",
        r"(?i)[A-Z]{2}\d{2}[ -]?[A-Z0-9]{2}",
        r"(?i)\b[A-Z]{2}\d{2}[ -]?[A-Z0-9]{2}",
        ("DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819"),
        iban,
    ),
    Rule(
        "bitcoin-address",
        "CRYPTO",
        r"\b[13][1-9A-HJ-NP-Za-km-z]{25}",
        r"\b([13][1-9A-HJ-NP-Za-km-z]{25,34})\b",
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",),
        checked(checksums.base58check, exact=True),
    ),
    Rule(
        "us-bank-account",
        "US_BANK_NUMBER",
        r"(?i)account|acct|routing",
        r"\b(\d{8,17})\b",
        ("my bank account number is 000123456789",),
        beside(
            words(
                r"(?:bank|checking|savings|deposit).{0,12}(?:account|acct)|account (?:number|no)|routing"
                r" number|\baba\b"
            )
        ),
        0.5,
    ),
)

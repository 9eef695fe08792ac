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
    (500000, 509999, (16, 19)), (560000, 589999, (12, 16, 19)), (639000, 639099, (12, 16, 19)), (670000, 679999, (16, 19)),
    (220000, 220499, (16,)),  # Mir
    (606282, 606282, (16,)), (636297, 636368, (16,)),  # Elo, Hipercard
    (869900, 869999, (15,)),  # Voyager
)  # fmt: skip
IBAN_LENGTHS = dict(
    zip(
        (
            "AD AE AL AT AZ BA BE BG BH BI BR BY CH CR CY CZ DE DJ DK DO EE EG ES FI FK FO FR GB GE GI GL GR GT HR"
            " HU IE IL IQ IS IT JO KW KZ LB LC LI LT LU LV LY MC MD ME MK MN MR MT MU NI NL NO OM PK PL PS PT QA RO"
            " RS RU SA SC SD SE SI SK SM SO ST SV TL TN TR UA VA VG XK YE"
        ).encode().split(),
        (
            24, 23, 28, 20, 28, 20, 16, 22, 22, 27, 29, 28, 21, 22, 28, 24, 22, 27, 18, 28, 20, 29, 24, 18, 18, 18,
            27, 22, 22, 23, 18, 27, 28, 21, 28, 22, 23, 23, 26, 27, 30, 30, 20, 28, 32, 21, 20, 20, 21, 25, 27, 24,
            22, 19, 20, 27, 31, 30, 28, 18, 15, 23, 24, 28, 29, 25, 29, 24, 22, 33, 24, 31, 18, 24, 19, 24, 27, 23,
            25, 28, 23, 24, 26, 29, 22, 24, 20, 30,
        ),
        strict=True,
    )
)  # fmt: skip


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
    """A bank account: its country's length, then MOD 97. The pattern may run on into the next word."""
    start, limit = match.span()
    length = IBAN_LENGTHS.get(data[start : start + 2].upper())
    if length is None:
        return None
    end, taken = start, bytearray()
    while end < limit and len(taken) < length:
        if data[end] in ALNUM:
            taken.append(data[end])
        end += 1
    if len(taken) < length or not apart(data, (start, end)):
        return None
    return (start, end) if checksums.mod97(bytes(taken).upper()) else None


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
        r"(?i)\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}",
        ("DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819"),
        iban,
        overlapping=True,
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
                r"(?:bank|checking|savings|deposit).{0,12}(?:account|acct)|account (?:number|no)|routing number|\baba\b"
            )
        ),
        0.5,
    ),
)

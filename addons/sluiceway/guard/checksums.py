"""Check digits: the arithmetic that tells an account number from any other row of digits.

Each function takes the bare characters, without separators, as bytes, and says whether they add up.
"""

from __future__ import annotations

import hashlib

BASE36 = {ord(character): str(int(character, 36)) for character in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
BASE58 = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
FISCAL_ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
VERHOEFF_D = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
VERHOEFF_P = (
    "0123456789", "1576283094", "5803796142", "8916043527",
    "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip


def digits(number: bytes) -> list[int]:
    """The values of ASCII digits."""
    return [byte - 48 for byte in number]


def luhn(number: bytes) -> bool:
    """ISO/IEC 7812: payment cards."""
    values = digits(number)
    doubled = (2 * value - 9 if value > 4 else 2 * value for value in values[-2::-2])
    return (sum(values[-1::-2]) + sum(doubled)) % 10 == 0


def mod97(number: bytes) -> bool:
    """ISO 7064 MOD 97-10 over letters as 10-35, the first four characters moved last: IBAN."""
    moved = number[4:] + number[:4]
    return int("".join(map(BASE36.__getitem__, moved))) % 97 == 1


def steuer_id(number: bytes) -> bool:
    """The German tax ID: 11 digits, ISO 7064 MOD 11,10; of the first ten, one stands two or three times."""
    values = digits(number)
    repeats = sorted(values[:10].count(value) for value in set(values[:10]))
    if values[0] == 0 or repeats[-1] not in (2, 3) or repeats[-2:] == [2, 2]:
        return False
    product = 10
    for value in values[:10]:
        product = 2 * ((value + product) % 10 or 10) % 11
    return (11 - product) % 10 == values[10]


def sv_number(number: bytes) -> bool:
    """The German pension insurance number: area, birthday, letter, serial, check digit."""
    letter = f"{number[8] - 64:02d}".encode()
    day, month = int(number[2:4]), int(number[4:6])
    if not (1 <= day <= 31 or 51 <= day <= 81) or not 1 <= month <= 12:
        return False
    weights = (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)
    body = digits(number[:8] + letter + number[9:11])
    products = (weight * value for weight, value in zip(weights, body, strict=True))
    return sum(product // 10 + product % 10 for product in products) % 10 == number[11] - 48


def weighted(number: bytes, weights: tuple[int, ...], modulus: int) -> int:
    """The weighted sum of the leading digits, modulo."""
    return sum(weight * value for weight, value in zip(weights, digits(number), strict=False)) % modulus


def nhs(number: bytes) -> bool:
    """The NHS number: 10 digits, modulus 11."""
    return (11 - weighted(number, (10, 9, 8, 7, 6, 5, 4, 3, 2), 11)) % 11 == number[9] - 48


def pesel(number: bytes) -> bool:
    """The Polish PESEL: 11 digits; months carry the century in steps of 20."""
    if not 1 <= int(number[2:4]) % 20 <= 12 or not 1 <= int(number[4:6]) <= 31:
        return False
    return weighted(number, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1), 10) == 0


def bsn(number: bytes) -> bool:
    """The Dutch BSN: nine digits, the eleven test."""
    return weighted(number, (9, 8, 7, 6, 5, 4, 3, 2, -1), 11) == 0


def cpf(number: bytes) -> bool:
    """The Brazilian CPF: two check digits; eleven equal digits also add up and are nobody's."""
    if len(set(number)) == 1:
        return False
    first = 10 * weighted(number, (10, 9, 8, 7, 6, 5, 4, 3, 2), 11) % 11 % 10
    second = 10 * weighted(number, (11, 10, 9, 8, 7, 6, 5, 4, 3, 2), 11) % 11 % 10
    return [first, second] == digits(number[9:11])


def ean13(number: bytes) -> bool:
    """The Swiss AHV number is an EAN-13 that starts with 756."""
    return weighted(number, (1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1), 10) == 0


def nif(number: bytes) -> bool:
    """The Spanish DNI and NIE: a letter by the number modulo 23; X, Y, Z stand for 0, 1, 2."""
    leading = number.translate(bytes.maketrans(b"XYZ", b"012"))
    return b"TRWAGMYFPDXBNJZSQVHLCKE"[int(leading[:8]) % 23] == number[8]


def nir(number: bytes) -> bool:
    """The French social security number: 13 digits and 97 minus their remainder; 2A and 2B are Corsica."""
    body = number[:13].replace(b"2A", b"19").replace(b"2B", b"18")
    return body.isdigit() and 97 - int(body) % 97 == int(number[13:15])


def fiscal_code(code: bytes) -> bool:
    """The Italian codice fiscale: 16 characters, the last a letter computed from the others."""
    total = 0
    for index, byte in enumerate(code[:15]):
        value = byte - 48 if byte < 65 else byte - 65
        total += value if index % 2 else FISCAL_ODD[value]
    return total % 26 == code[15] - 65


def verhoeff(number: bytes) -> bool:
    """Indian Aadhaar numbers."""
    check = 0
    for index, value in enumerate(reversed(digits(number))):
        check = int(VERHOEFF_D[check][int(VERHOEFF_P[index % 8][value])])
    return check == 0


def base58check(address: bytes) -> bool:
    """Bitcoin addresses: 25 bytes of base 58, the last four a double SHA-256 of the rest."""
    value = 0
    for byte in address:
        value = value * 58 + BASE58.index(byte)
    if value.bit_length() > 200:
        return False
    raw = value.to_bytes(25, "big")
    return hashlib.sha256(hashlib.sha256(raw[:21]).digest()).digest()[:4] == raw[21:]

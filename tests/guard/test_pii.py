"""Personal data with a form of its own: matches, then near-misses."""

from __future__ import annotations

import pytest

from sluiceway.guard import checksums
from sluiceway.guard.scan import scan


def found(text: str, profile: str = "inline") -> list[tuple[str, str]]:
    return [(f.type, text[f.start : f.end]) for f in scan(text, profile)]


FOUND = {
    "e-mail before a full stop": ("mail alice@example.com.", "EMAIL_ADDRESS", "alice@example.com"),
    "e-mail in brackets": ("<bob.o'neil@mail.example>", "EMAIL_ADDRESS", "bob.o'neil@mail.example"),
    "e-mail next to Chinese": ("邮箱alice@example.com吧", "EMAIL_ADDRESS", "alice@example.com"),
    "card in groups": ("pay 4111 1111 1111 1111 now", "CREDIT_CARD", "4111 1111 1111 1111"),
    "full-width digits": ("３７８２８２２４６３１０００５", "CREDIT_CARD", "３７８２８２２４６３１０００５"),
    "American Express": ("3782-822463-10005", "CREDIT_CARD", "3782-822463-10005"),
    "IBAN before its BIC": ("NL91 ABNA 0417 1643 00 ABNANL2A", "IBAN_CODE", "NL91 ABNA 0417 1643 00"),
    "IBAN in small letters": ("de89370400440532013000", "IBAN_CODE", "de89370400440532013000"),
    "SSN": ("ssn 219-45-6780", "US_SSN", "219-45-6780"),
    "SSN without hyphens, with a word": ("social security 219456780", "US_SSN", "219456780"),
    "IPv4 with a port": ("from 203.0.113.9:8080", "IP_ADDRESS", "203.0.113.9"),
    "small parts and a word": ("dns 8.8.8.8", "IP_ADDRESS", "8.8.8.8"),
    "IPv6 in brackets": ("http://[2001:db8::8a2e:370:7334]/", "IP_ADDRESS", "2001:db8::8a2e:370:7334"),
    "NANP": ("(415) 555-0132", "PHONE_NUMBER", "(415) 555-0132"),
    "international": ("+49 (0)30 23125 012", "PHONE_NUMBER", "+49 (0)30 23125 012"),
    "with an extension": ("415-555-0132 x204", "PHONE_NUMBER", "415-555-0132 x204"),
    "French pairs": ("06 39 98 12 34", "PHONE_NUMBER", "06 39 98 12 34"),
    "bare, with a word": ("my phone: 4155550132", "PHONE_NUMBER", "4155550132"),
    "bare, in prose": ("call me back on 0612345678", "PHONE_NUMBER", "0612345678"),
    "no-break spaces": ("+33\u00a0639\u00a098\u00a012 34", "PHONE_NUMBER", "+33\u00a0639\u00a098\u00a012 34"),
    "Steuer-ID with a word": ("Steuer-ID 86 095 742 719", "DE_TAX_ID", "86 095 742 719"),
    "NINO": ("NI AB 12 34 56 C", "UK_NINO", "AB 12 34 56 C"),
    "date of birth": ("born on 12 March 1984", "DATE_TIME", "12 March 1984"),
    "passport with a word": ("passport number C01X00T47", "PASSPORT", "C01X00T47"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "type", "value"), FOUND.values(), ids=FOUND.keys())
def test_personal_data_is_found_with_its_exact_span(text, type, value):
    assert found(text) == [(type, value)]


NOTHING = {
    "a git remote": "git@github.com:acme/tool.git",
    "a retina image": "icon@2x.png",
    "an npm version": '"lodash@4.17.21"',
    "a decorator": "@app.route('/x')",
    "a matrix product": "a@b.T",
    "a systemd unit": "getty@tty1.service",
    "a URL's user": "https://deploy@git.example.com/x",
    "a card with a wrong check digit": "4111111111111112",
    "sixteen digits of no issuer": "1234567890123452",
    "a decimal": "x = 0.4111111111111111",
    "an IBAN with a wrong check": "DE89 3704 0044 0532 0130 01",
    "an SSN of area 000": "000-12-3456",
    "an SSN of area 666": "666-45-6789",
    "nine digits": "id 219456780",
    "a version of four parts": "version 5.14.35.101",
    "small parts and no word": "part 1.2.3.4 of it",
    "a version after a slash": "Chrome/120.0.60.109",
    "an OID": "1.3.6.1.4.1.311",
    "loopback": "127.0.0.1:8080",
    "a private address": "192.168.1.17",
    "a netmask": "255.255.255.0",
    "a network": "203.0.113.0/24",
    "slices": "a[::2], b[1::3]",
    "C++": "std::vector<int>; dead::beef()",
    "a time": "12:34:56.789",
    "a date": "2024-01-02 10:30:45",
    "years": "(c) 1999-2001, 2005-2026",
    "a timestamp": "1732181234567",
    "an order number": "order number 2024-000123-77",
    "an ISBN": "978-3-16-148410-0",
    "a UUID": "12345678-1234-1234-1234-123456789012",
    "a serial number before it": "AB-415-555-0132",
    "a serial number after it": "415-555-0132-AB",
    "numbers in a row": "123, 4567890123, 98765432101",
    "a column of pairs": "05 10 20 30 40 50 60 70",
    "eleven digits that add up, without a word": "86095742719",
    "a date without birth": "on 12/03/1984 we met",
    "a hash": "sha256:9b74c9897bac770ffc029102a200c5de8a5f1e2b3c4d5e6f708192a3b4c5d6e7",
}


@pytest.mark.parametrize("text", NOTHING.values(), ids=NOTHING.keys())
def test_what_only_looks_like_personal_data_is_left_alone(text):
    assert found(text) == []


def test_private_addresses_are_for_the_audit_profile():
    assert found("host 192.168.1.17 is down", "audit") == [("IP_ADDRESS", "192.168.1.17")]


def test_two_ibans_in_a_row_are_two_findings():
    text = "DE89 3704 0044 0532 0130 00 GB29 NWBK 6016 1331 9268 19"
    assert [type for type, _ in found(text)] == ["IBAN_CODE", "IBAN_CODE"]


GENESIS = b"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"  # the address of the first Bitcoin block
GOOD_AND_BAD = {
    "luhn": (checksums.luhn, b"378282246310005", b"378282246310006"),
    "mod97": (checksums.mod97, b"GB29NWBK60161331926819", b"GB29NWBK60161331926818"),
    "steuer_id": (checksums.steuer_id, b"47036892816", b"47036892817"),
    "steuer_id with two repeats": (checksums.steuer_id, b"86095742719", b"11223456789"),
    "sv_number": (checksums.sv_number, b"65180539W001", b"65180539W002"),
    "nhs": (checksums.nhs, b"9434765919", b"9434765918"),
    "pesel": (checksums.pesel, b"44051401359", b"44051401358"),
    "bsn": (checksums.bsn, b"111222333", b"111222334"),
    "cpf": (checksums.cpf, b"52998224725", b"11111111111"),
    "ean13": (checksums.ean13, b"7569217076985", b"7569217076984"),
    "nif": (checksums.nif, b"X1234567L", b"X1234567M"),
    "nir": (checksums.nir, b"255081416802538", b"255081416802539"),
    "fiscal_code": (checksums.fiscal_code, b"RSSMRA85T10A562S", b"RSSMRA85T10A562T"),
    "verhoeff": (checksums.verhoeff, b"234123412346", b"234123412364"),
    "base58check": (checksums.base58check, GENESIS, GENESIS.replace(b"1A1", b"1A2")),
}  # fmt: skip


@pytest.mark.parametrize(("adds_up", "good", "bad"), GOOD_AND_BAD.values(), ids=GOOD_AND_BAD.keys())
def test_check_digits_tell_right_from_wrong(adds_up, good, bad):
    assert adds_up(good)
    assert not adds_up(bad)


NAMES = {
    "a known name": ("I met Alice Moreau there", "Alice Moreau"),
    "a name that is introduced": ("Hi, my name is Xolani Dube.", "Xolani Dube"),
    "a salutation in the same row": ("Dear Jolijn van Veen,", "Jolijn van Veen"),
    "after a title": ("ask Dr. Whitfield", "Whitfield"),
    "a possessive": ("Sophie's laptop", "Sophie"),
    "Irish": ("from Liam O'Connor", "Liam O'Connor"),
    "before what people do": ("Rupert Ashworth called", "Rupert Ashworth"),
}


@pytest.mark.parametrize(("text", "name"), NAMES.values(), ids=NAMES.keys())
def test_names_are_found_in_the_audit_profile_only(text, name):
    assert ("PERSON", name) in found(text, "audit")
    assert found(text) == []


@pytest.mark.parametrize(
    "text", ["name = None", "class SmallTalk(Base): ...", "Visual Studio Code for Python", "Dear Customer,",
             "See Table Three and Figure Two", "The Open Source Initiative", "I am German"],
)  # fmt: skip
def test_capitalised_words_are_not_all_names(text):
    assert [type for type, _ in found(text, "audit") if type == "PERSON"] == []

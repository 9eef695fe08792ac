"""What an operator gives as a key: a word or a service account's key file, whole from a terminal, too."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from tests.audit.test_service_account import FILE, PEM

from sluiceway.app.keys import readied
from sluiceway.app.minting import in_words, of_all
from sluiceway.audit.keyring import ACCOUNT_FORM, SEALED_FORM
from sluiceway.cli.unseen import whole
from sluiceway.errors import SluicewayError
from sluiceway.settings.providers import Providers
from sluiceway.content import folder
from sluiceway.types import KeyClass

COMPANY = KeyClass.COMPANY
TEXT = json.dumps(FILE, indent=2)


@pytest.fixture(scope="module")
def listed() -> Providers:
    return Providers.load(folder("rules") / "providers.yaml")


def test_vertex_alone_takes_accounts(listed: Providers) -> None:
    taking = [name for name, each in listed.by_name.items() if each.takes_service_accounts]
    assert taking == ["vertex"]


def test_a_key_file_is_sealed_as_an_account_and_a_word_as_a_key(listed: Providers) -> None:
    by_name = listed.by_name
    assert readied(TEXT, by_name, by_name["vertex"], COMPANY)[1] == ACCOUNT_FORM
    assert readied("ya29.a-token\n", by_name, by_name["vertex"], COMPANY) == ("ya29.a-token", SEALED_FORM)


@pytest.mark.parametrize(
    ("text", "provider", "key_class", "says"),
    [
        (TEXT, "openai", COMPANY, "openai takes no service account, but a key in one word; this is one for vertex"),
        (TEXT, "google", COMPANY, "google takes no service account"),
        (TEXT, "vertex", KeyClass.PERSONAL, "a service account is only ever the company's"),
        (PEM, "vertex", COMPANY, "or give a service account's whole JSON key file"),
        (PEM[:40], "anthropic", COMPANY, "a key is one word of printable ASCII"),
        (TEXT[:300], "vertex", COMPANY, "is not JSON"),
    ],
    ids=["openai", "gemini", "personal", "its PEM alone", "PEM elsewhere", "half of it"],
)  # fmt: skip
def test_what_will_not_do_is_refused_without_being_quoted(
    listed: Providers, text: str, provider: str, key_class: KeyClass, says: str
) -> None:
    with pytest.raises(SluicewayError) as refused:
        readied(text, listed.by_name, listed.by_name[provider], key_class)
    assert says in str(refused.value)
    assert PEM[40:60] not in str(refused.value)


def lines(text: str) -> Callable[[], str]:
    left = iter(text.splitlines(keepends=True))
    return lambda: next(left, "")


@pytest.mark.parametrize(
    ("typed", "taken"),
    [
        ("sk-ant-api03-key\nrm -rf\n", "sk-ant-api03-key\n"),
        (TEXT + "\nrm -rf\n", TEXT + "\n"),
        (json.dumps(FILE) + "\nrm -rf\n", json.dumps(FILE) + "\n"),
        ('{\n  "broken": \n}\nrm -rf\n', '{\n  "broken": \n}\n'),
        ("{\n", "{\n"),
        ("", ""),
    ],
    ids=["a word", "a file", "a file in a line", "a broken file", "the input ends", "nothing"],
)
def test_a_terminal_is_read_to_the_end_of_the_key_and_no_further(typed: str, taken: str) -> None:
    assert whole(lines(typed), 16_384) == taken


def test_a_file_without_an_end_is_not_read_for_ever() -> None:
    assert len(whole(lambda: '{"x": 1,\n', 1000)) < 1010


GOOD = {"key": "a", "provider": "vertex", "renewed_at": "2026-11-29T03:19:03+00:00",
        "good_until": "2026-11-29T04:19:03+00:00", "problem": None}  # fmt: skip
NONE = GOOD | {"renewed_at": None, "good_until": None}
FAILS = GOOD | {"problem": "invalid_grant"}
LATER = GOOD | {"renewed_at": "2026-11-29T03:50:00+00:00"}


def test_of_several_workers_the_worst_is_told() -> None:
    told = of_all([{"access_tokens": [each, GOOD | {"key": "b"}]} for each in (LATER, NONE, FAILS, GOOD)])
    assert {each["key"]: each for each in told} == {"a": FAILS, "b": GOOD | {"key": "b"}}
    assert of_all([{"access_tokens": [each]} for each in (NONE, LATER, GOOD)]) == [GOOD]
    assert of_all([{}]) == []


@pytest.mark.parametrize(
    ("line", "until", "says"),
    [
        (GOOD, "04:19", "a: renewed 03:19, good until 04:19"),
        (NONE, None, "a: none yet, minted when it is needed"),
        (FAILS, "04:19", "a: NOT RENEWED (invalid_grant: Google does not take the key"),
        (NONE | {"problem": "500"}, None, "oauth2.googleapis.com gave none; it is asked again); none now"),
    ],
)
def test_a_token_is_told_in_words(line: dict[str, str | None], until: str | None, says: str) -> None:
    assert says in in_words(line, "03:19", until)

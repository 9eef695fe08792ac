"""Files that people write: what is read, and what each mistake says, with its line and column."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, Field
from tests.properties import examples

from sluiceway.errors import ConfigError
from sluiceway.settings.section import Name, Section
from sluiceway.settings.yaml_file import MAX_BYTES, load_document, load_model
from sluiceway.settings.yaml_nodes import Problem

type Window = Literal["day", "month"]


class Team(Section):
    team: str


class Person(Section):
    employee: str
    since: date | None = None


def even(number: int) -> int:
    if number % 2:
        raise ValueError("write an even number")
    return number


class Rule(Section):
    name: Name
    scope: Literal["company"] | Team | Person = "company"
    usd: Decimal = Field(default=Decimal(1), gt=0)
    window: Window = "day"
    marks: tuple[int, ...] = ()
    pair: Annotated[int, AfterValidator(even)] = 2
    on: bool = False


class File(Section):
    version: Literal[1]
    rules: tuple[Rule, ...] = ()
    rates: dict[Name, float] = Field(default_factory=dict)
    kept: int | None = Field(default=None, alias="keep")


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    def from_text(text: str | bytes) -> File:
        path = tmp_path / "rules.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_model(path, File)

    return from_text


def complaint(load, text: str | bytes) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert caught.value.__cause__ is None
    return str(caught.value).replace("rules.yaml:", "", 1).replace("\nrules.yaml:", "\n").splitlines()


NOT_ONE_DOCUMENT = {
    "empty": ("", "1:1: the file is empty"),
    "only a comment": ("# later\n", "1:1: the file is empty"),
    "null": ("~\n", "1:1: the file is empty"),
    "a list": ("[1, 2]", "1:1: the file must be {version: ...}"),
    "a word": ("version", "1:1: the file must be {version: ...}"),
    "indented with a tab": (
        "version: 1\nrules:\n\t- {name: a}",
        "3:1: the file is indented with a tab; YAML wants spaces",
    ),
    "an open bracket": (
        "version: 1\nrules: [",
        "2:9: the file is not valid YAML: expected the node content, but found '<stream end>'",
    ),
    "two documents": (
        "version: 1\n---\nversion: 1\n",
        "2:1: the file is not valid YAML: but found another document",
    ),
    "an unknown alias": ("version: *one", "1:10: the file is not valid YAML: found undefined alias 'one'"),
    "an alias inside itself": (
        "version: 1\nrules: &r [*r]",
        "2:8: the file holds an alias that contains itself",
    ),
    "an escape beyond Unicode": (
        'version: "\\U99999999"',
        "1:1: the file is not valid YAML: an escape or a directive that no reader accepts",
    ),
    "a control character": ("version: 1\nrules: \x01", "2:8: the file holds a control character; delete it"),
    "too deep for the parser": ("[" * 5000, "1:1: the file is nested deeper than 40 levels"),
    "too deep for us": ("[" * 45 + "]" * 45, "1:42: the file is nested deeper than 40 levels"),
    "Latin-1": (
        "version: 1\n# Stra\u00dfe".encode("latin-1"),
        "2:7: the file is not UTF-8; save it as UTF-8",
    ),
    "UTF-16": ("version: 1".encode("utf-16"), "1:1: the file is not UTF-8; save it as UTF-8"),
}


@pytest.mark.parametrize(("text", "expected"), NOT_ONE_DOCUMENT.values(), ids=NOT_ONE_DOCUMENT.keys())
def test_a_text_that_is_not_one_document_is_refused_with_its_place(load, text, expected):
    assert complaint(load, text) == [expected]


ONE_MISTAKE = {
    "field misspelt": ("versoin: 1", "1:1: versoin: unknown field (did you mean 'version'?)"),
    "field misspelt deep inside": (
        "version: 1\nrules:\n  - {name: a, usd: 1}\n  - name: b\n    windwo: day\n",
        "5:5: rules.1.windwo: unknown field (did you mean 'window'?)",
    ),
    "required field misspelt": (
        "version: 1\nrules: [{nmae: a}]",
        "2:10: rules.0.nmae: unknown field (did you mean 'name'?)",
    ),
    "field unlike any": (
        "version: 1\nxyzzy: 1",
        "2:1: xyzzy: unknown field; known here: version, rules, rates, keep",
    ),
    "field by its name in our code": (
        "version: 1\nkept: 1",
        "2:1: kept: unknown field (did you mean 'keep'?)",
    ),
    "field with an odd name": (
        'version: 1\n"a\\nb: c": 1',
        '2:1: "a\\nb: c": unknown field; known here: version, rules, rates, keep',
    ),
    "field missing": ("version: 1\nrules: [{usd: 1}]", "2:9: rules.0.name: missing field; add 'name: ...'"),
    "version missing": ("rules: []", "1:1: version: missing field; add 'version: ...'"),
    "version of the future": ("version: 2", "1:10: version: must be 1"),
    "field twice": (
        "version: 1\nrules: []\nversion: 1",
        "3:1: version: is given twice (first in line 1); keep one",
    ),
    "no value": (
        "version: 1\nrules:\nrates: {}",
        "2:1: rules: has no value; it must be a list (lines that start with '- ', or [a, b])",
    ),
    "a mapping for a list": (
        "version: 1\nrules: {name: a}",
        "2:8: rules: must be a list (lines that start with '- ', or [a, b])",
    ),
    "a number for a mapping": ("version: 1\nrules: [5]", "2:9: rules.0: must be {name: ...}"),
    "a number for text": (
        "version: 1\nrules: [{name: 5}]",
        "2:16: rules.0.name: must be text (put it in quotes)",
    ),
    "text for a number": ("version: 1\nrules: [{name: a, usd: $5}]", "2:24: rules.0.usd: must be a number"),
    "zero": ("version: 1\nrules: [{name: a, usd: 0}]", "2:24: rules.0.usd: must be more than 0"),
    "infinite": (
        "version: 1\nrules: [{name: a, usd: .inf}]",
        "2:24: rules.0.usd: not a finite decimal number; put text in quotes",
    ),
    "a gigabyte of digits": (
        "version: 1\nrules: [{name: a, usd: 1e999999999}]",
        "2:24: rules.0.usd: the number is out of any sensible range",
    ),
    "octal or not": (
        "version: 1\nkeep: 010",
        "2:7: keep: not a number as we read them: no leading zero; put text in quotes",
    ),
    "a fraction": ("version: 1\nkeep: 1.5", "2:7: keep: must be a whole number"),
    "yes for true": (
        "%YAML 1.1\n---\nversion: 1\nrules: [{name: a, on: yes}]",
        "4:23: rules.0.on: write true or false, or put the word in quotes",
    ),
    "a number for true": ("version: 1\nrules: [{name: a, on: 7}]", "2:23: rules.0.on: must be true or false"),
    "a word misspelt": (
        "version: 1\nrules: [{name: a, window: Dya}]",
        "2:27: rules.0.window: must be 'day' or 'month' (did you mean 'day'?)",
    ),
    "a word unlike any": (
        "version: 1\nrules: [{name: a, window: fortnight}]",
        "2:27: rules.0.window: must be 'day' or 'month'",
    ),
    "a rule of our own": (
        "version: 1\nrules: [{name: a, pair: 3}]",
        "2:25: rules.0.pair: write an even number",
    ),
    "a bad key of a mapping": (
        "version: 1\nrates: {Fast: 1}",
        "2:9: rates.Fast: a name is made of a-z, 0-9 and '-', and starts with a letter or a digit",
    ),
    "union: a word misspelt": (
        "version: 1\nrules: [{name: a, scope: compnay}]",
        "2:26: rules.0.scope: must be 'company', {team: ...} or {employee: ...} (did you mean 'company'?)",
    ),
    "union: nothing fits": (
        "version: 1\nrules: [{name: a, scope: {}}]",
        "2:26: rules.0.scope: must be 'company', {team: ...} or {employee: ...}",
    ),
    "union: a branch's field misspelt": (
        "version: 1\nrules: [{name: a, scope: {taem: core}}]",
        "2:27: rules.0.scope.taem: unknown field (did you mean 'team'?)",
    ),
    "union: a wrong value in a branch": (
        "version: 1\nrules: [{name: a, scope: {team: 3}}]",
        "2:33: rules.0.scope.team: must be text (put it in quotes)",
    ),
    "union: one field too many": (
        "version: 1\nrules: [{name: a, scope: {employee: alice, since: soon}}]",
        "2:51: rules.0.scope.since: must be a date such as 2026-01-31",
    ),
    "a merge key": (
        "version: 1\n<<: {keep: 1}",
        '2:1: "<<": merge keys are not supported; write the fields out',
    ),
    "a tag": ("version: 1\nkeep: !secret abc", "2:7: keep: the tag is not supported; delete it"),
    "a Python object": (
        "version: 1\nkeep: !!python/object/apply:os.system [id]",
        "2:7: keep: the tag is not supported; delete it",
    ),
    "a key that is a list": (
        "version: 1\n? [a]\n: 1",
        "2:3: the file has a field whose name is not plain text",
    ),
    "a lone surrogate": (
        'version: 1\nrules: [{name: "\\ud800"}]',
        "2:16: rules.0.name: holds a control character; delete it",
    ),
}


@pytest.mark.parametrize(("text", "expected"), ONE_MISTAKE.values(), ids=ONE_MISTAKE.keys())
def test_a_mistake_says_where_it_is_and_what_to_write(load, text, expected):
    assert complaint(load, text) == [expected]


def test_all_mistakes_of_a_file_are_reported_in_the_order_of_the_file(load):
    text = "rules:\n  - {name: A}\n  - {name: a, usd: x, windw: day}\nkeep: 010\nversion: 7\n"
    assert complaint(load, text) == [
        "2:12: rules.0.name: a name is made of a-z, 0-9 and '-', and starts with a letter or a digit",
        "3:20: rules.1.usd: must be a number",
        "3:23: rules.1.windw: unknown field (did you mean 'window'?)",
        "4:7: keep: not a number as we read them: no leading zero; put text in quotes",
        "5:10: version: must be 1",
    ]


READ = {
    "a fraction exactly as written": ("usd: 0.1", Rule(name="a", usd=Decimal("0.1"))),
    "a fraction in quotes": ("usd: '0.10'", Rule(name="a", usd=Decimal("0.10"))),
    "more digits than a binary float": (
        "usd: 12345678.123456789",
        Rule(name="a", usd=Decimal("12345678.123456789")),
    ),
    "a whole number": ("usd: 20_000", Rule(name="a", usd=Decimal(20000))),
    "a branch by its field": ("scope: {team: core}", Rule(name="a", scope=Team(team="core"))),
    "a date": (
        "scope: {employee: alice, since: 2026-01-31}",
        Rule(name="a", scope=Person(employee="alice", since=date(2026, 1, 31))),
    ),
    "no is a word": ("scope: {team: no}", Rule(name="a", scope=Team(team="no"))),
    "a list": ("marks: [50, 0x50]", Rule(name="a", marks=(50, 80))),
    "true": ("on: True", Rule(name="a", on=True)),
}


@pytest.mark.parametrize(("field", "expected"), READ.values(), ids=READ.keys())
def test_values_are_read_as_written(load, field, expected):
    [rule] = load(f"version: 1\nrules:\n  - name: a\n    {field}\n").rules
    assert rule == expected


def test_an_alias_repeats_what_it_names(load):
    file = load("version: 1\nrules:\n  - {name: a, scope: &s {team: core}}\n  - {name: b, scope: *s}\n")
    assert file.rules[1].scope == Team(team="core")


def test_a_byte_order_mark_is_not_part_of_the_first_name(load):
    assert load(b"\xef\xbb\xbfversion: 1").version == 1


def test_an_alias_bomb_ends_early(load):
    names = "abcdefghi"
    lines = ["a: &a [" + "lol," * 50 + "]"]
    lines += [f"{new}: &{new} [" + f"*{old}," * 50 + "]" for old, new in pairwise(names)]
    [line] = complaint(load, "\n".join(lines))
    assert line.endswith("the file holds too many values, counting each use of an alias")


def test_a_long_text_cannot_be_repeated_by_aliases_either(load):
    [line] = complaint(load, f"a: &a {'x' * 100_000}\nb: [" + "*a," * 1000 + "]")
    assert line.endswith("the file holds too many values, counting each use of an alias")


def test_a_value_is_never_repeated_in_a_message(load):
    rule = "{name: hunter2 X, usd: hunter2, window: hunter2, scope: {team: [hunter2]}}"
    text = f"version: hunter2\nrules: [{rule}]"
    assert not any("hunter2" in line for line in complaint(load, text))


def test_a_path_below_the_working_folder_is_shown_short_and_another_one_whole(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(ConfigError, match=r"^sub/rules\.yaml: no such file$"):
        load_model(Path("../here/sub/rules.yaml"), File)
    with pytest.raises(ConfigError, match=f"^{tmp_path}/rules.yaml: no such file$"):
        load_model(Path("../rules.yaml"), File)


def test_a_path_that_is_no_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(ConfigError, match=r"^folder\.yaml: is a folder; name the file in it$"):
        load_model(Path("folder.yaml"), File)
    with pytest.raises(ConfigError, match=r"^/dev/zero: is not a regular file$"):
        load_model(Path("/dev/zero"), File)
    with pytest.raises(ConfigError, match=r"cannot be read: not a usable path$"):
        load_model(Path("a\0b"), File)


def test_a_file_is_read_up_to_its_limit_and_not_beyond(load):
    head = b"version: 1\n#"
    assert load(head + b"x" * (MAX_BYTES - len(head))).version == 1
    assert complaint(load, head + b"x" * (MAX_BYTES - len(head) + 1)) == [
        " is larger than 1,000,000 bytes, the limit for a rules file"
    ]


def test_a_document_keeps_its_places_for_mistakes_found_later(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text("version: 1\nrules:\n  - name: a\n")
    document = load_document(Path("a.yaml"))
    assert document.where(("rules", 0, "name")) == "a.yaml:3:11"
    assert document.where(("rules", 0, "usd")) == "a.yaml:3:5"
    error = document.error([Problem(("rules", 0, "name"), "is taken")])
    assert str(error) == "a.yaml:3:11: rules.0.name: is taken"


def test_a_text_that_was_read_before_is_not_parsed_again(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("version: 1\nrules: []\n")
    (tmp_path / "b.yaml").write_text("version: 1\nrules: []\n")
    first = load_document(tmp_path / "a.yaml")
    assert load_document(tmp_path / "b.yaml").tree is first.tree
    (tmp_path / "a.yaml").write_text("version: 1\nrules: [{name: x}]\n")
    assert load_document(tmp_path / "a.yaml").read(File).rules[0].name == "x"


def message(path: Path, data: bytes) -> str:
    """What loading says; anything but a file or a ConfigError fails the test."""
    path.write_bytes(data)
    try:
        load_model(path, File)
    except ConfigError as error:
        return str(error)
    return ""


PIECES = "ab1.:-[]{},&*!|>%@`'\"\\#?~<=\n\t ute0xU/\x00\ud800é\u2028"
FREELY = settings(
    max_examples=examples(500),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each example overwrites the one file
)
NAMES = st.sampled_from(
    ["name", "scope", "usd", "marks", "team", "employee", "since", "taem", "[key]", "Team"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["company", "day", "Day", "", "a", "5", "{"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(st.text(alphabet=st.sampled_from(PIECES), max_size=60) | st.text(max_size=60))
@example("version: 1\nrules: [{name: '\x00'}]")
@example("%YAML 9.9\n---\nversion: 1")
@example("%TAG ! !x\n---\na: !y z")
@example("&a &b c")
@example("? ? ? a")
@FREELY
def test_no_text_ends_in_anything_but_a_file_or_a_config_error(tmp_path, text):
    said = message(tmp_path / "any.yaml", text.encode("utf-8", "surrogatepass"))
    assert all(line.isprintable() for line in said.split("\n"))


@given(st.binary(max_size=80))
@FREELY
def test_no_bytes_end_in_anything_but_a_file_or_a_config_error(tmp_path, data):
    said = message(tmp_path / "any.yaml", data)
    assert said == "" or said.startswith(str(tmp_path))


@given(VALUES, VALUES)
@FREELY
def test_no_wrong_value_ends_in_anything_but_a_file_or_a_config_error(tmp_path, rules, rates):
    """JSON is YAML, and reaches the words about wrong values far more often than loose text."""
    said = message(tmp_path / "any.yaml", json.dumps({"version": 1, "rules": rules, "rates": rates}).encode())
    assert all(line.startswith(f"{tmp_path}/any.yaml:1:") for line in said.splitlines())


@given(st.decimals(min_value="0.000000001", max_value=10**9, places=9, allow_nan=False))
@FREELY
def test_every_amount_of_money_is_read_exactly(tmp_path, usd):
    path = tmp_path / "any.yaml"
    path.write_text(f"version: 1\nrules: [{{name: a, usd: {usd:f}}}]")
    assert load_model(path, File).rules[0].usd == usd

"""The documents keep their word: links lead somewhere; commands, targets, codes and fields exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
import typer.main
from typer.core import TyperGroup

from sluiceway.cli import app
from sluiceway.report.export import FIELDS
from sluiceway.types import Rejected

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("certs/*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
CODE = re.compile(r"^```[^\n]*\n(.*?)^```|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+\s+(.+)$", re.MULTILINE)
EXTERNAL = ("https://", "http://", "mailto:")


def document(path: Path) -> object:
    return pytest.param(path, id=str(path.relative_to(ROOT)))


def anchors(path: Path) -> set[str]:
    """The anchors GitHub gives a document's headings."""
    words = (re.sub(r"[^\w\s-]", "", heading.lower()) for heading in HEADING.findall(path.read_text("utf-8")))
    return {word.strip().replace(" ", "-") for word in words}


def pieces_of_code(path: Path) -> Iterator[str]:
    for block, inline in CODE.findall(path.read_text("utf-8")):
        yield from block.splitlines() if block else (inline,)


def commands_in(path: Path) -> Iterator[list[str]]:
    """The words after `sluiceway` wherever code begins with it, also after && and in a subshell."""
    for code in pieces_of_code(path):
        for part in re.split(r"&&|\|\||;|#", code):
            words = part.split()
            if words[:1] == ["sluiceway"] and len(words) > 1:
                yield words[1:]


@pytest.mark.parametrize("path", [document(path) for path in DOCUMENTS])
def test_relative_links_lead_to_files_and_headings_that_exist(path: Path) -> None:
    for inline, reference in LINK.findall(path.read_text("utf-8")):
        link = inline or reference
        if link.startswith(EXTERNAL):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), f"{link} does not exist"
        assert target.is_relative_to(ROOT), f"{link} leads out of the repository"
        assert not anchor or anchor in anchors(target), f"{link}: no such heading"


@pytest.mark.parametrize("path", [document(path) for path in DOCUMENTS])
def test_commands_that_are_named_exist_with_their_options(path: Path) -> None:
    root = typer.main.get_command(app)
    for words in commands_in(path):
        command = root
        while isinstance(command, TyperGroup) and words:
            name = words.pop(0).rstrip(",.")
            if not re.fullmatch(r"[a-z]+", name):
                break
            assert name in command.commands, f"there is no command {name!r}"
            command = command.commands[name]
        if isinstance(command, TyperGroup):
            continue
        known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
        used = {word.partition("=")[0].rstrip(",.") for word in words if word.startswith("--")}
        assert used <= known | {"--help"}, f"{command.name} has no {used - known}"


@pytest.mark.parametrize("path", [document(path) for path in DOCUMENTS])
def test_make_targets_that_are_named_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for code in pieces_of_code(path):
        for part in re.split(r"&&|#", code):
            words = part.split()
            if words[:1] == ["make"]:
                named = {word for word in words[1:] if re.fullmatch(r"[a-z-]+", word)}
                assert named <= targets, f"no target {named - targets}"


def test_every_refusal_code_of_the_gateway_is_explained_to_operators() -> None:
    gateway = ROOT / "addons" / "sluiceway" / "gateway"
    source = "\n".join(file.read_text("utf-8") for file in gateway.glob("*.py"))
    codes = set(re.findall(r"""RefusalKind\.[A-Z_]+,\s*"([a-z_]+)",""", source))
    codes |= set(re.findall(r"""self\._fail\(\s*"([a-z_]+)",""", source))
    codes |= {f"credentials_{reason}" for reason in get_args(get_type_hints(Rejected)["reason"])}
    explained = (ROOT / "docs" / "operators.md").read_text("utf-8")
    assert len(codes) >= 20
    assert not {code for code in codes if f"`{code}`" not in explained}


def test_every_field_of_the_ledger_is_explained_to_finance() -> None:
    explained = (ROOT / "docs" / "ledger.md").read_text("utf-8")
    assert not {field for field in FIELDS if f"`{field}`" not in explained}


FILE = re.compile(
    r"(?<![\w<>*.{}/-])((?:[\w.-]+/)*[\w-]+\.(?:py|tsv|html\.j2)|(?:[\w-]+/){2,}(?=`))(?![\w-])"
)
FOLDERS = ("addons", "docs", "reports", "rules", "tests")


@pytest.fixture(scope="module")
def endings() -> frozenset[str]:
    """The path of every file and folder, and each of its ends: `gateway/life.py`, `life.py`."""
    places = (place for folder in FOLDERS for place in _walked(ROOT / folder))
    parts = [place.relative_to(ROOT).parts for place in places]
    return frozenset("/".join(each[start:]) for each in parts for start in range(len(each)))


def _walked(folder: Path) -> Iterator[Path]:
    for here, below, names in folder.walk():
        below[:] = [name for name in below if name not in ("node_modules", "__pycache__")]
        yield from (here, *(here / name for name in names))


@pytest.mark.parametrize("path", [document(path) for path in DOCUMENTS if "decisions" not in path.parts])
def test_files_and_folders_of_the_code_that_are_named_exist(path: Path, endings: frozenset[str]) -> None:
    named = {name for code in pieces_of_code(path) for name in FILE.findall(f"{code}`")}
    assert not {name for name in named if name.rstrip("/") not in endings}


def test_files_that_a_comment_names_exist(endings: frozenset[str]) -> None:
    named = re.compile(r"(?<![\w<>*.{}/-])((?:[\w-]+/)+[\w-]+\.py)\b")
    for file in (ROOT / "addons").rglob("*.py"):
        gone = {name for name in named.findall(file.read_text("utf-8")) if name not in endings}
        assert not gone, f"{file.relative_to(ROOT)} names {gone}"

"""The list of all commands: each is there, says of itself what the list says, and waits for no other."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer.main

from sluiceway.cli import app
from sluiceway.cli.commands import COMMANDS

# What takes long to load: SQL, prices, pages, proxy and HTTP.
HEAVY = {"sqlalchemy", "genai_prices", "jinja2", "mitmproxy", "aiohttp", "pydantic"}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_of_a_command_what_it_says_of_itself(name: str) -> None:
    command = typer.main.get_group(app).commands[name]
    assert command.name == name
    assert command.get_short_help_str(200) == COMMANDS[name].says.removesuffix(".") + "."


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_what_needs_no_command_loads_none(option: str) -> None:
    script = (
        "import sys\nfrom sluiceway.cli import main\n"
        f"try:\n    main(['{option}'])\nexcept SystemExit as ended:\n    assert not ended.code\n"
        f"print('loaded:', sorted({HEAVY!r} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded: []"

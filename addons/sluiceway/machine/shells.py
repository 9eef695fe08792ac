"""Which start files a user's shells read, and how variables are written for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from sluiceway.machine.journal import Change
from sluiceway.machine.variables import Folder, config_home

type Shell = Literal["sh", "bash", "zsh", "fish"]
SHELLS: tuple[Shell, ...] = ("sh", "bash", "zsh", "fish")

START_FILES: dict[str, tuple[str, ...]] = {
    "sh": (".profile",),
    "bash": (".bash_profile", ".bash_login", ".bashrc"),
    "zsh": (".zprofile", ".zshrc"),
}
# What is made where a shell is asked for by name and has no start file yet.
MADE = {"sh": ".profile", "bash": ".bashrc", "zsh": ".zshrc"}
NOTE = "# Made by `sluiceway enroll`, which writes it anew. It holds your proxy token: keep it to yourself.\n"


def changes(
    values: Mapping[str, str], home: Path, folder: Folder, environ: Mapping[str, str], asked: Iterable[str]
) -> list[Change]:
    """The environment files and the lines that read them; for the shells asked for, else all in use."""
    config, wanted = config_home(home, environ), tuple(asked)
    found = [Change(folder.script, sh_script(values))]
    found += [Change(path, _source(folder.script), "block") for path in start_files(home, wanted)]
    if "fish" in wanted or (not wanted and (config / "fish").is_dir()):
        found.append(Change(folder.fish_script, fish_script(values)))
        line = f"source {_fish(str(folder.fish_script))}\n".encode()
        found.append(Change(config / "fish" / "conf.d" / "sluiceway.fish", line, "block"))
    found.append(Change(config / "environment.d" / "60-sluiceway.conf", environment_d(values)))
    return found


def start_files(home: Path, asked: tuple[str, ...]) -> list[Path]:
    """Those that exist; where there is none, .profile, which every login shell of the sh family reads."""
    shells = [shell for shell in START_FILES if shell in asked or not asked]
    found = [home / name for shell in shells for name in START_FILES[shell] if (home / name).exists()]
    for shell in shells:
        had = any(path.name in START_FILES[shell] for path in found)
        if shell in asked and not had:
            found.append(home / MADE[shell])
    return found or ([] if asked else [home / MADE["sh"]])


def _source(script: Path) -> bytes:
    quoted = _sh(str(script))
    return f"if [ -r {quoted} ]; then . {quoted}; fi\n".encode()


def sh_script(values: Mapping[str, str]) -> bytes:
    return (NOTE + "".join(f"export {name}={_sh(value)}\n" for name, value in values.items())).encode()


def fish_script(values: Mapping[str, str]) -> bytes:
    return (NOTE + "".join(f"set -gx {name} {_fish(value)}\n" for name, value in values.items())).encode()


def environment_d(values: Mapping[str, str]) -> bytes:
    """For programs that systemd or the desktop starts. (environment.d(5): double quotes, `$` expands)"""
    return (NOTE + "".join(f'{name}="{_escaped(value)}"\n' for name, value in values.items())).encode()


def _sh(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def _fish(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _escaped(value: str) -> str:
    return "".join("\\" + c if c in '\\"$`' else c for c in value)

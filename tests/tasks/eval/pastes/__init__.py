"""What is pasted: texts of many kinds in two folders, one to learn from and one that nothing was learned from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

type Folder = Literal["train", "unseen"]

_PLACE = re.compile(r"\[\[(\w*)\]\]")


@cache
def pastes(folder: Folder) -> Mapping[str, str]:
    """The texts of a folder by name, in the order of their names."""
    found = sorted((Path(__file__).parent / folder).glob("*.txt"))
    return {path.stem: path.read_text("utf-8").rstrip("\n") for path in found}


def grown(text: str, size: int) -> str:
    """A text as often as it takes to `size` characters, so that it begins and ends as it does alone."""
    return "\n\n".join([text] * max(1, round(size / len(text))))


def filled(template: str, folder: Folder, size: int, name: str = "") -> str:
    """A template with the paste in its place; `name` where it names none; `> ` before it quotes each line."""
    place = _PLACE.search(template)
    if place is None:
        return template
    paste = grown(pastes(folder)[place[1] or name], size)
    if template[: place.start()].endswith("> "):
        paste = paste.replace("\n", "\n> ")
    return template[: place.start()] + paste + template[place.end() :]


LAYOUTS = ("above", "below", "both", "above, fenced", "below, fenced", "above, tagged", "above, ruled", "next line")


def laid_out(asked: str, paste: str, layout: str) -> str:
    """What is asked with a paste: above it, below it, or both, set off or not."""
    fenced, tagged = f"```\n{paste}\n```", f"<document>\n{paste}\n</document>"
    return {
        "above": f"{asked}\n\n{paste}",
        "below": f"{paste}\n\n{asked}",
        "both": f"Here is what I was sent.\n\n{paste}\n\n{asked}",
        "above, fenced": f"{asked}\n\n{fenced}",
        "below, fenced": f"{fenced}\n\n{asked}",
        "above, tagged": f"{asked}\n\n{tagged}",
        "above, ruled": f"{asked}\n\n---\n{paste}\n---",
        "next line": f"{asked}\n{paste}",
    }[layout]

"""`sluiceway guard`: what the guard finds in a text, without a proxy around it."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sluiceway.cli.shape import application

guard = application("See what the guard finds.")


class Profile(StrEnum):
    """Which detectors run."""

    INLINE = "inline"
    AUDIT = "audit"


@guard.command()
def scan(
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help='Lines of {"text"} in, lines of {"spans"} out.')
    ] = False,
    profile: Annotated[
        Profile, typer.Option(help="inline: before a request goes on; audit: adds names and places.")
    ] = Profile.INLINE,
    recognizers: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A recognizers.yaml; the shipped one without it.")
    ] = None,
) -> None:
    """Read text on standard input and write where the sensitive parts are. Values are never printed."""
    from sluiceway.guard.load import load_recognizers, ner_status, scanner  # RE2: other commands do without

    company = load_recognizers(recognizers)
    detectors = scanner(profile.value, company)
    if profile is Profile.AUDIT and (warning := ner_status(company).warning):
        print(f"sluiceway: {warning}", file=sys.stderr)
    if jsonl:
        from sluiceway.guard.jsonl import run_jsonl

        raise typer.Exit(run_jsonl(sys.stdin.buffer, sys.stdout.buffer, sys.stderr, profile.value, detectors))
    text = sys.stdin.read()
    for finding in detectors.scan(text):
        line = text.count("\n", 0, finding.start) + 1
        column = finding.start - text.rfind("\n", 0, finding.start)
        print(f"{line}:{column} {finding.type} {finding.rule}")

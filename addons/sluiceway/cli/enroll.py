"""`sluiceway enroll` and `sluiceway doctor`: for people who never heard of Sluiceway."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer

from sluiceway.app import checkup, enrolment
from sluiceway.app.enrolment import Enrolled, Source
from sluiceway.cli.shape import DEFAULT_CONFIG, AsJson, Config, Progress, show
from sluiceway.errors import MachineError
from sluiceway.machine.anchor import today
from sluiceway.machine.doctor import Patient, is_broken
from sluiceway.machine.enrol import Wanted
from sluiceway.machine.journal import Done
from sluiceway.machine.proxy import ProxyUrl, parse_proxy_url
from sluiceway.machine.trials import CLIENTS
from sluiceway.machine.verdict import State, Verdict

SIGNS = {State.FINE: "fine   ", State.ABSENT: "absent ", State.WARNING: "mind   ", State.BROKEN: "BROKEN "}


class Shell(StrEnum):
    """Shells whose start files can be named."""

    SH = "sh"
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


Url = Annotated[
    str | None,
    typer.Option(
        "--proxy-url",
        metavar="URL",
        help="Your own proxy line, http://NAME:TOKEN@HOST:PORT; - reads it from standard input.",
    ),
]


def enroll(
    proxy_url: Url = None,
    ca: Annotated[Path | None, typer.Option(metavar="FILE", help="The company's ca.pem.")] = None,
    from_: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", help="A deployment's folder; its certs/ca.pem is used."),
    ] = None,
    sha256: Annotated[
        str | None, typer.Option(metavar="HEX", help="Trust the certificate only if it has this fingerprint.")
    ] = None,
    no_proxy: Annotated[
        list[str] | None,
        typer.Option("--no-proxy", metavar="NAME", help="Reach this directly, too; may be given again."),
    ] = None,
    shell: Annotated[
        list[Shell] | None,
        typer.Option(
            metavar="SHELL", help="Only this (sh, bash, zsh, fish); may be given again. Else all in use."
        ),
    ] = None,
    java: Annotated[
        bool, typer.Option("--java", help="Send every Java program through the proxy, too.")
    ] = False,
    system: Annotated[
        bool, typer.Option("--system", help="Only add the CA to the operating system's list (as root).")
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Put everything back as it was.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
    as_json: AsJson = False,
) -> None:
    """Set up this machine for the company's proxy, or --undo it."""
    source, home = Source(ca, from_, sha256), _home()
    if undo:
        done = enrolment.undo_system_wide() if system else enrolment.undo(home, os.environ)
        show({"done": _rows(done)}, as_json, _undone(done))
    elif system:
        proxy = parse_proxy_url(_asked(proxy_url)) if proxy_url else None
        done = enrolment.trust_system_wide(source.anchor(proxy), dry_run=dry_run)
        show({"dry_run": dry_run, "done": _rows(done)}, as_json, _listed(done))
    else:
        proxy = parse_proxy_url(_asked(proxy_url))
        anchor = source.anchor(proxy)
        shells = tuple(each.value for each in shell or ())
        wanted = Wanted(proxy, anchor, home, os.environ, tuple(no_proxy or ()), shells, java)
        enrolled = enrolment.enrol(wanted, dry_run=dry_run)
        show(_answer(enrolled, wanted, dry_run), as_json, _told(enrolled, wanted, dry_run))


def doctor(
    proxy_url: Url = None,
    host: Annotated[
        str | None, typer.Option(metavar="NAME", help="The AI host to try; nothing is forwarded to it.")
    ] = None,
    client: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this client; may be given again.")
    ] = None,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Find what keeps AI clients here from the proxy.

    Each client makes one request that reaches no model; what is wrong is named, with what mends it.
    """
    proxy = parse_proxy_url(_asked(proxy_url)) if proxy_url else None
    tried = host or checkup.host_to_try(config)
    only = _known_clients(client or [])
    patient = Patient(dict(os.environ), _home(), tried, today(), proxy, only)
    progress = Progress()
    verdicts = checkup.check_up(patient, config, progress)
    progress.close()
    show(
        {"ok": not is_broken(verdicts), "verdicts": [asdict(each) for each in verdicts]},
        as_json,
        _said(verdicts),
    )
    if is_broken(verdicts):
        raise typer.Exit(1)


def _known_clients(given: list[str]) -> tuple[str, ...]:
    by_name = {name.lower(): name for name in CLIENTS}
    for name in given:
        if name.lower() not in by_name:
            raise typer.BadParameter(f"--client: there is no '{name}'; write one of {', '.join(CLIENTS)}")
    return tuple(by_name[name.lower()] for name in given)


def _said(verdicts: list[Verdict]) -> str:
    groups = [
        (", ".join(dict.fromkeys(each.check for each in same)), *of)
        for of, same in groupby(verdicts, lambda each: (each.state, each.says, each.mend))
    ]
    lines = []
    for checks, state, says, mend in groups:
        lines.append(f"{SIGNS[state]} {checks}: {says}")
        if mend:
            lines.append(f"{' ' * 8} -> {mend}")
    bad = sum(state is State.BROKEN for _, state, _, _ in groups)
    odd = sum(state is State.WARNING for _, state, _, _ in groups)
    if bad:
        lines += ["", "Begin with the first BROKEN line: what is below it often follows from it."]
    elif not odd:
        lines += ["", "All is well."]
    return "\n".join(lines)


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        raise MachineError("HOME is not set; set it to your home folder") from None


def _asked(proxy_url: str | None) -> str:
    if proxy_url == "-":
        return sys.stdin.readline()
    if proxy_url is not None:
        return proxy_url
    if not sys.stdin.isatty():
        raise typer.BadParameter("--proxy-url: give your own proxy line, or - to read it from standard input")
    given: str = typer.prompt("Your proxy URL (it is not shown)", hide_input=True)
    return given


def _rows(done: tuple[Done, ...]) -> list[dict[str, Any]]:
    return [{**asdict(each), "path": str(each.path)} for each in done]


def _listed(done: tuple[Done, ...]) -> str:
    width = max((len(each.did) for each in done), default=0)
    return "\n".join(f"  {each.did.ljust(width)}  {_short(each.path)}" for each in done)


def _short(path: Path) -> str:
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def _undone(done: tuple[Done, ...]) -> str:
    aside = any(each.did == "moved aside" for each in done)
    note = "\nA file you had edited is kept beside its old place, with the ending .edited." if aside else ""
    return f"{_listed(done)}\n\nEverything is as it was. Shells that are open keep their variables.{note}"


def _answer(enrolled: Enrolled, wanted: Wanted, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "proxy": wanted.proxy.shown,
        "ca_sha256": wanted.anchor.sha256,
        "ca_until": wanted.anchor.until_at.date().isoformat(),
        "variables": _masked(enrolled, wanted.proxy),
        "done": _rows(enrolled.done),
        "java_tool_options": enrolled.plan.java,
        "warnings": list(enrolled.plan.warnings),
    }


def _masked(enrolled: Enrolled, proxy: ProxyUrl) -> dict[str, str]:
    values = enrolled.plan.variables
    return {name: proxy.shown if value == proxy.text else value for name, value in values.items()}


def _told(enrolled: Enrolled, wanted: Wanted, dry_run: bool) -> str:
    anchor, script = wanted.anchor, _short(enrolled.plan.folder.script)
    lines = [
        f"proxy  {wanted.proxy.shown}",
        f"CA     {anchor.name}, until {anchor.until_at:%Y-%m-%d}",
        f"       SHA-256 {anchor.sha256}",
        "       Compare it with the one your platform team tells you.",
        "",
        _listed(enrolled.done),
    ]
    lines += [f"\nmind: {warning}" for warning in enrolled.plan.warnings]
    if not wanted.java:
        lines += [
            "",
            "Java programs are left alone. To send one through the proxy, start it with",
            f"  JAVA_TOOL_OPTIONS={_quoted(enrolled.plan.java)}",
        ]
    if dry_run:
        return "\n".join([*lines, "", "Nothing was changed (--dry-run)."])
    return "\n".join(
        [*lines, "", f"Open a new shell, or run `. {script}`; then see that it works: sluiceway doctor"]
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"

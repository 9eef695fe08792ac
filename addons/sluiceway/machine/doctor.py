"""The doctor: looks at the environment, at the way to the proxy, and lets every client try."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sluiceway.errors import MachineError
from sluiceway.machine import environment, way
from sluiceway.machine.anchor import Anchor, read_anchor
from sluiceway.machine.clients import Surroundings, try_client
from sluiceway.machine.journal import read
from sluiceway.machine.proxy import ProxyUrl
from sluiceway.machine.trials import trials
from sluiceway.machine.variables import NODE_EXTRA, Folder, folder_of, java_options, merged_no_proxy
from sluiceway.machine.verdict import Fault, State, Verdict, broken

# Clients are processes that mostly wait; Node, npm and Java are heavy to start.
AT_ONCE = 3

type Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Patient:
    """The machine to look at. `proxy` None: what its environment says; `only`: these clients, else all."""

    environ: Mapping[str, str] = field(repr=False)
    home: Path
    host: str
    now: datetime
    proxy: ProxyUrl | None = None
    only: tuple[str, ...] = ()


def examine(patient: Patient, progress: Progress) -> list[Verdict]:
    """Every verdict, in the order in which a person would mend things."""
    folder = folder_of(patient.home, patient.environ)
    anchor, verdicts = _anchor(patient, folder)
    found = [*environment.check(patient.environ, folder, anchor, patient.host), *verdicts]
    proxy = patient.proxy or environment.proxy_of(patient.environ)
    progress("looking at the proxy", 0, 0)
    looked = way.look(proxy, patient.host, anchor, patient.now) if proxy else None
    found += looked.verdicts if looked else ()
    found.append(way.egress(patient.host))
    java = _java(patient, proxy, folder)
    around = Surroundings(patient.environ, patient.host, folder, looked, java)
    return found + _clients(around, patient.only, progress)


def _java(patient: Patient, proxy: ProxyUrl | None, folder: Folder) -> str:
    """The line for Java programs; empty where no enrolment has made a truststore."""
    if proxy is None or not folder.truststore.exists():
        return ""
    return java_options(proxy, folder, merged_no_proxy(patient.environ, ()))


def _clients(around: Surroundings, only: tuple[str, ...], progress: Progress) -> list[Verdict]:
    with tempfile.TemporaryDirectory(prefix="sluiceway-doctor-") as name, ThreadPoolExecutor(AT_ONCE) as pool:
        scratch = Path(name)
        known = trials(around.host, scratch, around.environ.get("PATH"))
        planned = [trial for trial in known if trial.name in only or not only]
        waiting = [pool.submit(try_client, trial, around, scratch) for trial in planned]
        for done, _ in enumerate(as_completed(waiting), 1):
            progress("trying the clients:", done, len(planned))
        return [future.result() for future in waiting]


def _anchor(patient: Patient, folder: Folder) -> tuple[Anchor | None, list[Verdict]]:
    """The company's CA as this machine has it: from the enrolment, else where Node is told to look."""
    for path in (folder.anchor, Path(patient.environ.get(NODE_EXTRA, "") or "/nowhere")):
        data = read(path) if path.is_file() else None
        if data is None:
            continue
        try:
            return read_anchor(data, str(path), patient.now), []
        except MachineError as error:
            if path == folder.anchor:
                mend = "sluiceway enroll --proxy-url - --ca ca.pem, with the ca.pem of your platform team"
                return None, [broken("CA", Fault.CA_BAD, str(error), mend)]
    return None, []


def is_broken(verdicts: list[Verdict]) -> bool:
    return any(verdict.state is State.BROKEN for verdict in verdicts)

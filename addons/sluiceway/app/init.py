"""`sluiceway init`: a new deployment in a folder, complete, with nothing to edit before the first start."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from sluiceway import content
from sluiceway.app import authority
from sluiceway.app.deployment import Deployment, write_key
from sluiceway.errors import ConfigError
from sluiceway.front.ca import ANCHOR_KEY, new_passphrase
from sluiceway.settings.providers import Providers
from sluiceway.settings.starter import starter

CONFIG = "sluiceway.yaml"
PASSPHRASE_VARIABLE = "SLUICEWAY_ANCHOR_PASSPHRASE"  # noqa: S105  # its name, not its value


@dataclass(frozen=True, slots=True)
class Made:
    """What `init` made. `passphrase` opens the anchor's key and is told once; None if it was given."""

    deployment: Deployment
    passphrase: str | None

    @property
    def anchor_key(self) -> Path:
        return self.deployment.settings.certs / ANCHOR_KEY


def init(folder: Path, organisation: str, text: str | None = None) -> Made:
    """Makes settings, key, rules, certificates and an empty store. Never replaces what is there."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / CONFIG
    if config.exists():
        raise ConfigError(f"{config}: there is a deployment here already; choose another folder")
    given = os.environ.get(PASSPHRASE_VARIABLE)
    passphrase = given or new_passphrase()
    _copy_rules(folder / "rules")
    authority.copy_scripts(content.folder("certs"), folder / "certs")
    write_key(folder)
    # The settings come last: without them there is no deployment, so a failed init can be run again.
    staged = folder / f".{CONFIG}.new"
    staged.write_text(text or starter(), "utf-8")
    try:
        settings = Deployment.load(staged).settings
        hosts = Providers.load(settings.rules / "providers.yaml").hosts
        authority.create(settings, hosts, organisation, passphrase)
        staged.rename(config)
    finally:
        staged.unlink(missing_ok=True)
    deployment = Deployment.load(config)
    with deployment.store(writable=True, create=True):
        pass
    return Made(deployment, None if given else passphrase)


def _copy_rules(target: Path) -> None:
    """The starter rules; a file that is there already is the company's own and stays."""
    source = content.folder("rules")
    for file in source.rglob("*.yaml"):
        to = target / file.relative_to(source)
        to.parent.mkdir(parents=True, exist_ok=True)
        if not to.exists():
            shutil.copyfile(file, to)

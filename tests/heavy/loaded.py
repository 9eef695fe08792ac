"""What a process has loaded before `forked.py` forks it: the program, and the rules that ship with it."""

from __future__ import annotations

import os

import sluiceway.app.serve
import sluiceway.cli.service
import sluiceway.demo.providers  # noqa: F401
from sluiceway import content
from sluiceway.gateway import life
from sluiceway.settings import yaml_nodes

for path in content.folder("rules").rglob("*.yaml"):
    yaml_nodes.read(path.read_text("utf-8"))

# Sluiceway itself never forks: processes that began in the same state would give out the same request ids.
os.register_at_fork(after_in_child=life._NUMBERS.seed)

"""Company keys: employees hold a word, providers see the company's key, no file has it in clear."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from sluiceway.demo.company import KEYS
from sluiceway.demo.people.asking import WORD
from sluiceway.demo.play import Parts
from sluiceway.demo.scenes.line import Line, claim
from sluiceway.demo.stage import Stage


def keys(stage: Stage, parts: Parts) -> Iterator[Line]:
    """The providers' own record says which key came."""
    listed = stage.operator.type("key", "list", "--json").json
    yield claim(
        sorted(each["provider"] for each in listed) == sorted(KEYS),
        f"`sluiceway key add` registered {len(listed)} company keys; employees hold only the word '{WORD}'",
    )
    came = [digest for served in stage.providers.log for digest in served.credentials.values()]
    company = {sha256(secret.encode()).hexdigest() for secret in KEYS.values()}
    yield claim(
        came and set(came) == company,
        f"{len(came)} requests reached the providers, each with the company's key and none with the word",
    )
    files = [path.read_bytes() for path in stage.deployment.folder.rglob("*") if path.is_file()]
    found = [secret for secret in KEYS.values() if any(secret.encode() in data for data in files)]
    yield claim(not found, f"no key stands in clear in any of the deployment's {len(files)} files")

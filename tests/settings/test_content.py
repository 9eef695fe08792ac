"""The content folders of a checkout are where people look for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluiceway import content


@pytest.mark.parametrize("name", ["rules", "reports", "certs"])
def test_a_checkout_has_its_content_beside_the_code(name):
    assert content.folder(name) == Path(__file__).parents[2] / name
    assert content.folder(name).is_dir()


def test_the_rules_hold_what_a_deployment_starts_from():
    rules = content.folder("rules")
    assert (rules / "providers.yaml").is_file()
    assert list((rules / "policy").glob("*.yaml"))

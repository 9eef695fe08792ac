"""Entity types in guard rules: a slip is found when the rules are read, and told with what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluiceway.app.check import check
from sluiceway.app.deployment import Deployment
from sluiceway.app.entities import idle_types, recognizers_of, unknown_types
from sluiceway.app.init import init
from sluiceway.errors import ConfigError

OWN = """\
version: 1
recognizers:
  - {name: badge, type: EMPLOYEE_ID, regex: '\\bE-\\d{6}\\b'}
  - {name: site, type: SITE, words: [Saltmarsh], profiles: [audit]}
disabled: [PHONE_NUMBER]
"""


@pytest.fixture
def mine(tmp_path: Path) -> Deployment:
    deployment = init(tmp_path / "mine", "Test").deployment
    (deployment.settings.rules / "recognizers.yaml").write_text(OWN)
    return deployment


def rule(deployment: Deployment, *types: str) -> None:
    text = f"version: 1\nguard:\n  - {{name: pii, detect: [{', '.join(types)}], action: mask}}\n"
    (deployment.settings.rules / "policy" / "20-guard.yaml").write_text(text)


def said(deployment: Deployment) -> str:
    try:
        deployment.content()
    except ConfigError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "types", [('"*"',), ("SECRET", "EMAIL_ADDRESS"), ("EMPLOYEE_ID",), ("PERSON",), ("SITE",)]
)
def test_types_that_exist_are_good(mine: Deployment, types: tuple[str, ...]) -> None:
    rule(mine, *types)
    assert said(mine) == ""


def test_an_unknown_type_is_an_error_that_says_where_and_what_was_meant(mine: Deployment) -> None:
    rule(mine, "EMAIL_ADRESS", "SECRET", "EMPLOYE_ID", "XYZZY")
    lines = said(mine).splitlines()
    assert [line.partition("20-guard.yaml:")[2] for line in lines[:2]] == [
        "3:12: pii: there is no entity type 'EMAIL_ADRESS' (did you mean 'EMAIL_ADDRESS'?)",
        "3:12: pii: there is no entity type 'EMPLOYE_ID' (did you mean 'EMPLOYEE_ID'?)",
    ]
    assert "'XYZZY'; write one of BR_CPF, " in lines[2]
    assert check(mine).errors == lines


def test_a_type_that_is_not_looked_for_in_requests_is_a_warning(mine: Deployment) -> None:
    rule(mine, "PHONE_NUMBER", "PERSON", "SITE", "SECRET")
    verdict = check(mine)
    assert verdict.errors == []
    assert [line.split("'")[1] for line in verdict.warnings] == ["PHONE_NUMBER", "PERSON", "SITE"]


def test_a_deployment_without_recognisers_has_the_shipped_ones(mine: Deployment) -> None:
    (mine.settings.rules / "recognizers.yaml").unlink()
    recognizers = recognizers_of(mine.settings.rules)
    assert recognizers.recognizers == ()
    rule(mine, "EMPLOYEE_ID")
    assert "no entity type 'EMPLOYEE_ID'" in said(mine)
    policy_types = ["PHONE_NUMBER"]
    rule(mine, *policy_types)
    content = mine.content()
    assert unknown_types(content.policy, recognizers) == idle_types(content.policy, recognizers) == []

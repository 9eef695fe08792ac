"""`rules check` says which audit rules keep nothing, keep it for long, or wait for nobody."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from audit_world import CAROL, DAVE

from sluiceway.app.check import check
from sluiceway.app.init import init
from sluiceway.app.operations import perform

RULE = """\
version: 1
audit:
  - name: incident
    mode: {mode}
    purpose: Finding out how customer data left
    agreement: Works agreement 7
    until: {until}
    {more}
"""


@pytest.mark.parametrize(
    ("changes", "holders", "says"),
    [
        ({}, 2, []),
        ({}, 1, ["keeps nothing: no two people"]),
        ({"mode": "metadata"}, 0, []),
        ({"until": "2020-01-31"}, 2, ["ended on 2020-01-31, so nothing is kept"]),
        ({"until": "2090-01-31"}, 2, ["more than a year from now"]),
        ({"more": "match: {team: core}"}, 2, ["meets services too (ci)"]),
        ({"more": "match: {service: 'c*'}"}, 2, ["--acknowledged HOW"]),
        ({"more": "match: {employee: '*'}"}, 2, []),
        ({"more": "until_acknowledged: send_unaudited"}, 2, []),
    ],
)
def test_what_is_right_but_surprising_is_said(
    tmp_path: Path, changes: dict[str, str], holders: int, says: list[str]
) -> None:
    deployment = init(tmp_path, "Test", None).deployment
    usual = {
        "mode": "redacted",
        "until": f"{date.today() + timedelta(days=100)}",
        "more": "match: {team: data}",
    }
    rules = deployment.settings.rules
    (rules / "policy" / "40-audit.yaml").write_text(RULE.format(**{**usual, **changes}))
    people = "".join(
        f"  - {{name: {key.name}, role: auditor, public_key: {key.public}}}\n"
        for key in (CAROL, DAVE)[:holders]
    )
    (rules / "auditors.yaml").write_text(f"version: 1\nauditors:\n{people}" if people else "version: 1\n")
    perform(deployment, "person.add", name="ci", kind="service", team="core")
    found = check(deployment)
    assert found.errors == []
    audit = [each for each in found.warnings if "incident:" in each]
    assert len(audit) == len(says)
    assert all(word in each and "40-audit.yaml:3:" in each for word, each in zip(says, audit, strict=True))


def test_a_mistake_in_the_auditors_file_is_an_error_with_its_line(tmp_path: Path) -> None:
    deployment = init(tmp_path, "Test", None).deployment
    (deployment.settings.rules / "auditors.yaml").write_text("version: 1\nauditors: [{name: eve}]\n")
    assert any("auditors.yaml:2:" in each for each in check(deployment).errors)

"""Rules that change while `serve` runs: taken up whole or not at all, and said so."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from sluiceway.app.watching import signature
from sluiceway.errors import ConfigError
from tests.e2e.running import Running

pytestmark = pytest.mark.e2e

DENY = "version: 1\nroutes: [{name: stop, deny: {reason: not today}}]\n"
BROKEN = "version: 1\nroutes: [{name: stop, deny: {raeson: not today}}]\n"


def wait_for(holds: Callable[[], bool]) -> bool:
    """Whether it comes true within a generous while."""
    return any(holds() or threading.Event().wait(0.05) for _ in range(200))


def test_an_edited_file_is_in_force_without_being_asked(fresh: type[Running]) -> None:
    running = fresh()
    before = running.service.status()["policy_version"]
    (running.deployment.settings.rules / "policy" / "20-routes.yaml").write_text(DENY)
    assert wait_for(lambda: running.service.status()["policy_version"] != before)
    assert running.service.gateway.parts.rules.policy.routes[0].name == "stop"


def test_a_broken_edit_changes_nothing_and_is_shown_until_it_is_mended(fresh: type[Running]) -> None:
    running = fresh()
    file = running.deployment.settings.rules / "policy" / "20-routes.yaml"
    before = running.service.gateway.parts.rules
    file.write_text(BROKEN)
    assert wait_for(lambda: running.service.running.rules_problem is not None)
    assert running.service.gateway.parts.rules is before
    assert "did you mean 'reason'?" in running.service.status()["rules_problem"]
    assert running.service.running.gauges()["rules_refused"] == 1
    file.write_text(DENY)
    assert wait_for(lambda: running.service.running.rules_problem is None)


def test_what_was_asked_for_is_not_read_twice(fresh: type[Running]) -> None:
    running = fresh()
    file = running.deployment.settings.rules / "policy" / "20-routes.yaml"
    file.write_text(DENY)
    running.on.call(running.service.reload)
    assert running.service.running.watch._loaded == signature(running.deployment.settings.rules)


def test_without_watching_only_a_reload_counts(fresh: type[Running]) -> None:
    running = fresh(more="watch_rules: false")
    file = running.deployment.settings.rules / "policy" / "20-routes.yaml"
    file.write_text(BROKEN)
    assert running.service.running.watch._task is None
    with pytest.raises(ConfigError, match="raeson"):
        running.on.call(running.service.reload)

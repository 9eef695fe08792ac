"""The command line: parses, calls `app`, prints. Exit 0 done, 1 failed with a reason, 2 wrong usage."""

from __future__ import annotations

import sys

from sluiceway.cli import ca, ledger, people, rules, service
from sluiceway.cli.shape import application
from sluiceway.errors import SluicewayError

app = application("A corporate proxy for AI traffic: who calls, what it costs, and when to stop.")
service.add_to(app)
app.add_typer(people.employee, name="employee")
app.add_typer(people.service, name="service")
app.add_typer(rules.budget, name="budget")
app.add_typer(rules.rules, name="rules")
app.add_typer(ledger.ledger, name="ledger")
app.command()(ledger.report)
app.add_typer(ca.ca, name="ca")


def main() -> None:
    """The `sluiceway` command."""
    try:
        app()
    except SluicewayError as error:
        print(f"sluiceway: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:
        # The reader (`head`, a closed pager) has what it wanted.
        sys.stderr.close()
        raise SystemExit(0) from None

"""The entry for `mitmdump -s addons/gateway.py`: the same addons, in mitmproxy's own command line."""

from sluiceway.app.script import addons  # noqa: F401  # mitmproxy looks for this name

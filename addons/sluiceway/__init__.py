"""Sluiceway: a corporate proxy for AI traffic that knows who calls, what it costs and when to stop."""

__version__ = "0.1.0"

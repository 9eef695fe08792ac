"""Hypothesis without a stopwatch: this machine may be busy, and time is measured by `make bench` alone."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("wire", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("wire")

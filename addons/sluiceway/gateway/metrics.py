"""Figures for Prometheus: what passed, how long it took, what it cost. No name of a person, model or path
is ever a label: those are for the ledger, and clients could make up any number of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from sluiceway.types import LedgerRow

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
FIRST_BYTE_S = (0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300)
OVERHEAD_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 30)


class _Now(Collector):
    """Gauges that are read when they are asked for, such as open reservations."""

    def __init__(self, read: Callable[[], Mapping[str, float]]) -> None:
        self._read = read

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for name, value in self._read().items():
            yield GaugeMetricFamily(f"sluiceway_{name}", name.replace("_", " "), value)


def nothing() -> Mapping[str, float]:
    """No gauges."""
    return {}


class Metrics:
    """One for the process. `now` gives the present values of gauges by name."""

    def __init__(self, now: Callable[[], Mapping[str, float]] = nothing) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "sluiceway_requests",
            "Attempts that ended, by provider, operation and outcome.",
            ("provider", "operation", "outcome"),
            registry=self._registry,
        )
        self._refusals = Counter(
            "sluiceway_refusals", "Requests turned away, by code.", ("code",), registry=self._registry
        )
        self._tokens = Counter(
            "sluiceway_tokens",
            "Tokens as providers reported them, or estimated where an answer was cut.",
            ("provider", "direction"),
            registry=self._registry,
        )
        self._cost = Counter(
            "sluiceway_cost_usd", "Known cost in US dollars.", ("provider", "basis"), registry=self._registry
        )
        self._unpriced = Counter(
            "sluiceway_unpriced_requests",
            "Metered attempts whose cost is not known.",
            ("provider",),
            registry=self._registry,
        )
        self._first_byte = Histogram(
            "sluiceway_first_byte_seconds",
            "From our request to the first byte of the provider's answer.",
            ("provider",),
            buckets=FIRST_BYTE_S,
            registry=self._registry,
        )
        self._overhead = Histogram(
            "sluiceway_overhead_seconds",
            "From the client's complete request to ours, waiting for a cap included.",
            buckets=OVERHEAD_S,
            registry=self._registry,
        )
        self._findings = Counter(
            "sluiceway_guard_findings",
            "What the guard found in requests, by type and by what was done (detect, mask, block).",
            ("type", "action"),
            registry=self._registry,
        )
        self._scanned = Counter(
            "sluiceway_guard_texts",
            "Parts of requests that were scanned, or remembered from an earlier scan.",
            ("how",),
            registry=self._registry,
        )
        self._guard_failures = Counter(
            "sluiceway_guard_failures", "Scans that failed, by reason.", ("reason",), registry=self._registry
        )
        self._translated = Counter(
            "sluiceway_translated_requests",
            "Requests written for a provider of another API, by both.",
            ("from_api", "to_api"),
            registry=self._registry,
        )
        self._lost = Counter(
            "sluiceway_translation_losses",
            "What of those requests could not be carried over, by field.",
            ("from_api", "to_api", "field"),
            registry=self._registry,
        )
        self._failovers = Counter(
            "sluiceway_failovers",
            "Attempts that another took over from, by the provider that failed and why.",
            ("provider", "reason"),
            registry=self._registry,
        )
        self._breakers = Counter(
            "sluiceway_breaker_changes",
            "Breakers that opened, let a probe through, or closed.",
            ("provider", "state"),
            registry=self._registry,
        )
        self._mirrors = Counter(
            "sluiceway_mirrors",
            "Copies of requests for another model, by what became of them (sent, or why they were dropped).",
            ("ending",),
            registry=self._registry,
        )
        self._registry.register(_Now(now))
        # To check and look up labels anew for each request costs more than to count it; there are few.
        self._requests_of = cache(self._requests.labels)
        self._tokens_of = cache(self._tokens.labels)
        self._cost_of = cache(self._cost.labels)
        self._first_byte_of = cache(self._first_byte.labels)

    def ended(self, row: LedgerRow) -> None:
        """One attempt is over."""
        self._requests_of(row.provider, row.operation, row.outcome).inc()
        if row.refusal_code is not None:
            self._refusals.labels(row.refusal_code).inc()
        if row.input_tokens:
            self._tokens_of(row.provider, "input").inc(row.input_tokens)
        if row.output_tokens:
            self._tokens_of(row.provider, "output").inc(row.output_tokens)
        if row.cost_nusd is None and row.metered:
            self._unpriced.labels(row.provider).inc()
        elif row.cost_nusd:
            self._cost_of(row.provider, str(row.cost_basis)).inc(row.cost_nusd / 1e9)
        if row.ttft_ms is not None:
            self._first_byte_of(row.provider).observe(row.ttft_ms / 1000)
        if row.overhead_ms is not None:
            self._overhead.observe(row.overhead_ms / 1000)

    def found(self, entity: str, action: str, count: int) -> None:
        """The guard found this in one request, history included."""
        self._findings.labels(entity, action).inc(count)

    def scanned(self, new: int, remembered: int) -> None:
        """The guard looked at one request."""
        self._scanned.labels("scanned").inc(new)
        self._scanned.labels("remembered").inc(remembered)

    def guard_failed(self, reason: str) -> None:
        """A request could not be scanned."""
        self._guard_failures.labels(reason).inc()

    def translated(self, source: str, target: str, lost: Mapping[str, int]) -> None:
        """A request was written for another API. `lost`: how often each field was; the names are ours."""
        self._translated.labels(source, target).inc()
        for field, times in lost.items():
            self._lost.labels(source, target, field).inc(times)

    def failed_over(self, provider: str, reason: str) -> None:
        """Another attempt follows one that failed."""
        self._failovers.labels(provider, reason).inc()

    def breaker(self, provider: str, state: str) -> None:
        """A breaker changed."""
        self._breakers.labels(provider, state).inc()

    def mirrored(self, ending: str) -> None:
        """A copy was sent, or dropped."""
        self._mirrors.labels(ending).inc()

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)

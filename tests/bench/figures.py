"""What is measured, what is aimed at, and how rounds become ratios with a spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median


class Path(StrEnum):
    """The three ways to the provider, in the order in which each round takes them."""

    DIRECT = "direct"
    STOCK = "mitmdump"
    OURS = "sluiceway"


class Against(StrEnum):
    """What an aim is about: the ratio to stock mitmdump, or the figure itself."""

    RATIO = "x"
    FIGURE = ""


@dataclass(frozen=True, slots=True)
class Metric:
    """One line of the table. `aim` is the most that is allowed, None where nothing was promised."""

    name: str
    title: str
    unit: str
    aim: float | None = None
    against: Against = Against.RATIO


METRICS = (
    Metric("small", "CPU per small request, 16 at a time", "us", 0.45),
    Metric("single", "CPU per small request, one at a time", "us"),
    Metric("large", "CPU per 100 KB request, 4 at a time", "us"),
    Metric("connection", "CPU per new client connection", "us", 0.5),
    Metric("event", "CPU per SSE event, 20 paced streams", "us", 0.5),
    Metric("burst", "CPU per SSE event, as fast as they come", "us"),
    Metric("throughput", "time per small request, 16 at a time", "us"),
    Metric("added_p50", "added latency, median", "ms"),
    Metric("added_p99", "added latency, 99th percentile", "ms"),
    Metric("first_event", "time to first event, median", "ms", 1.0),
    Metric("stream_memory", "memory per open stream", "KB", 200, Against.FIGURE),
    Metric("start", "first answer after start", "s", 3, Against.FIGURE),
    Metric("left_open", "files left open by 50 closed connections", "", 0, Against.FIGURE),
    Metric("resident", "resident after load", "MB", 200, Against.FIGURE),
)


class Samples:
    """Figures by metric and path, one for each round; `syncs_ms`: how long the disk took, one a round."""

    def __init__(self) -> None:
        self.syncs_ms: list[float] = []
        self._found: dict[str, dict[Path, list[float]]] = {}

    def add(self, metric: str, path: Path, value: float) -> None:
        self._found.setdefault(metric, {}).setdefault(path, []).append(value)

    def last(self, metric: str, path: Path) -> float:
        return self._found[metric][path][-1]

    def of(self, metric: str, path: Path) -> Sequence[float]:
        return self._found.get(metric, {}).get(path, ())


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of several rounds, the least and the most of them."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class Result:
    """One metric over all rounds. `ratio` compares figures of the same round, never of different ones."""

    metric: Metric
    figures: Mapping[Path, Spread]
    ratio: Spread | None

    @property
    def met(self) -> bool | None:
        """Whether the median keeps the aim; None without an aim."""
        metric = self.metric
        if metric.aim is None:
            return None
        judged = self.ratio if metric.against is Against.RATIO else self.figures.get(Path.OURS)
        return None if judged is None else judged.median <= metric.aim


def results(samples: Samples) -> list[Result]:
    """The table's lines, in order; metrics that were not measured are left out."""
    return [_result(metric, samples) for metric in METRICS if samples.of(metric.name, Path.OURS)]


def _result(metric: Metric, samples: Samples) -> Result:
    figures = {path: Spread.of(values) for path in Path if (values := samples.of(metric.name, path))}
    pairs = zip(samples.of(metric.name, Path.OURS), samples.of(metric.name, Path.STOCK), strict=False)
    ratios = [ours / stock for ours, stock in pairs if stock > 0]
    return Result(metric, figures, Spread.of(ratios) if ratios else None)


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all values do not exceed: the nearest rank, never an interpolation."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

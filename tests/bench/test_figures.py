"""How rounds become ratios: by pairs of the same round, judged against the aim."""

from __future__ import annotations

import orjson
import pytest

from . import table
from .figures import METRICS, Path, Samples, Spread, quantile, results


def _samples(metric: str, ours: list[float], stock: list[float]) -> Samples:
    samples = Samples()
    for value in ours:
        samples.add(metric, Path.OURS, value)
    for value in stock:
        samples.add(metric, Path.STOCK, value)
    return samples


def test_a_ratio_compares_figures_of_the_same_round() -> None:
    # The machine was four times slower in the second round; by round Sluiceway took 0.5, 0.5 and 0.4.
    (result,) = results(_samples("small", [100, 400, 80], [200, 800, 200]))
    assert result.ratio == Spread(0.5, 0.4, 0.5)
    assert result.figures[Path.OURS] == Spread(100, 80, 400)


@pytest.mark.parametrize(
    ("metric", "ours", "stock", "met"),
    [
        pytest.param("small", [45.0], [100.0], True, id="a ratio just at its aim"),
        pytest.param("small", [46.0], [100.0], False, id="a ratio above its aim"),
        pytest.param("start", [2.9], [0.5], True, id="a figure below its aim, whatever stock takes"),
        pytest.param("start", [3.1], [9.0], False, id="a figure above its aim, though stock is slower"),
        pytest.param("single", [900.0], [100.0], None, id="nothing was promised"),
        pytest.param("small", [45.0], [], None, id="nothing to compare with"),
    ],
)
def test_an_aim_is_judged_by_what_it_is_about(
    metric: str, ours: list[float], stock: list[float], met: bool | None
) -> None:
    (result,) = results(_samples(metric, ours, stock))
    assert result.met is met


def test_a_quantile_is_a_value_that_was_measured() -> None:
    values = [float(n) for n in range(100, 0, -1)]
    assert (quantile(values, 0.5), quantile(values, 0.99), quantile([7.0], 0.99)) == (51.0, 100.0, 7.0)


def test_the_table_shows_every_metric_its_aim_and_whether_it_is_kept() -> None:
    samples = Samples()
    for metric in METRICS:
        samples.add(metric.name, Path.OURS, 60)
        samples.add(metric.name, Path.STOCK, 100)
    lines = table.text(results(samples)).splitlines()
    assert len(lines) == len(METRICS) + 1
    assert lines[1].split()[-5:] == ["0.60x", "0.60-0.60x", "<=", "0.45x", "MISSED"]
    assert lines[-1].split()[-4:] == ["<=", "200", "MB", "met"]


def test_the_document_is_json_and_complete() -> None:
    found = results(_samples("event", [10.0], [40.0]))
    written = orjson.loads(orjson.dumps(table.document(found, rounds=1, requests=5, syncs_ms=[0.2])))
    (entry,) = written["metrics"]
    assert entry["ratio"] == {"median": 0.25, "least": 0.25, "most": 0.25}
    assert (entry["aim"], entry["aim_is_about"], entry["met"]) == (0.5, "ratio", True)
    assert written["machine"]["cores"]


def test_metric_names_are_unique() -> None:
    names: list[str] = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
    assert all(metric.title for metric in METRICS)

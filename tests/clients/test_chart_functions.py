"""The functions that people had, against a running extractor."""

import pytest

from metaextract_client import charts
from tests.support.processes import start_cache, start_extractor

ONE = {"Sun": 0.0, "Moon": 90.0, "Mercury": 180.0, "Venus": 270.0, "Mars": 45.0, "Jupiter": 135.0, "Saturn": 225.0, "Uranus": 315.0, "Neptune": 60.0, "Pluto": 240.0}  # fmt: skip
OTHER = {name: (value + 5) % 360 for name, value in ONE.items()}


@pytest.fixture(scope="module")
def address():
    with start_cache() as cache, start_extractor(cache.address) as process:
        yield process.address


def test_one_pair_has_the_shape_that_people_had(address):
    result = charts.optimized_synastry_calculation(ONE, OTHER, orb=8.0, address=address)
    assert set(result) == {"aspects", "metadata"} and result["metadata"]["orb"] == 8.0
    assert [len(row) for row in result["aspects"]] == [10] * 10
    assert result["aspects"][0][0] == {"aspect": "conjunction", "orb": 5.0, "type": "harmonious"}
    assert result["aspects"][0][4] is None  # 50 degrees
    again = charts.optimized_synastry_calculation(ONE, OTHER, orb=8.0, address=address)
    assert (
        again["aspects"] == result["aspects"]
        and again["metadata"]["cached"]
        and not result["metadata"]["cached"]
    )
    uncached = charts.optimized_synastry_calculation(ONE, OTHER, use_caching=False, address=address)
    assert not uncached["metadata"]["cached"]


def test_a_session_does_many_pairs_matrices_and_tells_how_fast(address):
    told = []
    with charts.optimized_calculation_session(chunk_size=3, address=address) as calculator:
        results = calculator.calculate_large_batch_synastry(
            [(ONE, OTHER), (OTHER, ONE)], progress=lambda *done: told.append(done)
        )
        assert len(results) == 2 and told == [(1, 2), (2, 2)]
        matrix = calculator.score_matrix([ONE, OTHER] * 4, [OTHER] * 5)  # several parts
        assert len(matrix) == 8 and len(matrix[0]) == 5 and matrix[0] == matrix[2] != matrix[1]
        summary = calculator.summary([ONE, OTHER], [OTHER], best=1)
        assert (
            summary["best"][0]["score"] == pytest.approx(max(row[0] for row in matrix))
            and summary["scores"]["PairCount"] == 2
        )
        metrics = calculator.get_performance_metrics()
        assert (
            metrics["operations"] >= 4
            and metrics["calculations_per_second"] > 0
            and metrics["regression"] is None
        )
        assert {"operation_name", "duration_ms", "num_calculations", "success"} <= set(metrics["records"][-1])
        with pytest.raises(charts.ChartError):
            calculator.summary([], [])


def test_memory_is_estimated_as_it_was():
    calculator = charts.Calculator(None, chunk_size=10)
    told = calculator.estimate_memory_usage(1000, 500, 10)
    assert set(told) == {"base_memory_mb", "chunked_memory_mb", "memory_savings_mb", "memory_savings_percent"}
    assert told["base_memory_mb"] > told["chunked_memory_mb"] > 0


def test_a_slowdown_is_noticed(caplog):
    calculator = charts.Calculator(None)
    for number in range(40):
        calculator._records.append(
            {"success": True, "duration_ms": 10.0 if number < 30 else 16.0, "num_calculations": 1}
        )
    assert calculator._regression()["ratio"] == pytest.approx(1.6)

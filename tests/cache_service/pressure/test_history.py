from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache_service.pressure.history import SPAN_SECONDS, PressureHistory
from cache_service.pressure.state import PressureChange
from service_runtime.memory.levels import PressureLevel

NORMAL, ELEVATED, HIGH, CRITICAL = PressureLevel


def filled(seconds=1000, score=lambda at: 0.5):
    history = PressureHistory()
    for tenth in range(seconds * 10):
        history.record(tenth / 10, NORMAL, score(tenth / 10))
    return history


def test_a_second_is_one_point_and_its_worst_counts():
    history = PressureHistory()
    for at, level, score in (
        (0.0, NORMAL, 0.1),
        (0.4, CRITICAL, 0.95),
        (0.8, NORMAL, 0.2),
        (1.0, NORMAL, 0.3),
    ):
        history.record(at, level, score)
    first, second = history.points(2)
    assert first == (0.0, CRITICAL, 0.95) and second == (1.0, NORMAL, 0.3)


def test_it_holds_fifteen_minutes():
    points = filled(2000).points(2000)
    assert 890 <= len(points) <= 900 and points[0].at >= 2000 - SPAN_SECONDS


def test_averages_and_trend():
    history = filled(900, lambda at: at / 900)
    assert history.average(900, 60) == pytest.approx(0.967, abs=0.01)
    assert history.average(900, 300) == pytest.approx(0.833, abs=0.01)
    assert history.average(900, 900) == pytest.approx(0.5, abs=0.01)
    assert history.trend_per_minute(900) == pytest.approx(60 / 900, rel=0.01)
    assert filled(900).trend_per_minute(900) == pytest.approx(0)
    assert PressureHistory().average(0, 60) == 0 == PressureHistory().trend_per_minute(0)


@given(st.integers(1, 50))
def test_fewer_points_keep_the_worst(most):
    history = filled(100, lambda at: 0.9 if 50 <= at < 51 else 0.1)
    points = history.points(100, most=most)
    assert len(points) <= most and max(point.score_ratio for point in points) == 0.9


def change(revision):
    return PressureChange(revision, float(revision), NORMAL, HIGH, "x", 0.8)


def test_what_was_missed_and_whether_there_are_gaps():
    history = PressureHistory()
    for revision in range(1, 11):
        history.changes.append(change(revision))
    assert [each.revision for each in history.since(7)[0]] == [8, 9, 10] and history.since(7)[1] is False
    assert history.since(10) == ([], False)
    for revision in range(11, 400):
        history.changes.append(change(revision))
    missed, has_gaps = history.since(7)
    assert has_gaps and missed[-1].revision == 399
    assert history.since(398)[1] is False


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", '{"format": 1}', '{"format": 1, "points": [[1]], "changes": []}', '{"format": 2}'],
)
def test_a_damaged_file_is_as_none(tmp_path, content):
    path = tmp_path / "pressure.json"
    path.write_text(content)
    history = PressureHistory()
    history.load(path, 0)
    assert history.points(0) == []


def test_it_is_saved_and_only_what_is_recent_comes_back(tmp_path):
    path = tmp_path / "pressure.json"
    history = filled(900)
    history.changes.append(change(5))
    history.changes.append(change(800))
    history.save(path)
    again = PressureHistory()
    again.load(path, now=1500)
    assert again.points(1500)[0].at >= 600 and [each.revision for each in again.changes] == [0]
    history.save(tmp_path / "none" / "x.json")  # logged, not raised

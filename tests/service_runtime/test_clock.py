import time
from pathlib import Path

from service_runtime.clock import steady_time

CACHE = Path(__file__).parents[2] / "cache_service"
TOLD_TO_PEOPLE = {"pressure/monitor.py", "services/pressure_service.py", "status.py"}


def test_it_is_the_time_of_day_without_its_steps(monkeypatch):
    before = steady_time()
    assert abs(before - time.time()) < 60
    monkeypatch.setattr("time.time", lambda: before - 3600)
    assert 0 <= steady_time() - before < 5


def test_nothing_expires_by_another_clock():
    asking = {
        path.relative_to(CACHE).as_posix()
        for path in CACHE.rglob("*.py")
        if "time.time" in path.read_text(encoding="utf-8")
    }
    assert asking == TOLD_TO_PEOPLE

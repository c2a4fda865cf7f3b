from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from extractor_service.backoff.view import SILENCE_SECONDS, PressureView
from service_runtime.memory.levels import PressureLevel

NORMAL, ELEVATED, HIGH, CRITICAL = PressureLevel
LEVELS = st.sampled_from(list(PressureLevel))


def test_silence_is_one_level_worse_once_then_only_own_signals():
    view = PressureView()
    assert view.level(0) is NORMAL, "a cache never heard of may not exist"
    view.hear(0, HIGH, 6)
    assert view.level(6) is HIGH
    assert view.level(7) is CRITICAL and view.level(SILENCE_SECONDS) is CRITICAL
    assert view.cache_level(SILENCE_SECONDS + 1) is None
    assert view.level(SILENCE_SECONDS + 1) is ELEVATED, (
        "a cache that died at CRITICAL must not freeze the fleet"
    )
    view.local_level = HIGH
    assert view.level(SILENCE_SECONDS + 1) is HIGH
    view.hear(100, NORMAL, 6)
    assert view.level(101) is HIGH, "the worse of both"
    view.local_level = NORMAL
    assert view.level(101) is NORMAL


@given(LEVELS, LEVELS, st.floats(0, 600), st.floats(1, 50))
def test_silence_never_makes_it_better_than_elevated_nor_keeps_it_worse_for_ever(
    level, local, age, valid_for
):
    view = PressureView()
    view.hear(0, level, valid_for)
    view.local_level = local
    seen = view.level(age)
    assert seen >= local
    if age <= valid_for:
        assert seen == max(level, local)
    elif age <= SILENCE_SECONDS:
        assert seen == max(level.worse(), local)
    else:
        assert seen == max(ELEVATED, local)

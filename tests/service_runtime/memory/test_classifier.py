from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service_runtime.memory.classifier import Classifier
from service_runtime.memory.levels import PressureLevel, Thresholds


def test_a_flickering_signal_does_not_flap_the_level():
    classifier, levels = Classifier(Thresholds(), hold_seconds=30), []
    for second in range(100):
        levels.append(classifier.update(second, 0.2, failed=second % 2 == 0))
    assert set(levels) == {PressureLevel.ELEVATED}
    assert [classifier.update(second, 0.2) for second in range(100, 130)][-1] is PressureLevel.NORMAL


def test_up_at_once_down_after_the_hold_one_level_at_a_time():
    classifier = Classifier(Thresholds(), hold_seconds=30, release_ratio=0.05)
    assert classifier.update(0, 0.95) is PressureLevel.CRITICAL
    assert classifier.update(1, 0.10) is PressureLevel.CRITICAL
    assert classifier.update(30.9, 0.10) is PressureLevel.CRITICAL
    assert classifier.update(31, 0.10) is PressureLevel.HIGH
    assert classifier.update(60, 0.10) is PressureLevel.HIGH
    assert classifier.update(61, 0.10) is PressureLevel.ELEVATED
    assert classifier.update(91, 0.10) is PressureLevel.NORMAL


def test_within_the_release_band_nothing_falls():
    classifier = Classifier(Thresholds(), hold_seconds=1, release_ratio=0.05)
    classifier.update(0, 0.61)
    for second in range(1, 100):
        assert classifier.update(second, 0.56) is PressureLevel.ELEVATED


def test_slope_and_time_to_the_next_level():
    classifier = Classifier(Thresholds())
    for tenth in range(11):
        classifier.update(tenth / 10, 0.40 + tenth / 100)
    assert classifier.slope_per_second() == pytest.approx(0.1)
    assert classifier.seconds_to_next_level() == pytest.approx(1.0)
    classifier.update(1.1, 0.1)
    assert classifier.seconds_to_next_level() is None


samples = st.lists(
    st.tuples(st.floats(0.01, 20), st.one_of(st.none(), st.floats(0, 1.5))), min_size=1, max_size=200
)


@given(samples)
def test_the_level_is_never_below_what_the_sample_says(steps):
    classifier, now = Classifier(Thresholds()), 0.0
    before = classifier.level
    for pause, ratio in steps:
        now += pause
        level = classifier.update(now, ratio)
        if ratio is not None:
            assert level >= Thresholds().level(ratio)
            assert level >= before - 2  # one level a step, and one that UNKNOWN may have added
        before = level


@given(samples)
def test_falling_needs_the_hold(steps):
    classifier, now, last_high = Classifier(Thresholds(), hold_seconds=30), 0.0, 0.0
    for pause, ratio in steps:
        now += pause
        level = classifier.update(now, ratio if ratio is not None else 0.5)
        if (ratio or 0.5) >= 0.6:
            last_high = now
        if last_high and now - last_high < 30:
            assert level >= PressureLevel.ELEVATED


def test_thresholds_may_change_at_any_time():
    classifier = Classifier(Thresholds(), hold_seconds=0)
    assert classifier.update(0, 0.5) is PressureLevel.NORMAL
    classifier.thresholds = Thresholds(0.3, 0.4, 0.45)
    assert classifier.update(1, 0.5) is PressureLevel.CRITICAL
    classifier.thresholds = Thresholds()
    assert [classifier.update(2 + step, 0.5) for step in range(4)][-1] is PressureLevel.NORMAL


@pytest.mark.parametrize("ratios", [(0.8, 0.6, 0.9), (0.6, 0.6, 0.9), (0.0, 0.5, 0.9), (0.6, 0.8, 1.0)])
def test_thresholds_must_rise(ratios):
    with pytest.raises(ValueError, match="must rise"):
        Thresholds(*ratios)


@given(st.floats(0, 2), st.sampled_from(list(PressureLevel)))
def test_a_capped_ratio_stands_for_its_cap_at_most(ratio, worst):
    capped = Thresholds().capped(ratio, worst)
    assert capped <= ratio and Thresholds().level(capped) == min(Thresholds().level(ratio), worst)


@given(samples)
def test_what_was_given_up_grows_back_only_below_the_next_level(steps):
    classifier, now = Classifier(Thresholds(), hold_seconds=1), 0.0
    for pause, ratio in steps:
        now += pause
        classifier.update(now, ratio)
        above = Thresholds().above(classifier._level)
        assert classifier.regrow_ratio == (0.0 if above is None else above - 0.05)

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service_runtime.memory import signals
from service_runtime.memory.classifier import Classifier
from service_runtime.memory.levels import PressureLevel, Thresholds
from service_runtime.memory.release import TrimLimiter, trim
from service_runtime.memory.sampler import Sampler

MIB = 2**20


def write(folder: Path, **files: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(f"{content}\n")
    return folder


def v2(folder: Path, current=300 * MIB, limit: object = 512 * MIB, high: object = "max", cache=0) -> Path:
    stat = f"anon 1\ninactive_file {cache}\nactive_file {cache}"
    return write(folder, memory__current=current, memory__max=limit, memory__high=high, memory__stat=stat)


def meminfo(folder: Path, total_kb=1000, available_kb=250) -> Path:
    return (
        write(folder, meminfo=f"MemTotal: {total_kb} kB\nMemFree: 1 kB\nMemAvailable: {available_kb} kB")
        / "meminfo"
    )


def test_v2_counts_the_working_set_not_the_page_cache(tmp_path):
    signal = signals.CgroupV2(v2(tmp_path / "c", cache=50 * MIB))
    assert signal.read() == (200 * MIB, 512 * MIB)
    signal.close()


def test_v2_takes_the_lower_of_high_and_max(tmp_path):
    signal = signals.CgroupV2(v2(tmp_path / "c", high=256 * MIB))
    assert signal.read().limit_bytes == 256 * MIB
    signal.close()


def test_v1_counts_the_working_set(tmp_path):
    stat = "cache 9\ntotal_inactive_file 100\ntotal_active_file 50"
    folder = write(
        tmp_path / "c", memory__usage_in_bytes=1000, memory__limit_in_bytes=2000, memory__stat=stat
    )
    signal = signals.CgroupV1(folder)
    assert signal.read() == (850, 2000)
    signal.close()


def test_discovery_finds_each_limited_ancestor_and_the_host(tmp_path):
    root = tmp_path / "cgroup"
    v2(root / "pod" / "app", limit="max")
    v2(root / "pod", limit=512 * MIB)
    (tmp_path / "self").write_text("0::/pod/app\n")
    found = signals.discover(root, tmp_path / "self", meminfo(tmp_path))
    assert [(signal.name, signal.read().limit_bytes) for signal in found] == [
        ("cgroup_v2", 512 * MIB),
        ("host", 1000 * 1024),
    ]
    Sampler(found).close()


def test_discovery_finds_v1_of_a_hybrid_system(tmp_path):
    root = tmp_path / "cgroup"
    stat = "total_inactive_file 0\ntotal_active_file 0"
    limits = {"memory__usage_in_bytes": 10, "memory__stat": stat}
    write(root / "memory" / "job", memory__limit_in_bytes=100, **limits)
    write(root / "memory", memory__limit_in_bytes=9223372036854771712, **limits)
    (tmp_path / "self").write_text("4:cpu:/\n3:memory:/job\n0::/\n")
    found = signals.discover(root, tmp_path / "self", meminfo(tmp_path))
    assert [signal.name for signal in found] == ["cgroup_v1", "host"]
    Sampler(found).close()


def test_this_machine_has_signals():
    sampler = Sampler(signals.discover())
    sample = sampler.sample()
    assert not sample.failed
    assert 0 < sample.ratio < 1
    sampler.close()


class Broken:
    name = "broken"

    def read(self):
        raise OSError("gone")

    def close(self):
        pass


class Fixed:
    name = "fixed"

    def __init__(self, ratio):
        self._ratio = ratio

    def read(self):
        return signals.MemoryUsage(int(self._ratio * 1000), 1000)

    def close(self):
        pass


def test_the_worst_signal_comes_first():
    sample = Sampler([Fixed(0.2), Fixed(0.7), Fixed(0.5)]).sample()
    assert [reading.ratio for reading in sample.readings] == [0.7, 0.5, 0.2]
    assert sample.ratio == 0.7 and not sample.failed


def test_a_failing_signal_is_unknown_never_normal():
    sample = Sampler([Fixed(0.2), Broken()]).sample()
    assert sample.failed and sample.ratio == 0.2 and sample.readings[0].ratio is None
    classifier = Classifier(Thresholds())
    assert classifier.update(0, sample.ratio, failed=sample.failed) is PressureLevel.ELEVATED
    assert classifier.update(1, 0.95, failed=True) is PressureLevel.CRITICAL
    assert Classifier(Thresholds()).update(0, None) is PressureLevel.ELEVATED


def test_a_flickering_signal_does_not_flap_the_level():
    classifier, levels = Classifier(Thresholds(), hold_seconds=30), []
    for second in range(100):
        levels.append(classifier.update(second, 0.2, failed=second % 2 == 0))
    assert set(levels) == {PressureLevel.ELEVATED}
    assert [classifier.update(second, 0.2) for second in range(100, 130)][-1] is PressureLevel.NORMAL


def test_a_limit_that_is_lifted_is_no_failure(tmp_path):
    folder = v2(tmp_path / "c")
    signal = signals.CgroupV2(folder)
    (folder / "memory.max").write_text("max\n")
    sample = Sampler([signal, Fixed(0.3)]).sample()
    assert not sample.failed and sample.ratio == 0.3
    signal.close()


def test_the_sampler_recovers():
    signal = Broken()
    sampler = Sampler([signal])
    assert sampler.sample().failed
    signal.read = lambda: signals.MemoryUsage(1, 2)
    assert sampler.sample().ratio == 0.5


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


def test_trim_is_limited_in_rate_unless_urgent():
    limiter = TrimLimiter(10, action=lambda: True)
    assert limiter.due(0) and not limiter.due(9) and limiter.due(9, urgent=True) and limiter.due(19)
    assert isinstance(trim(), bool)

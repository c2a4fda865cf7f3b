from __future__ import annotations

import pytest

from service_runtime.backoff_table import (
    InvalidTableError,
    WorkClass,
    default_table,
    make_table,
)
from service_runtime.memory.levels import PressureLevel

NORMAL, ELEVATED, HIGH, CRITICAL = PressureLevel


def test_the_default_sheds_the_less_urgent_first():
    table = default_table()
    ratios = {
        work: [table.row(work, level).concurrency_ratio for level in PressureLevel] for work in WorkClass
    }
    assert ratios[WorkClass.INTERACTIVE] == [1, 0.75, 0.5, 0]
    for level in range(4):
        assert (
            ratios[WorkClass.INTERACTIVE][level]
            >= ratios[WorkClass.BATCH][level]
            >= ratios[WorkClass.BACKGROUND][level]
        )
    assert table.row(WorkClass.INTERACTIVE, CRITICAL).refuse_above_bytes == 2**20


def test_a_policy_file_changes_what_it_names(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text(
        "ramp_ratio_per_second = 0.5\n[batch.high]\nconcurrency_ratio = 0.1\nretry_after_seconds = 9\n"
        "[batch.critical]\nrefuse_above_bytes = 10\n"
    )
    table, before = make_table(str(path)), default_table()
    assert table.ramp_ratio_per_second == 0.5
    assert table.row(WorkClass.BATCH, HIGH).concurrency_ratio == 0.1
    assert table.row(WorkClass.BATCH, HIGH).chunk_bytes == before.row(WorkClass.BATCH, HIGH).chunk_bytes
    assert table.row(WorkClass.BATCH, CRITICAL).refuse_above_bytes == 10
    assert table.row(WorkClass.INTERACTIVE, HIGH) == before.row(WorkClass.INTERACTIVE, HIGH)


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "unknown = 1",
        "[batch.sunny]\nconcurrency_ratio = 1",
        "[urgent.high]\nconcurrency_ratio = 1",
        "[batch.high]\nspeed = 1",
        "[batch.high]\nconcurrency_ratio = 1.5",
        '[batch.high]\nconcurrency_ratio = "half"',
        "[batch.high]\nconcurrency_ratio = 0.9",
        "[batch.high]\nchunk_bytes = 1",
        "ramp_ratio_per_second = 0",
        "batch = 1",
        "[batch]\nhigh = 1",
    ],
)
def test_a_policy_file_that_makes_no_sense_is_refused(tmp_path, text):
    path = tmp_path / "policy.toml"
    path.write_text(text)
    with pytest.raises(InvalidTableError):
        make_table(str(path))
    with pytest.raises(InvalidTableError):
        make_table(str(tmp_path / "none"))

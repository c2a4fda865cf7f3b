"""Timecodes against a clock that counts frame by frame."""

from __future__ import annotations

import pytest

from extractor_service.formats.containers.isobmff.timecode import Counting, text


@pytest.mark.parametrize(
    ("frame", "rate", "is_drop", "expected"),
    [
        (0, 25, False, "00:00:00:00"),
        (917_563, 25, False, "10:11:42:13"),
        (107_894, 30, True, "01:00:00;02"),
        (1799, 30, True, "00:00:59;29"),
        (1800, 30, True, "00:01:00;02"),
        (17_982, 30, True, "00:10:00;00"),
        (1, 0, False, ""),
    ],
)
def test_known_ones(frame, rate, is_drop, expected):
    assert text(frame, Counting(rate, is_drop)) == expected


@pytest.mark.parametrize("rate", [30, 60])
def test_dropped_numbers_are_those_that_a_clock_leaves_out(rate):
    counting, number = Counting(rate, is_drop=True), 0
    for frame in range(rate * 60 * 21):
        minute, rest = divmod(number, rate * 60)
        if minute % 10 and rest == 0:
            number += rate // 15
            minute, rest = divmod(number, rate * 60)
        seconds, frames = divmod(rest, rate)
        assert text(frame, counting) == f"00:{minute:02}:{seconds:02};{frames:02}"
        number += 1

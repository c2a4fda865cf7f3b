from types import SimpleNamespace

import pytest

from extractor_service.backoff.overload_file import OverloadFile
from service_runtime.memory.levels import PressureLevel


def backoff(level, score):
    return SimpleNamespace(level=lambda: level, local=SimpleNamespace(score=score))


@pytest.mark.parametrize(
    ("level", "score", "told"),
    [
        (PressureLevel.NORMAL, 0.3, 0.3),
        (PressureLevel.NORMAL, 0.95, 0.59),  # the level is what is obeyed
        (PressureLevel.HIGH, 0.1, 0.8),
        (PressureLevel.CRITICAL, 0.1, 0.95),
        (PressureLevel.CRITICAL, 1.2, 1.0),
    ],
)
def test_the_ratio_is_the_score_within_its_level(level, score, told, tmp_path):
    assert OverloadFile(str(tmp_path / "f"), backoff(level, score)).ratio() == told


def test_a_failed_write_is_tried_again(tmp_path):
    folder = tmp_path / "later"
    file = OverloadFile(str(folder / "f"), backoff(PressureLevel.NORMAL, 0.0))
    file._tell(0.3)
    folder.mkdir()
    file._tell(0.3)
    assert (folder / "f").read_text() == "0.300"
    file._tell(0.301)
    assert (folder / "f").read_text() == "0.300", "less than a hundredth isn't worth a file"

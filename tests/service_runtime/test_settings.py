from dataclasses import dataclass

import pytest

from cache_service.settings import Settings as CacheSettings
from extractor_service.settings import Settings as ExtractorSettings
from service_runtime.configuration import from_environ
from service_runtime.settings import InvalidSettingError, describe, setting


@dataclass(frozen=True)
class Example:
    count: int = setting(3, "How many.", low=1, high=10)
    ratio: float = setting(0.5, "Share.", low=0, high=1)
    on: bool = setting(True, "Whether.")
    roots: tuple[str, ...] = setting((), "Folders.")
    kind: str = setting("a", "Which.", choices=("a", "b"))


def test_defaults_without_variables():
    assert from_environ(Example, {}) == Example()


def test_every_type_is_parsed():
    environ = {
        "METAEXTRACT_COUNT": "7", "METAEXTRACT_RATIO": "0.25", "METAEXTRACT_ON": "off",
        "METAEXTRACT_ROOTS": "/a, /b", "METAEXTRACT_KIND": "b", "UNRELATED": "x",
    }  # fmt: skip
    assert from_environ(Example, environ) == Example(7, 0.25, False, ("/a", "/b"), "b")


def test_an_empty_variable_means_the_default():
    assert from_environ(Example, {"METAEXTRACT_COUNT": ""}).count == 3


@pytest.mark.parametrize(
    ("variable", "text"),
    [("COUNT", "many"), ("COUNT", "0"), ("COUNT", "11"), ("RATIO", "nan"), ("ON", "perhaps"), ("KIND", "c")],
)
def test_bad_values_name_the_variable(variable, text):
    with pytest.raises(InvalidSettingError, match=f"METAEXTRACT_{variable}="):
        from_environ(Example, {f"METAEXTRACT_{variable}": text})


@pytest.mark.parametrize("settings", [CacheSettings, ExtractorSettings])
def test_every_setting_is_documented(settings):
    for row in describe(settings):
        assert row.doc.endswith("."), row
        assert row.default
    from_environ(settings, {})


def test_roots_must_be_folders(tmp_path):
    assert ExtractorSettings(file_roots=(str(tmp_path),)).file_roots
    for root in ("relative", str(tmp_path / "none")):
        with pytest.raises(InvalidSettingError, match="FILE_ROOTS"):
            from_environ(ExtractorSettings, {"METAEXTRACT_FILE_ROOTS": root})


def test_thresholds_must_rise():
    with pytest.raises(InvalidSettingError, match="must rise"):
        CacheSettings(pressure_elevated_ratio=0.9, pressure_high_ratio=0.8)

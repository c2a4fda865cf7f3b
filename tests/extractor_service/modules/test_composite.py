"""Calculated values, and times with the zone that the GPS tells."""

from __future__ import annotations

import math

import pytest

from extractor_service.document import Document, Field, ZoneSource
from extractor_service.modules.base import ModuleContext
from extractor_service.modules.composite.module import CompositeModule
from extractor_service.modules.times import created_at


def composite(**fields) -> dict:
    document = Document()
    for name, value in fields.items():
        section, _, field = name.partition("__")
        group = "GPS" if field.startswith("GPS") else "IFD0"
        document.add(section, Field(field, value, group=group))
    CompositeModule().run(None, document, ModuleContext(None))
    return {field.name: (field.value, field.text) for field in document.sections.get("composite", [])}


def test_size_and_aspect():
    found = composite(file__ImageWidth=6000, file__ImageHeight=4000)
    assert found["ImageSize"] == ("6000 4000", "6000x4000") and found["Megapixels"] == (24.0, "24.0")
    assert found["AspectRatio"] == (1.5, "3:2")


def test_exposure_and_optics():
    found = composite(
        exif__FNumber=2.8, exif__ExposureTime=0.004, exif__ISO=200, exif__FocalLength=50.0, exif__FocalLengthIn35mmFormat=75
    )  # fmt: skip
    assert found["LightValue"][0] == pytest.approx(2 * math.log2(2.8) - math.log2(0.004) - 1)
    assert found["ScaleFactor35efl"] == (1.5, "1.5")
    assert found["FocalLength35efl"] == (75.0, "50.0 mm (35 mm equivalent: 75.0 mm)")
    assert found["FOV"][0] == pytest.approx(26.99, abs=0.01)
    assert found["HyperfocalDistance"][0] == pytest.approx(44.57, abs=0.1)


@pytest.mark.parametrize("value", [0, -1, math.inf, "x", None, [], True])
def test_nonsense_calculates_nothing(value):
    assert "LightValue" not in composite(exif__FNumber=value, exif__ExposureTime=0.01, exif__ISO=100)


def test_positions_are_signed():
    found = composite(
        exif__GPSLatitude=33.5, exif__GPSLatitudeRef="S", exif__GPSLongitude=151.25, exif__GPSLongitudeRef="E"
    )
    assert (
        found["GPSLatitude"] == (-33.5, "33 deg 30' 0.00\" S") and found["GPSPosition"][0] == "-33.5 151.25"
    )


@pytest.mark.parametrize(
    ("local", "utc", "iso", "zone"),
    [
        ("2024:02:29 13:14:15", "02:14:17", "2024-02-29T13:14:15+11:00", ZoneSource.GPS),
        ("2024:02:29 02:00:00", "07:29:58", "2024-02-29T02:00:00-05:30", ZoneSource.GPS),
        (
            "2024:02:29 13:14:15",
            "02:06:00",
            "2024-02-29T13:14:15",
            ZoneSource.UNKNOWN,
        ),  # 8 minutes off any zone
        ("2024:02:29 23:00:00", "02:00:00", "2024-02-29T23:00:00", ZoneSource.UNKNOWN),  # nowhere on earth
        ("2024:02:30 13:14:15", "02:14:15", None, None),
    ],
)
def test_the_zone_is_the_difference_to_the_gps_time(local, utc, iso, zone):
    document = Document()
    document.add("exif", Field("DateTimeOriginal", local, group="ExifIFD"))
    document.add("exif", Field("GPSDateStamp", "2024:02:29", group="GPS"))
    document.add("exif", Field("GPSTimeStamp", utc, group="GPS"))
    found = created_at(document)
    assert (found and found.iso, found and found.zone_source) == (iso, zone)


def test_xmp_dates_with_exifs_colons_are_understood():
    document = Document()
    document.add("xmp", Field("CreateDate", "2018:08:27 12:20:23.5+02:00", group="XMP-xmp"))
    found = created_at(document)
    assert (found.iso, found.zone_source) == ("2018-08-27T12:20:23.5+02:00", ZoneSource.OFFSET_TAG)

"""What can't be is left out or told, kind by kind; what can be stays as it is."""

import pytest

from extractor_service.document import Document, Field
from extractor_service.formats.plausibility.apply import apply
from extractor_service.formats.plausibility.checks import CHECKS
from extractor_service.formats.reading import fields
from extractor_service.formats.reading.tagset import Tag
from tests.benchmarks.plausibility import PLANTED, is_caught, sentinels

RIGHT = (
    ("exif", "DateTimeOriginal", "2024:02:29 23:59:60", "ExifIFD"), ("exif", "DateTimeOriginal", "0000:00:00 00:00:00", "ExifIFD"),
    ("exif", "CreateDate", "    :  :     :  :  ", "ExifIFD"), ("exif", "OffsetTimeOriginal", "+14:00", "ExifIFD"), ("exif", "OffsetTime", "   :  ", "ExifIFD"),
    ("exif", "GPSLatitude", 90.0, "GPS"), ("exif", "GPSLongitude", 180.0, "GPS"), ("exif", "GPSAltitude", 0.0, "GPS"), ("exif", "GPSTimeStamp", "23:59:59.9", "GPS"),
    ("exif", "FNumber", 0.7, "ExifIFD"), ("exif", "ExposureTime", 28_800.0, "ExifIFD"), ("exif", "ISO", 4_560_000, "ExifIFD"), ("exif", "FocalLength", 0.0, "ExifIFD"),
    ("exif", "LensInfo", [24.0, 70.0, 2.8, 4.0], "ExifIFD"), ("exif", "LensInfo", [0.0, 0.0, None, None], "ExifIFD"), ("exif", "Orientation", 8, "IFD0"),
    ("makernotes", "FocalPlaneXSize", 22.3, "Canon"), ("file", "ImageWidth", 1, ""), ("audio", "Duration", 180.0, ""), ("pdf", "CreateDate", "D:20240229", "Info"),
    ("xmp", "CreateDate", "2024-02", "XMP-xmp"), ("iptc", "DateCreated", "1900:01:01", "IPTC"),
)  # fmt: skip


@pytest.mark.parametrize("number", range(len(PLANTED)), ids=[f"{kind} {name}" for kind, _, name in PLANTED])
def test_the_impossible_is_caught(number):
    _, planted, name = PLANTED[number]
    assert is_caught(planted, name)


@pytest.mark.parametrize("each", RIGHT, ids=str)
def test_the_possible_stays_without_a_word(each):
    section, name, value, group = each
    document = Document()
    document.add(section, Field(name, value, group=group))
    apply(document, 1_000_000)
    assert document.find(section, name).value == value and not document.problems


def test_every_kind_has_two_planted_values():
    for kind in {check.kind for check in CHECKS}:
        assert sum(each[0] == kind for each in PLANTED) >= 2, kind


def test_what_is_left_out_is_told_with_its_reason():
    document = Document()
    document.add("exif", Field("GPSLatitude", 91.0, group="GPS"))
    apply(document, 1000)
    assert "exif" not in document.sections and document.field_count == 0
    assert document.problems[0].message == "GPSLatitude: 91 degrees is beyond -90 to 90 (left out)"


def test_all_values_that_mean_none_add_nothing():
    planted, caught = sentinels()
    assert planted == caught > 100


@pytest.mark.parametrize(
    ("flags", "kind", "none", "some"),
    [
        ("!-1", "int16s", [-1, 65535], [0, 1, "", [-1]]),
        ("!0,255", "int8u", [0, 255, ""], [1, 254, "0 0"]),
        ("<0", "int32s", [-1, -9], [0, 7]),
        ("U!0", "?", [0], [1]),
    ],
)
def test_a_tag_knows_which_values_mean_none(flags, kind, none, some):
    tag = Tag(("Name", kind, 1, flags, None))
    assert all(tag.is_none(each) for each in none) and not any(tag.is_none(each) for each in some)
    assert tag.hidden == ("U" in flags)


def test_a_tag_without_them_keeps_everything():
    document = Document()
    fields.add(document, "makernotes", "", Tag(("Name", "int16s", 1, "", None)), -1, None)
    assert document.find("makernotes", "Name").value == -1

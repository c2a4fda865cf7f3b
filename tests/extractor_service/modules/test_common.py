import pytest

from extractor_service.document import Document, Field, ZoneSource
from extractor_service.modules.base import ModuleContext
from extractor_service.modules.common import CommonModule


def common(*fields):
    document = Document()
    for section, name, value, group in fields:
        document.add(section, Field(name, value, group=group))
    CommonModule().run(None, document, ModuleContext(None))
    return document.common


@pytest.mark.parametrize(
    ("fields", "iso", "zone"),
    [
        ([("exif", "DateTimeOriginal", "2024:02:29 01:02:03", "ExifIFD")], "2024-02-29T01:02:03", ZoneSource.UNKNOWN),
        (
            [("exif", "DateTimeOriginal", "2024:02:29 01:02:03", "ExifIFD"), ("exif", "OffsetTimeOriginal", "-03:30", "ExifIFD")],
            "2024-02-29T01:02:03-03:30", ZoneSource.OFFSET_TAG,
        ),
        ([("xmp", "CreateDate", "2024-02-29T01:02:03Z", "XMP-xmp")], "2024-02-29T01:02:03Z", ZoneSource.OFFSET_TAG),
        ([("xmp", "CreateDate", "2024-02-29", "XMP-xmp")], "2024-02-29", ZoneSource.UNKNOWN),
        ([("quicktime", "CreateDate", "2024:02:29 01:02:03", "")], "2024-02-29T01:02:03Z", ZoneSource.FORMAT_UTC),
        ([("fits", "DATE-OBS", "2024-02-29T01:02:03", "")], "2024-02-29T01:02:03Z", ZoneSource.FORMAT_UTC),
        ([("fits", "DATE-OBS", "2024-02-29T01:02:03", ""), ("fits", "TIMESYS", "TDB", "")], "2024-02-29T01:02:03", ZoneSource.UNKNOWN),
        ([("pdf", "CreateDate", "D:20240229010203Z", "Info")], "2024-02-29T01:02:03Z", ZoneSource.OFFSET_TAG),
        ([("pdf", "CreateDate", "D:2024", "Info")], "2024", ZoneSource.UNKNOWN),
        ([("dicom", "StudyDate", "20240229", "")], "2024-02-29", ZoneSource.UNKNOWN),
        ([("quicktime", "CreateDate", "2024:02:29 01:02:03+00:00", "")], "2024-02-29T01:02:03Z", ZoneSource.FORMAT_UTC),
        ([("exif", "DateTimeOriginal", "2016:12:31 23:59:60", "ExifIFD")], "2016-12-31T23:59:60", ZoneSource.UNKNOWN),
        ([("iptc", "DateCreated", "2024:02:29", "IPTC"), ("iptc", "TimeCreated", "01:02:03+01:00", "IPTC")], "2024-02-29T01:02:03+01:00", ZoneSource.OFFSET_TAG),
    ],
)  # fmt: skip
def test_times_say_where_their_zone_comes_from(fields, iso, zone):
    created = common(*fields).created_at
    assert (created.iso, created.zone_source) == (iso, zone)


@pytest.mark.parametrize(
    "text", ["0000:00:00 00:00:00", "2024:13:01 00:00:00", "2024:01:01 25:00:00", "    :  :     :  :  ", ""]
)
def test_impossible_times_are_unknown(text):
    assert common(("exif", "DateTimeOriginal", text, "ExifIFD")).created_at is None


@pytest.mark.parametrize(
    "field",
    [
        ("quicktime", "CreateDate", "0000:00:00 00:00:00", ""),
        ("xmp", "CreateDate", "2020-13-45T25:61", "XMP-xmp"),
        ("xmp", "CreateDate", "2020:13:45 25:61", "XMP-xmp"),
        ("dicom", "StudyDate", "20209999", ""),
    ],
)
def test_impossible_times_of_other_formats_are_unknown(field):
    assert common(field).created_at is None


def test_positions_need_both_and_obey_their_references():
    latitude = [("exif", "GPSLatitude", 33.5, "GPS"), ("exif", "GPSLatitudeRef", "S", "GPS")]
    longitude = [("exif", "GPSLongitude", 70.25, "GPS"), ("exif", "GPSLongitudeRef", "W", "GPS")]
    assert common(*latitude).position is None
    assert common(*latitude, *longitude).position[:2] == (-33.5, -70.25)
    assert common(("exif", "GPSLatitude", 91.0, "GPS"), *longitude).position is None
    below = [("exif", "GPSAltitude", 5.0, "GPS"), ("exif", "GPSAltitudeRef", 1, "GPS")]
    assert common(*latitude, *longitude, *below).position.altitude_meters == -5.0


def test_precedence_is_the_documented_one():
    facts = common(
        ("exif", "ImageWidth", 10, "IFD0"), ("file", "ImageWidth", 20, ""), ("exif", "Artist", "b", "IFD0"),
        ("xmp", "Creator", ["a", "c"], "XMP-dc"),
    )  # fmt: skip
    assert facts.width_pixels == 20 and facts.author == "a, c"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([("asf", "Track", 4, "ASF")], 5),
        ([("asf", "Track", 4, "ASF"), ("asf", "TrackNumber", "3", "ASF")], 3),
        ([("matroska", "TrackNumber", 1, "Track1")], None),
        ([("matroska", "PartNumber", "5/9", "Level30"), ("matroska", "PartNumber", "1", "Matroska")], 5),
        ([("riff", "Part", "3/9", "RIFF")], 3),
    ],
)
def test_the_number_of_a_song_is_none_of_a_stream(fields, expected):
    assert common(*fields).track_number == expected


def test_a_song_of_a_record_has_both_names_and_a_chapter_s_title_is_neither():
    found = common(
        ("matroska", "Title", "A chapter", "ChapterTags"), ("matroska", "Title", "The record", "Matroska"),
        ("matroska", "Title-und", "The song", "Level30"), ("matroska", "Artist", "Somebody else", "Track2"),
    )  # fmt: skip
    assert (found.title, found.album, found.author) == ("The song", "The record", "")

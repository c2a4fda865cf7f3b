"""Films and sounds in the situations of public reports that were read wrongly, and a second one of each kind.

The files in `tests/samples/reported` are synthetic; their right answers come from the specifications and a second reader.
"""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.golden import media, sounds
from tests.golden.documents import golden_document
from tests.support import large_media

FOLDER = Path(__file__).parents[2] / "samples" / "reported"


def described(name: str) -> dict:
    (path,) = FOLDER.glob(f"{name}*")
    return golden_document(path.read_bytes())


def values(document: dict, section: str, name: str) -> list:
    return [each.get("value") for each in document["sections"].get(section, ()) if each["name"] == name]


@pytest.mark.parametrize(
    ("name", "kind", "facts", "trouble"),
    [
        ("M01a", "mov", {"created_at": "2024-07-01T12:00:00+02:00", "device_make": "Apple", "device_model": "iPhone 15", "position": {"latitude_degrees": -33.8568, "longitude_degrees": 151.2153, "altitude_meters": -12.345}}, ""),
        ("M01d", "mp4", {"created_at": "2024-07-01T10:00:00Z"}, "counts from 1970"),
        ("M02b", "mp4", {"duration_seconds": None}, "Duration is unknown"),
        ("M02d", "mp4", {"duration_seconds": 2.0, "frames_per_second": 10.0}, ""),
        ("M03_mp4_rotation_90", "mp4", {"orientation": 6}, ""),
        ("M03_mp4_rotation_180", "mp4", {"orientation": 3}, ""),
        ("A01b", "mp3", {"title": "Song", "author": "Artist after picture"}, ""),
        ("A01c", "mp3", {"title": "Tïtle", "author": "Ärtist"}, ""),
        ("A01g", "mp3", {"author": "AC/DC", "track_number": 3}, ""),
        ("A02a", "flac", {"title": "Id3 title", "duration_seconds": 1.0}, ""),
        ("A02c", "flac", {"author": "One, Two, three", "track_number": 3}, ""),
        ("A04b", "wav", {"duration_seconds": 1.0}, "has no length"),
        ("A04c", "wav", {"created_at": "2023-03-04T05:06:07"}, ""),
        ("A04d", "rf64", {"duration_seconds": 1.0, "title": "Nàme", "author": "Artist"}, ""),
    ],
)  # fmt: skip
def test_what_was_reported(name, kind, facts, trouble):
    document = described(name)
    assert document["format"] == kind
    common = {**document["common"], "created_at": (document["common"].get("created_at") or {}).get("iso")}
    assert {each: common.get(each) for each in facts} == facts
    messages = [each["message"] for each in document["problems"]]
    assert any(trouble in each for each in messages) if trouble else not messages


@pytest.mark.parametrize(
    ("name", "section", "field", "expected"),
    [
        ("M01a", "quicktime", "ContentIdentifier", None),
        ("A01g", "id3", "Genre", ["Rock", "Disco", "Eurodisco"]),
        ("A02c", "flac", "PictureMIMEType", "image/jpeg"),
        ("A04c", "riff", "Originator", "Originator"),
        ("A04c", "riff", "Description", "Description"),
        ("M03_mp4_rotation_90", "streams", "Rotation", 90),
    ],
)
def test_fields_of_what_was_reported(name, section, field, expected):
    (found,) = values(described(name), section, field)
    assert found == expected or (expected is None and found)


def test_a_film_without_sound_has_no_sound():
    common = described("M03_mp4_rotation_90")["common"]
    assert "audio_codec" not in common
    assert "audio_channels" not in common


# Second ones of each kind.


def test_a_fragmented_film_whose_header_says_how_long_it_will_be(tmp_path):
    path = tmp_path / "f.mp4"
    large_media.write_fragmented(path, 4, 4096)
    whole = path.read_bytes()
    at = whole.index(b"trex") - 4
    mehd = struct.pack(">I4sII", 16, b"mehd", 0, 9000)
    for kind in (b"moov", b"mvex"):
        place = whole.index(kind) - 4
        whole = (
            whole[:place] + (int.from_bytes(whole[place : place + 4]) + 16).to_bytes(4) + whole[place + 4 :]
        )
    alone = whole[:at] + mehd + whole[at : whole.index(b"moof") - 4]
    assert golden_document(alone)["common"]["duration_seconds"] == 9.0


def test_an_unset_date_of_a_film_is_none():
    whole = bytearray(media.mp4())
    place = whole.index(b"mvhd")
    whole[place + 8 : place + 16] = bytes(8)
    for kind in (b"tkhd", b"mdhd"):
        place = whole.index(kind)
        whole[place + 8 : place + 16] = bytes(8)
    document = golden_document(bytes(whole))
    assert "created_at" not in document["common"]
    assert not any(
        "1904" in str(each) or "1970" in str(each) for each in values(document, "quicktime", "CreateDate")
    )


def test_bw64_is_read_as_rf64():
    document = golden_document(b"BW64" + sounds.rf64()[4:])
    assert document["format"] == "rf64"
    assert (
        document["common"]["duration_seconds"] == golden_document(sounds.rf64())["common"]["duration_seconds"]
    )


def test_a_wave_file_that_was_written_to_a_pipe_lasts_as_long_as_what_is_there():
    whole = bytearray(media.wav())
    place = whole.index(b"data")
    expected = golden_document(bytes(whole))["common"]["duration_seconds"]
    whole[place + 4 : place + 8] = whole[4:8] = b"\xff\xff\xff\xff"
    document = golden_document(bytes(whole))
    assert document["common"]["duration_seconds"] == expected
    assert any("no length" in each["message"] for each in document["problems"])

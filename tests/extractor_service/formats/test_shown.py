"""How films are shown and told: turned, mirrored, cropped; rates of telephones; what tags are about."""

from __future__ import annotations

from struct import pack

import pytest

from extractor_service.document import Document
from extractor_service.formats.containers.film import flv, matroska_tags
from extractor_service.formats.containers.isobmff import mp4, values
from extractor_service.formats.containers.sound import mpeg_audio
from extractor_service.formats.reading.reader import Reader
from extractor_service.modules import media_facts
from extractor_service.sources.descriptor import BytesSource
from tests.extractor_service.formats.test_film import film
from tests.golden import films
from tests.golden.films import element

_IDENTITY = pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def matrix(a: int, b: int, c: int, d: int) -> bytes:
    one = 0x10000
    return pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 0x40000000)


def orientation(movie: bytes, track: bytes) -> int | None:
    whole = film().replace(_IDENTITY, movie, 1)
    place = whole.index(_IDENTITY, whole.index(b"tkhd"))
    whole = whole[:place] + track + whole[place + 36 :]
    document = Document()
    mp4.parse(BytesSource(whole), document)
    media_facts.add(document)
    return document.common.orientation


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((1, 0, 0, 1), None), ((-1, 0, 0, 1), 2), ((-1, 0, 0, -1), 3), ((1, 0, 0, -1), 4),
        ((0, 1, 1, 0), 5), ((0, 1, -1, 0), 6), ((0, -1, -1, 0), 7), ((0, -1, 1, 0), 8),
    ],
)  # fmt: skip
def test_all_eight_orientations_by_the_track_s_matrix_or_the_movie_s(numbers, expected):
    assert orientation(_IDENTITY, matrix(*numbers)) == expected
    assert orientation(matrix(*numbers), _IDENTITY) == expected


def test_the_movie_turns_what_its_track_has_turned():
    assert orientation(matrix(0, 1, -1, 0), matrix(0, 1, -1, 0)) == 3
    assert orientation(matrix(0, -1, 1, 0), matrix(0, 1, -1, 0)) is None


def test_logarithmic_sound_has_a_byte_a_sample():
    document = Document()
    mp4.parse(BytesSource(film().replace(b"mp4a", b"ulaw")), document)
    told = {each.name: each.value for each in document.sections["streams"] if each.group == "Stream2"}
    assert (told["Codec"], told["BitsPerSample"], told["BitRate"]) == ("pcm_mulaw", 8, 768_000)


def test_telephone_sound_of_flv_has_8_khz_whatever_its_head_says():
    whole = films.flv()
    document = Document()
    flv.parse(BytesSource(whole.replace(b"\xaf\0\x12\x10", b"\x82\0\x12\x10")), document)
    rate = next(each.value for each in document.sections["streams"] if each.name == "SampleRate")
    assert rate == 8000


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ([37.5, -122.25], "37 deg 30' 0.00\" N, 122 deg 15' 0.00\" W"),
        ([-37.5, 122.25, -3], "37 deg 30' 0.00\" S, 122 deg 15' 0.00\" E, 3 m Below Sea Level"),
    ],
)
def test_places_have_one_letter_for_each_side(place, expected):
    printer = values.CONVERSIONS["GPSCoordinates"].printer
    assert printer is not None
    assert printer(place) == expected


def tagged(*targets: bytes) -> str:
    simple = element(0x67C8, element(0x45A3, b"TITLE"), element(0x4487, b"Text"))
    data = element(0x7373, element(0x63C0, *targets), simple)
    document = Document()
    matroska_tags.tags(Reader(BytesSource(data)), document, 0, len(data), {7: "Track1"})
    return next(each.group for each in document.sections["matroska"] if each.name == "Title")


@pytest.mark.parametrize(
    ("targets", "group"),
    [
        ((), "Matroska"), ((element(0x68CA, b"\x32"),), "Matroska"), ((element(0x68CA, b"\x1e"),), "Level30"),
        ((element(0x63C5, b"\x07"),), "Track1"), ((element(0x63C5, b"\0"),), "Matroska"), ((element(0x63C4, b"\x6f"),), "ChapterTags"),
        ((element(0x68CA, b"\x1e"), element(0x63C9, b"\x01")), "EditionTags"), ((element(0x63C6, b"\x01"),), "AttachmentTags"),
    ],
)  # fmt: skip
def test_tags_stand_by_what_they_are_about(targets, group):
    assert tagged(*targets) == group


def sound(frames: int, *, stated_frames: int, stated_bytes: int | None = None) -> bytes:
    """Frames of 128 kbit/s at 44.1 kHz, behind one in which an encoder has written."""
    head = b"\xff\xfb\x90\x64"
    length = 417 * (frames + 1)
    told = b"Info" + pack(">III", 3, stated_frames, length if stated_bytes is None else stated_bytes)
    return (head + bytes(32) + told).ljust(417, b"\0") + (head + bytes(413)) * frames


@pytest.mark.parametrize(
    ("data", "frames", "problems"),
    [
        (sound(40, stated_frames=40), 40, 0),
        (sound(40, stated_frames=0, stated_bytes=0), 40, 0),
        (sound(40, stated_frames=1500), 40, 1),
        (sound(40, stated_frames=4), 40, 1),
        (sound(80, stated_frames=40, stated_bytes=417 * 41), 80, 1),
        (sound(40, stated_frames=160, stated_bytes=417 * 161), 160, 1),
    ],
)
def test_what_an_encoder_wrote_is_believed_where_it_can_be(data, frames, problems):
    document = Document()
    mpeg_audio.parse(BytesSource(data), document)
    duration = document.find("streams", "Duration", "Container")
    assert duration is not None
    assert duration.value == pytest.approx(frames * 1152 / 44100, rel=0.01)
    assert len(document.problems) == problems

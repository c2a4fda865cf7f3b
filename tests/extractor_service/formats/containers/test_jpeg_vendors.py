"""Application segments of vendors: what each says, in full and damaged."""

import random
import struct

import pytest

from extractor_service.document import ProblemKind
from tests.extractor_service.formats.test_made_files import count, read
from tests.golden import images, made_segments
from tests.support.fields import values

_LEAST = {"infiray": 80, "qualcomm": 100, "flashpix": 30, "kodak": 40}
_PREVIEW = b"\xff\xd8\xff\xdb" + bytes(90)


def segments(*parts):
    """A picture with these segments."""
    return read(images.bare_jpeg(list(parts)))


@pytest.mark.parametrize("kind", made_segments.KINDS)
def test_every_kind_is_read_without_a_problem(kind):
    for data in made_segments.files(kind, 4):
        document = read(data)
        assert count(document) >= _LEAST.get(kind, 7)  # six are the frame's
        assert not document.problems


@pytest.mark.parametrize("kind", made_segments.KINDS)
def test_mutants_are_survived(kind):
    rng = random.Random(kind)
    data = next(made_segments.files(kind, 1))
    for _ in range(180):
        changed = bytearray(data[: rng.randrange(40, len(data))] if rng.random() < 0.25 else data)
        for _ in range(rng.randrange(1, 6)):
            changed[rng.randrange(len(changed))] = rng.choice((0, 255, rng.randrange(256)))
        assert not [each for each in read(bytes(changed)).problems if each.kind is ProblemKind.READER]


def test_a_preview_goes_on_in_the_segments_behind():
    document = segments((0xE3, _PREVIEW), (0xE4, bytes(50)), (0xE5, bytes(6)))
    preview = document.find("file", "PreviewImage")
    assert preview.text == f"(Binary data {len(_PREVIEW) + 56} bytes)"
    assert preview.origin is None  # it isn't at one place


def test_a_preview_in_one_segment_has_its_place():
    data = images.bare_jpeg([(0xE3, _PREVIEW)])
    place = read(data).find("file", "PreviewImage").origin
    assert data[place.offset_bytes : place.offset_bytes + place.length_bytes] == _PREVIEW


@pytest.mark.parametrize("filler", [b"", b"\0\0"])
def test_a_spiff_head_of_either_length_says_the_same(filler):
    body = struct.pack(">BBIIBBBBII", 1, 3, 480, 640, 8, 8, 5, 1, 72, 72)
    head = values(segments((0xE8, b"SPIFF\0" + b"\1\2" + filler + body)), "app8")
    assert (head["SPIFFVersion"], head["ImageHeight"], head["ImageWidth"]) == ([1, 2], 480, 640)


def test_a_value_shorter_than_its_type_is_left_out():
    entry = struct.pack("<HB", 2, 4) + b"abcd" + bytes((4, 1, 0, 1, 0)) + b"\1\2"
    whole = struct.pack("<HB", 4, 4) + b"efgh" + bytes((4, 1, 0, 1, 0)) + b"\1\0\0\0"
    told = values(segments((0xE7, b"\x1aQualcomm Camera Attributes" + entry + whole)), "makernotes")
    assert list(told.values()) == [1]


def test_folders_that_hold_themselves_end_somewhere():
    head = b"HPID" + struct.pack("<II", 0x10001, 4000)
    document = segments((0xE6, b"TDHD\1\0\1\0" + bytes(4) + head * 330))
    assert not [each for each in document.problems if each.kind is ProblemKind.READER]


def test_flashpix_parts_join_by_their_offsets():
    name = "/Audio Stream\0".encode("utf-16-le")
    listed = b"FPXR\0\0\x01" + struct.pack(">HIB", 1, 80, 0) + name
    parts = [
        (0xE2, b"FPXR\0\0\x02" + struct.pack(">HI", 0, at) + bytes(size)) for at, size in ((0, 50), (40, 40))
    ]
    document = segments((0xE2, listed), *parts)
    assert document.find("flashpix", "AudioStream").text == "(Binary data 52 bytes)", "but its head of 28"


def test_a_cut_list_of_streams_says_so():
    listed = b"FPXR\0\0\x01" + struct.pack(">HIB", 3, 64, 0) + "/A".encode("utf-16-le")
    document = segments((0xE2, listed))
    assert [each.kind for each in document.problems] == [ProblemKind.TRUNCATED]

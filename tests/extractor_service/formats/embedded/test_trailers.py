"""What programs write behind a photograph, told from the end: one behind the other, cut, and longer than the file."""

import random
import struct

import pytest

from extractor_service.document import ProblemKind
from tests.extractor_service.formats.test_made_files import read
from tests.golden import images, made_trailers
from tests.support.fields import values

# Trailers are looked for where IPTC, or a note of Canon's, says that a program was there: the end costs a read.
_JPEG = made_trailers.with_iptc()
_PREVIEW = b"\xff\xd8\xff\xdb" + bytes(60)


def record(kind, data):
    """One of FotoStation's."""
    return data + struct.pack(">HI", kind, len(data) + 10) + b"\xa1\xb2\xc3\xd4"


def edits(key, value):
    """Photo Mechanic's trailer of one value."""
    data = b"\x1c\x02" + bytes((key,)) + struct.pack(">Hi", 4, value)
    return data + struct.pack(">I", len(data)) + b"cbipcbbl"


@pytest.mark.parametrize("kind", made_trailers.KINDS)
def test_every_kind_is_read_without_a_problem(kind):
    for data in made_trailers.files(kind, 4):
        document = read(data)
        section = {"fotostation": "fotostation", "photo_mechanic": "photo_mechanic"}.get(kind, "canon_vrd")
        assert len(values(document, section)) > 2
        assert not document.problems


def test_fotostation_s_records_say_what_they_are():
    data = _JPEG + record(3, _PREVIEW) + record(2, struct.pack(">6i", 640, 480, 0, 0, 9000, 0))
    document = read(data)
    told = values(document, "fotostation")
    assert told["OriginalImageWidth"] == 640
    preview = next(each for each in document.sections["fotostation"] if each.name == "ThumbnailImage").origin
    assert data[preview.offset_bytes : preview.offset_bytes + preview.length_bytes] == _PREVIEW


def test_photo_mechanic_s_words_have_their_scale():
    told = values(read(_JPEG + edits(209, 65536)), "photo_mechanic")
    assert told == {"RawCropLeft": 100.0}


def test_trailers_of_two_programs_behind_one_another():
    document = read(_JPEG + edits(209, 65536) + record(3, _PREVIEW))
    assert values(document, "photo_mechanic")
    assert values(document, "fotostation")


@pytest.mark.parametrize(
    "foot",
    [
        struct.pack(">HI", 2, 5) + b"\xa1\xb2\xc3\xd4",  # shorter than its own foot
        struct.pack(">HI", 2, 1 << 31) + b"\xa1\xb2\xc3\xd4",
        struct.pack(">I", 1 << 31) + b"cbipcbbl",
        b"CANON OPTIONAL DATA\0" + struct.pack(">I", 1 << 31) + bytes(40),
        b"CANON OPTIONAL DATA\0" + bytes(44),
    ],
)
def test_a_length_that_can_t_be_is_a_problem(foot):
    document = read(_JPEG + foot)
    assert [each.kind for each in document.problems] == [ProblemKind.DAMAGED]


def test_a_thousand_trailers_end_somewhere():
    assert len(values(read(_JPEG + edits(209, 1) * 1000), "photo_mechanic")) == 1


def test_a_picture_that_names_no_program_isn_t_read_to_its_end():
    assert not values(read(images.bare_jpeg([]) + edits(209, 1)), "photo_mechanic")


def test_a_preview_that_is_none_is_left_out():
    assert not values(read(_JPEG + record(4, b"nothing of a picture")), "fotostation")


@pytest.mark.parametrize("kind", made_trailers.KINDS)
def test_mutants_are_survived(kind):
    rng = random.Random(kind)
    data = next(made_trailers.files(kind, 1))
    for _ in range(180):
        changed = bytearray(data)
        for _ in range(rng.randrange(1, 6)):
            changed[rng.randrange(len(changed))] = rng.choice((0, 255, rng.randrange(256)))
        if rng.random() < 0.2:
            del changed[rng.randrange(200, len(changed)) :][:40]
        assert not [each for each in read(bytes(changed)).problems if each.kind is ProblemKind.READER]

"""The enciphered directory of Sony's raw files; what it says is compared with ExifTool on made files (`tests.tools.made arw`)."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor_service.document import ProblemKind
from extractor_service.formats.embedded.makernotes.sony_raw import decipher
from extractor_service.sources.descriptor import BytesSource
from tests.golden import made_raws
from tests.golden.documents import parse
from tests.support.fields import values


def _file() -> bytearray:
    return bytearray(made_raws.arw(random.Random(1)))


def _place(data: bytes, tag: int) -> int:
    """Where the value of a tag of type LONG stands."""
    return data.index(struct.pack("<HHI", tag, 4, 1)) + 8


@given(st.binary(max_size=3000), st.integers(0, 2**32 - 1))
def test_what_is_enciphered_twice_is_plain(data, key):
    assert decipher(decipher(data, key), key) == data


def test_word_by_word_it_is_the_published_recurrence():
    key, pad = 0x12345678, []
    for _ in range(4):
        key = (key * 48_828_125 + 1) % 2**32
        pad.append(key)
    pad[3] = (pad[3] << 1 | (pad[0] ^ pad[2]) >> 31) % 2**32
    for place in range(4, 127):
        pad.append(((pad[place - 4] ^ pad[place - 2]) << 1 | (pad[place - 3] ^ pad[place - 1]) >> 31) % 2**32)
    for place in range(127, 1000):
        pad.append(pad[place - 127] ^ pad[place - 63])
    assert decipher(bytes(4 * 873), 0x12345678) == struct.pack(">873I", *pad[127:])


def test_levels_stand_at_their_places_in_the_file():
    data = bytes(_file())
    document = parse(BytesSource(data), "a.arw")
    fields = {field.name: field for field in document.sections["makernotes"] if field.group == "SR2SubIFD"}
    assert len(fields["WB_RGBLevelsTungsten"].value) in {3, 4} and not document.problems
    (start,) = struct.unpack_from("<I", data, _place(data, 0x7200))
    assert all(start <= field.origin.offset_bytes < start + 1536 for field in fields.values())


@pytest.mark.parametrize(("tag", "offset"), [(0x7300, 16), (0x74C0, 0), (0x7300, 1 << 20)])
def test_what_points_out_of_the_deciphered_bytes_is_cut_and_not_zeros(tag, offset):
    data = _file()
    start, length, key = (
        struct.unpack_from("<I", data, _place(data, each))[0] for each in (0x7200, 0x7201, 0x7221)
    )
    hidden = bytearray(decipher(bytes(data[start : start + length]), key))
    entry = next(at for at in range(2, 500, 12) if struct.unpack_from("<H", hidden, at)[0] == tag)
    struct.pack_into("<I", hidden, entry + 8, offset)
    data[start : start + length] = decipher(bytes(hidden), key)
    document = parse(BytesSource(bytes(data)), "a.arw")
    assert {problem.kind for problem in document.problems} == {ProblemKind.TRUNCATED}
    origins = [each.origin for each in document.sections["makernotes"] if each.group.startswith("SR2S")]
    assert origins and all(start <= each.offset_bytes < start + length for each in origins)


def test_a_count_that_the_bytes_can_t_have_costs_nothing():
    data = _file()
    struct.pack_into("<I", data, _place(data, 0x7201), 4)
    key, (start,) = (
        struct.unpack_from("<I", data, _place(data, 0x7221))[0],
        struct.unpack_from("<I", data, _place(data, 0x7200)),
    )
    data[start : start + 4] = decipher(b"\xff\xff\1\0", key)
    document = parse(BytesSource(bytes(data)), "a.arw")
    assert [problem.message for problem in document.problems] == ["Sony: the key doesn't open SR2SubIFD"]


@pytest.mark.parametrize(
    ("tag", "value", "kind"),
    [(0x7221, 1, ProblemKind.DAMAGED), (0x7201, 1 << 20, ProblemKind.TRUNCATED), (0x7200, 1 << 30, ProblemKind.TRUNCATED)],
)  # fmt: skip
def test_a_wrong_key_or_place_is_said_and_nothing_is_made_up(tag, value, kind):
    data = _file()
    struct.pack_into("<I", data, _place(data, tag), value)
    document = parse(BytesSource(bytes(data)), "a.arw")
    assert [problem.kind for problem in document.problems] == [kind]
    assert not [field for field in document.sections["makernotes"] if field.group == "SR2SubIFD"]
    assert values(document, "exif")["ISO"] == 200

"""What an attacker wrote against the readers of segments, boxes and trailers: each costs a Problem and milliseconds, and no value is made up.

Work is counted, not timed: each of these took five seconds to hours before its reader bounded it.
"""

from __future__ import annotations

import struct

import brotli
import pytest

from extractor_service.document import Document, LimitExceededError, ProblemKind
from extractor_service.formats.containers.ole import property_set
from extractor_service.formats.containers.photo import jpeg_vendors
from extractor_service.formats.embedded import canon_vrd
from extractor_service.formats.identification.identify import identify_source
from extractor_service.formats.reading.reader import Reader
from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.descriptor import BytesSource
from tests.extractor_service.formats.test_made_files import read
from tests.golden import images, made_trailers
from tests.golden.jumbf import box, described
from tests.support.fields import values

_JXL = box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl \0\0\0\0jxl ")
_JP2 = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 ")
_HEADER = box(b"ihdr", struct.pack(">IIHBBBB", 7, 9, 3, 7, 7, 0, 0))
_MARK = b"CANON OPTIONAL DATA\0"
_PROPERTIES = 2000


def jpeg(*segments):
    """The document of a picture with these segments."""
    return read(images.bare_jpeg(list(segments)))


def recipe(kind, block, parse=None):
    """The document of a photograph with one block of a recipe behind it, or what `parse` makes of the recipe alone."""
    picture = next(made_trailers.files("recipe", 1))
    content = struct.pack(">III", kind, len(block) + 4, len(block)) + block
    foot = _MARK + struct.pack(">I", len(content)) + bytes(40)
    if parse is not None:
        parse(Reader(BytesSource(_MARK + bytes(8) + content + foot)), Document())
    return read(picture[: picture.find(_MARK)] + _MARK + bytes(8) + content + foot)


def properties(keys, body):
    """A stream of two sets that share their bytes, in segments of FlashPix."""
    start = 8 + 8 * len(keys)
    listed = b"".join(struct.pack("<II", key, start + 8 * place) for place, key in enumerate(keys))
    data = b"\xfe\xff" + bytes(22) + struct.pack("<I", 2) + (bytes(16) + struct.pack("<I", 68)) * 2 + struct.pack("<II", 0, len(keys)) + listed + body  # fmt: skip
    name = "/\5SummaryInformation\0".encode("utf-16-le")
    segments = [(0xE2, b"FPXR\0\0\x01" + struct.pack(">HIB", 1, len(data), 0) + name)]
    for at in range(0, len(data), 60_000):
        segments.append((0xE2, b"FPXR\0\0\x02" + struct.pack(">HI", 0, at) + data[at : at + 60_000]))
    return jpeg(*segments)


def assert_full(data):
    """What is read of it ends by the budget of what may be parsed inside other structures."""
    source, document = BlockCachedSource(BytesSource(data)), Document()
    with pytest.raises(LimitExceededError, match="embedded structures"):
        identify_source(source).format.load()(source, document)


def kinds(document):
    """Kinds of its problems."""
    return {each.kind for each in document.problems}


def test_a_length_below_zero_doesn_t_move_the_end():
    entry = b"SPMO" + struct.pack(">Ii", 0, -(2**31))
    assert not jpeg((0xE4, b"SCALADO\0" + bytes(8) + entry)).problems


def test_a_broken_list_of_media_jukebox_is_a_problem():
    assert kinds(jpeg((0xE9, b"Media Jukebox\0" + bytes(8) + b"<a"))) == {ProblemKind.DAMAGED}


def test_a_run_of_letters_is_searched_once():
    assert "app11" not in jpeg((0xEB, b"HDR_RI " + b"a" * 65_000 + b"~\0")).sections
    assert jpeg_vendors._HDR.findall(b"a" * 100 + b"=1,b=2") == [(b"b", b"2")], "no name begins within a word"


def test_what_brotli_unpacked_counts_also_when_it_ends_in_nonsense():
    packer = brotli.Compressor(quality=9)
    bomb = packer.process(bytes(8_000_000)) + packer.flush() + b"\xff" * 8
    document = read(_JXL + box(b"brob", b"xml " + bomb) * 2)
    assert document.spent_bytes > 8_000_000
    assert_full(_JXL + box(b"brob", b"xml " + bomb) * 900)


def test_properties_that_nobody_knows_aren_t_decoded(monkeypatch):
    decoded = []
    vector = property_set._Values._vector
    monkeypatch.setattr(
        property_set._Values, "_vector", lambda self, kind, at: decoded.append(at) or vector(self, kind, at)
    )
    body = struct.pack("<II", 0x1040, 5000) * _PROPERTIES + bytes(40_064)
    properties([0x7F000000 + each for each in range(_PROPERTIES)], body)
    assert not decoded
    properties([2] * _PROPERTIES, body)
    assert 0 < len(decoded) < 400
    decoded.clear()
    properties([2] * _PROPERTIES, body[:-40_064])  # each ends beyond the end
    assert 0 < len(decoded) < 400


def test_a_set_has_one_dictionary(monkeypatch):
    seen = []
    real = property_set._Set._dictionary
    monkeypatch.setattr(
        property_set._Set, "_dictionary", lambda self, at: seen.append(at) or {**real(self, at), 99: "x"}
    )
    properties([0] * _PROPERTIES, struct.pack("<II", 2000, 0) * _PROPERTIES + bytes(36_096))
    assert len(seen) == 2, "one a set"


def test_entries_over_the_same_bytes_are_bounded():
    count = 4096
    end = 36 + 28 * count
    entries = b"".join(
        struct.pack("<7I", 0xF0500, 1, 0, 0, 0, 0, end - 1 - each % 7) for each in range(count)
    )
    with pytest.raises(LimitExceededError, match="embedded structures"):
        recipe(
            0xFFFF00F7, b"IIII" + bytes(24) + struct.pack("<I", count) + bytes(4) + entries, canon_vrd.parse
        )


def test_thousands_of_codestreams_and_pictures_are_bounded():
    read(_JP2 + box(b"asoc", box(b"jp2c", b"") * 9999) * 2)
    document = read(b"\xff\xd8" + b"\xff\xe3\0\x06\xff\xd8\xff\xdb" * 9990 + b"\xff\xd9")
    assert len(document.sections.get("file", ())) < 3000


@pytest.mark.parametrize("inner", [b"{},", b"[],", b"0,", b'{"a":{}},'])
def test_millions_of_small_members_are_cut(inner):
    content = b'{"a":[' + inner * (1_000_000 // len(inner)) + b"0]}"
    store = described(b"c2pa", "c2pa", box(b"json", content))
    document = read(_JXL + box(b"brob", b"jumb" + brotli.compress(store[8:], quality=5)))
    (field,) = [each for each in document.sections["jumbf"] if each.group == "JSON"]
    assert len(field.value) <= 20_000


@pytest.mark.parametrize("kind", [b"resc", b"resd"])
def test_a_short_resolution_isn_t_made_of_the_next_box(kind):
    document = read(_JP2 + box(b"jp2h", _HEADER + box(b"res ", box(kind, b""))) + box(b"free", b"ABCDEFGHIJ"))
    assert not [each for each in values(document, "jpeg2000") if "Resolution" in each]
    assert kinds(document) == {ProblemKind.TRUNCATED}


def test_a_short_color_or_type_says_nothing():
    document = read(_JP2 + box(b"jp2h", _HEADER + box(b"colr", b"")))
    assert "ColorSpecMethod" not in values(document, "jpeg2000")
    assert kinds(document) == {ProblemKind.TRUNCATED}


@pytest.mark.parametrize(
    "data", [b"\xff\x0a", _JXL + box(b"jxlc", b"\xff\x0a") + box(b"free", b"ABCDEFGHIJKL")]
)
def test_a_size_isn_t_made_of_bits_that_aren_t_there(data):
    document = read(data)
    assert document.find("file", "ImageWidth") is None
    assert kinds(document) == {ProblemKind.TRUNCATED}


def test_a_style_longer_than_its_block_is_a_problem():
    block = bytes(0x272) + bytes(4) + bytes(0xB0) + b"\xff\xff" + bytes(700)
    document = recipe(0xFFFF00F4, block)
    assert "CustomPictureStyleData" not in values(document, "canon_vrd")
    assert kinds(document) == {ProblemKind.DAMAGED}


def test_a_thumbnail_of_no_bytes_is_a_problem():
    resource = b"8BIM" + struct.pack(">HHI", 0x040C, 0, 0) + b"8BIM" + struct.pack(">HHI", 0x03ED, 0, 16) + struct.pack(">IHHIHH", 72 << 16, 1, 1, 72 << 16, 1, 1)  # fmt: skip
    document = jpeg((0xED, b"Photoshop 3.0\0" + resource))
    assert not [each for each in document.sections["photoshop"] if each.text.startswith("(Binary data -")]
    assert ProblemKind.DAMAGED in kinds(document)


def test_a_gain_map_without_bytes_isn_t_there():
    document = read(b"\xff\xd8\xff\xeb\0\x0dHDR_RI a=b~\0\xff\xeb\0\0" + bytes(4) + b"\xff\xd9")
    assert "RatioImage" not in values(document, "app11")


def test_a_missing_part_of_a_stream_ends_it():
    name = "/\5Image Contents\0".encode("utf-16-le")
    listed = b"FPXR\0\0\x01" + struct.pack(">HIB", 1, 400, 0) + name
    parts = [
        (0xE2, b"FPXR\0\0\x02" + struct.pack(">HI", 0, at) + bytes([at // 100 + 1]) * 100)
        for at in (0, 200, 300)
    ]
    document = jpeg((0xE2, listed), *parts)
    assert ProblemKind.TRUNCATED in kinds(document)


def test_parts_of_a_store_behind_a_gap_don_t_count():
    store = described(b"c2pa", "c2pa", box(b"json", b'{"first": 1}'), box(b"json", b'{"second": 2}'))
    cut = [store[8:70], store[70:90], store[90:]]
    numbered = [(1, cut[0]), (3, cut[2])]
    document = jpeg(
        *((0xEB, b"JP" + struct.pack(">HI", 1, number) + store[:8] + part) for number, part in numbered)
    )
    assert "Second" not in values(document, "jumbf")
    assert ProblemKind.TRUNCATED in kinds(document)
    again = jpeg(*((0xEB, b"JP" + struct.pack(">HI", 1, number) + store[:8] + part) for number, part in ((1, cut[0]), (1, cut[0]), (2, cut[1]), (3, cut[2]))))  # fmt: skip
    assert (values(again, "jumbf")["First"], values(again, "jumbf")["Second"]) == (1, 2)
    assert not again.problems


def test_a_box_of_a_64_bit_length_joins_from_its_segments():
    store = described(b"c2pa", "c2pa", box(b"json", b'{"first": 1}'), box(b"json", b'{"second": 2}'))
    whole = struct.pack(">I4sQ", 1, b"jumb", len(store) + 8) + store[8:]
    cut = [whole[16:60], whole[60:]]
    document = jpeg(*((0xEB, b"JP" + struct.pack(">HI", 1, number) + whole[:16] + part) for number, part in enumerate(cut, 1)))  # fmt: skip
    assert (values(document, "jumbf")["First"], values(document, "jumbf")["Second"]) == (1, 2)
    assert not document.problems


def test_problems_of_a_store_in_segments_have_their_place_in_the_file():
    store = described(b"c2pa", "c2pa", box(b"json", b"{"))
    data = images.bare_jpeg([(0xFE, bytes(5000)), (0xEB, b"JP" + struct.pack(">HI", 1, 1) + store)])
    (problem,) = read(data).problems
    assert data[problem.offset_bytes : problem.offset_bytes + 1] == b"{"


def test_credentials_of_any_length_are_read_and_long_packets_told():
    filler = box(b"free", bytes(9_000_000))
    store = described(b"c2pa", "c2pa", filler, box(b"json", b'{"first": 1}'))
    document = read(_JXL + store)
    assert values(document, "jumbf")["First"] == 1
    assert kinds(read(_JXL + box(b"xml ", bytes(9_000_000)))) == {ProblemKind.LIMIT}


def test_a_preview_ends_where_another_s_segment_begins():
    preview = b"\xff\xd8\xff\xdb" + bytes(90)
    document = jpeg((0xE3, preview), (0xE4, b"SCALADO\0" + bytes(20)), (0xE5, b"ssuniqueid\0" + bytes(32)))
    assert document.find("file", "PreviewImage").text == "(Binary data 94 bytes)"
    data = images.bare_jpeg([(0xE3, preview), (0xE4, bytes(60_000))])
    assert int(read(data[:300]).find("file", "PreviewImage").text.split()[2]) <= 300


def test_behind_a_block_that_was_taken_out_values_have_no_place():
    second = bytearray(900)
    second[440:442] = b"\0\1"
    second[446:450] = struct.pack(">I", 100)
    document = recipe(0xFFFF00F4, bytes(0x272) + bytes(4) + bytes(second))
    late = [each for each in document.sections["canon_vrd"] if each.name.startswith("CameraRaw")]
    assert late
    assert not [each for each in late if each.origin is not None]

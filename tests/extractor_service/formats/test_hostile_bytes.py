"""Damaged files end in Problems or CorruptFileError, quickly and within budgets; never in anything else."""

from __future__ import annotations

import contextlib
import random
import struct
import time
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extractor_service.depth import DocumentLimits
from extractor_service.document import ByteRange, Document, Field, LimitExceededError
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.fits import file as fits
from extractor_service.formats.containers.isobmff import mp4
from extractor_service.formats.containers.photo import jpeg, png, tiff
from extractor_service.formats.embedded import exif, xmp
from extractor_service.formats.identification.identify import identify
from extractor_service.modules.base import Part
from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.descriptor import BytesSource
from extractor_service.workers import encode
from metaextract.document.v1 import document_pb2
from tests.golden import containers, images, makernotes, media, science

OWN = {
    "jpeg": (jpeg.parse, images.jpeg()),
    "jpeg big-endian": (jpeg.parse, images.jpeg(big_endian=True)),
    "png": (png.parse, images.png()),
    "tiff": (tiff.parse, images.tiff_pages()),
    "bigtiff": (tiff.parse, images.tiff_pages(big=True)),
    "fits": (fits.parse, science.fits()),
    "mp4": (mp4.parse, media.mp4()),
    **{
        name: (identify(make()[:16384], len(make())).format.load(), make())
        for name, make in {**containers.CONTAINERS, **makernotes.PHOTOGRAPHS}.items()
    },
}


def run(parse, data: bytes) -> Document:
    document = Document()
    with contextlib.suppress(CorruptFileError, LimitExceededError):
        parse(BlockCachedSource(BytesSource(data)), document)
    return document


@pytest.mark.parametrize("name", OWN)
def test_every_truncation_is_survived(name):
    parse, data = OWN[name]
    step = max(1, len(data) // 200)
    for length in range(0, len(data), step):
        run(parse, data[:length])


@pytest.mark.parametrize("name", OWN)
def test_random_damage_is_survived_quickly(name):
    parse, data = OWN[name]
    rng = random.Random(name)
    for _ in range(150):
        damaged = bytearray(data)
        for _ in range(rng.randrange(1, 12)):
            damaged[rng.randrange(len(damaged))] = rng.choice([0, 0xFF, 0x7F, 0x80, rng.randrange(256)])
        started = time.monotonic()
        run(parse, bytes(damaged))
        assert time.monotonic() - started < 5


@given(st.sampled_from(sorted(OWN)), st.binary(max_size=600), st.integers(0, 400))
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_arbitrary_bytes_after_a_true_beginning_are_survived(name, tail, kept):
    parse, data = OWN[name]
    run(parse, data[:kept] + tail)


def test_a_directory_cycle_ends_with_a_problem():
    data = bytearray(images.tiff([[(0x0100, 3, [1])]]))
    first = struct.unpack_from("<I", data, 4)[0]
    data[first + 2 + 12 : first + 2 + 16] = struct.pack("<I", first)
    document = run(tiff.parse, bytes(data))
    assert any("repeats" in problem.message for problem in document.problems)


@pytest.mark.parametrize("unknown", [1, 10, 11, 4000])
def test_a_directory_ends_with_the_eleventh_entry_of_an_unknown_type(unknown):
    """ExifTool gives it up there as well: what else such a directory says is chance. Zeros are padding."""
    entries = [
        (0x0100, 3, 640),
        (0, 0, 0),
        *[(0x9000 + each, 99, 7) for each in range(unknown)],
        (0x0101, 3, 480),
    ]
    count, after = len(entries), 8 + 2 + 12 * len(entries) + 4
    data = b"II*\0" + struct.pack("<IH", 8, count)
    data += b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    data += struct.pack("<I", after) + struct.pack("<HHHIII", 1, 0x0112, 3, 1, 6, 0)
    document = run(tiff.parse, data)
    read = {field.name: field.value for field in document.sections["exif"]}
    told = [each.message for each in document.problems if "unknown types" in each.message]
    assert read["ImageWidth"] == 640
    if unknown <= 10:
        assert read["ImageHeight"] == 480 and read["Orientation"] == 6
        assert told == [f"IFD0 has {unknown} entries of unknown types"]
    else:
        assert "ImageHeight" not in read and "Orientation" not in read
        assert told == ["IFD0 ends after 10 entries of unknown types"]


def test_an_entry_that_claims_gigabytes_costs_nothing():
    data = bytearray(images.tiff([[(0x010E, 2, b"text that is long\0")]]))
    first = struct.unpack_from("<I", data, 4)[0]
    data[first + 6 : first + 10] = struct.pack("<I", 0xFFFFFFFF)
    source = BlockCachedSource(BytesSource(bytes(data)))
    document = Document()
    tiff.parse(source, document)
    assert document.problems and source.bytes_read <= 16384


def test_a_png_bomb_is_cut_off():
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + bytes(4)

    bomb = zlib.compress(bytes(200 * 2**20), 9)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    data += chunk(b"zTXt", b"Comment\0\0" + bomb) + chunk(b"IEND", b"")
    document = run(png.parse, data)
    assert any("inflates to more" in problem.message for problem in document.problems)


def test_xml_entities_are_refused():
    document = Document()
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x:xmpmeta xmlns:x="adobe:ns:meta/">&b;</x:xmpmeta>'
    xmp.parse(bomb, document)
    assert not document.sections and "isn't valid XML" in document.problems[0].message


def test_deep_xmp_structures_end():
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    nested = "<a:s><rdf:Description>" * 200 + "</rdf:Description></a:s>" * 200
    packet = (
        f'<rdf:RDF xmlns:rdf="{rdf}" xmlns:a="urn:a"><rdf:Description>{nested}</rdf:Description></rdf:RDF>'
    )
    document = Document()
    xmp.parse(packet.encode(), document)
    assert document.sections["xmp"][0].name == "S"


def test_a_full_document_keeps_what_fitted():
    document = Document(DocumentLimits(max_fields=5))
    with pytest.raises(LimitExceededError):
        exif.parse(BytesSource(images.tiff(images.exif_directories())), document, base=0, length=10**6)
    assert sum(map(len, document.sections.values())) == 5


def test_fits_without_end_and_with_a_lying_axis():
    cut = science.header(
        ["SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    0"]
    )
    document = run(fits.parse, cut.replace(b"END", b"   "))
    assert any("no END" in problem.message for problem in document.problems)
    huge = science.header(
        [
            "SIMPLE  =                    T",
            "BITPIX  =                   64",
            "NAXIS   =                    1",
            f"NAXIS1  = {2**62:>20}",
        ]
    )
    document = run(fits.parse, huge)
    assert any("2^63 bytes" in problem.message for problem in document.problems)
    assert document.find("fits", "DataSize") is None
    document = run(fits.parse, huge.replace(f"{2**62:>20}".encode(), f"{2**40:>20}".encode()))
    assert any("too early" in problem.message for problem in document.problems)


def test_a_segment_inside_a_jpeg_cannot_reach_outside():
    evil = bytearray(images.tiff([[(0x010E, 2, b"a text that lies elsewhere\0")]]))
    first = struct.unpack_from("<I", evil, 4)[0]
    evil[first + 10 : first + 14] = struct.pack("<I", len(evil) + 500)  # points behind the segment
    document = run(jpeg.parse, images.jpeg(exif=bytes(evil)))
    assert document.find("exif", "ImageDescription") is None
    assert any("beyond the end" in problem.message for problem in document.problems)


def test_sizes_beyond_any_file_can_be_encoded():
    cards = [
        "SIMPLE  =                    T",
        "BITPIX  =                    8",
        "NAXIS   =                    3",
    ]
    cards += [f"NAXIS{axis}  = {2**40:>20}" for axis in (1, 2, 3)]
    document = run(fits.parse, science.header(cards))
    assert document.problems and document.find("fits", "DataSize") is None
    document.add("fits", Field("Data", None, origin=ByteRange(5, 2**120)))  # as some other reader may
    message = document_pb2.Document.FromString(encode.encode_part(Part.SECTIONS, document, document.problems))
    assert message.sections[0].fields[-1].origin.length_bytes == 2**64 - 1 and message.problems


@pytest.mark.parametrize("card", ["PCOUNT  = -2881", "GCOUNT  = -5"])
def test_fits_never_walks_backwards(card):
    cards = [
        "SIMPLE  =                    T",
        "BITPIX  =                    8",
        "NAXIS   =                    1",
    ]
    document = run(fits.parse, science.header([*cards, "NAXIS1  =                    1", card]) * 2)
    assert document.field_count < 20 and document.problems


def test_a_camera_without_a_fix_has_no_position():
    gps = [(0x01, 2, b"N\0"), (0x02, 5, [(0, 0)] * 3), (0x03, 2, b"E\0"), (0x04, 5, [(0, 0)] * 3)]
    document = run(tiff.parse, images.tiff([[(0x0100, 3, [1]), (0x8825, 4, ("ifd", gps))]]))
    assert document.find("exif", "GPSLatitude").value is None


def test_the_limit_counts_what_is_encoded():
    document = Document()
    with contextlib.suppress(LimitExceededError):
        for number in range(100_000):
            document.add(
                "s", Field(f"name {number}", "\U0001f600" * 50, group="/long/path" * 30, note="é" * 20)
            )
    encoded = encode.encode_part(Part.SECTIONS, document, document.problems)
    assert document.field_count < 100_000 and 1_000_000 < len(encoded) < 3 * 2**20


def test_cut_values_are_told_and_stay_valid():
    document = Document()
    document.add("s", Field("text", "é" * 100_000))
    document.add("s", Field("bytes", b"x" * 100_000))
    assert [len(encode.encode_part(Part.SECTIONS, document, [])) < 140_000, len(document.problems)] == [
        True,
        2,
    ]
    long = images.tiff([[(0x010E, 2, b"x" * 200_000 + b"\0")]])
    assert any("cut" in problem.message for problem in run(tiff.parse, long).problems)


@pytest.mark.parametrize("most", [1, 7, 8, 9, 100])
@pytest.mark.parametrize("most_bytes", [200, 10**6])
def test_fields_put_together_fill_a_document_as_far_as_those_put_one_by_one(most, most_bytes):
    def fields():
        return [Field(f"Name{number}", number, group="Member1") for number in range(8)]

    limits = DocumentLimits(max_fields=most, max_total_bytes=most_bytes)
    together, single = Document(limits), Document(limits)
    with contextlib.suppress(LimitExceededError):
        together.put_all("zip", fields(), 8 * (9 + len("Name0") + len("Member1")))
    with contextlib.suppress(LimitExceededError):
        for each in fields():
            single.add("zip", each)
    assert together.sections == single.sections
    assert (together.field_count, together.total_bytes) == (single.field_count, single.total_bytes)


@pytest.mark.parametrize("zeros", [3, 10, 11])
def test_a_directory_of_notes_ends_with_the_eleventh_entry_without_a_type(zeros):
    """Nobody pads notes: what is told behind so many zeros is chance."""
    count = zeros + 1
    note = (
        b"OLYMP\0\1\0"
        + struct.pack("<H", count)
        + bytes(12 * zeros)
        + struct.pack("<HHIHH", 0x0202, 3, 1, 1, 0)
        + bytes(4)
    )
    data = images.tiff([[(0x010F, 2, b"OLYMPUS\0"), (0x8769, 4, ("ifd", [(0x927C, 7, note)]))]])
    document = run(tiff.parse, data)
    assert ("makernotes" in document.sections) is (zeros <= 10)

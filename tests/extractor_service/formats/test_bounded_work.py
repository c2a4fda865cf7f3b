"""Small files that ask for endless work: overlapping directories, heaps in themselves, inflating texts, lists of lists.

Each is read in an instant or refused as too much, what was found before stays, and the result stays small.
"""

from __future__ import annotations

import time
import zlib
from struct import pack

import pytest

from extractor_service.document import Document, LimitExceededError
from extractor_service.formats.containers.isobmff import heif
from extractor_service.formats.containers.photo import crw, jp2, jpeg, png, tiff
from extractor_service.modules.base import Part
from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.descriptor import BytesSource
from extractor_service.workers import encode

_MAX_SECONDS = 5.0  # of processor; before these limits all of them took longer, some for ever
_MAX_ENCODED_BYTES = 3 * 1024 * 1024


def _entries(count: int, tag: int, kind: int, length: int, offset: int) -> bytes:
    return pack(">H", count) + pack(">HHII", tag, kind, length, offset) * count + bytes(4)


def _tiff(directory: bytes, rest: bytes = b"") -> bytes:
    return b"MM\0*" + pack(">I", 8) + directory + rest


def _chunk(kind: bytes, data: bytes) -> bytes:
    return pack(">I", len(data)) + kind + data + bytes(4)


def _png(*chunks: bytes) -> bytes:
    header = _chunk(b"IHDR", pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + _chunk(b"IEND", b"")


def _heap_in_itself() -> bytes:
    records = 40
    size = 2 + 10 * records + 4
    heap = pack("<H", records) + pack("<HII", 0x2800, size, 0) * records + bytes(4)
    return b"II" + pack("<I", 26) + b"HEAPCCDR" + bytes(12) + heap


def _keywords_again_and_again() -> bytes:
    keywords = (b"\x1c\x02\x19\0\x64" + b"k" * 100) * 500
    # The lengths differ a little, so that none of them is the same block once more.
    rows = b"".join(
        pack(">HHII", 33723, 7, len(keywords) - index, 8 + 2 + 12 * 400 + 4) for index in range(400)
    )
    return _tiff(pack(">H", 400) + rows + bytes(4), keywords)


def _strips_of_strips() -> bytes:
    return _tiff(_entries(700, 273, 4, 2048, 8) + bytes(8192))


def _meta_of_pointers() -> bytes:
    count = 1500
    inner = 8 + 2 + 12 * count + 4
    structure = _tiff(_entries(count, 50976, 4, 1, inner), _entries(count, 9, 1, 40_000, 8)) + bytes(8192)
    return b"\xff\xd8\xff\xe3" + pack(">H", len(structure) + 8) + b"Meta\0\0" + structure + b"\xff\xd9"


def _profile_of_numbers() -> bytes:
    profile = bytearray(4 * 1024 * 1024 - 16)
    profile[128:132] = pack(">I", 200)
    body = 132 + 12 * 200
    for index in range(200):
        profile[132 + 12 * index : 144 + 12 * index] = pack(">4sII", b"A2B0", body, len(profile) - body)
    profile[body : body + 4] = b"sf32"
    return _png(_chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(profile), 9)))


def _inflating_packets() -> bytes:
    packet = b"<a>" + b"<b/>" * ((4 * 1024 * 1024 - 20) // 4) + b"</a>"
    return _png(
        *[_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(packet, 9)) for _ in range(9)]
    )


@pytest.mark.parametrize(
    ("parse", "data"),
    [
        pytest.param(crw.parse, _heap_in_itself(), id="crw-heap-in-itself"),
        pytest.param(tiff.parse, _keywords_again_and_again(), id="iptc-lists"),
        pytest.param(tiff.parse, _strips_of_strips(), id="strips"),
        pytest.param(jpeg.parse, _meta_of_pointers(), id="kodak-meta"),
        pytest.param(png.parse, _profile_of_numbers(), id="icc-numbers"),
        pytest.param(png.parse, _inflating_packets(), id="inflating-xmp"),
    ],
)
def test_a_small_file_costs_little(parse, data):
    document = Document()
    started = time.process_time()
    try:
        parse(BlockCachedSource(BytesSource(data)), document)
    except LimitExceededError:
        assert document.spent_bytes > 0
    assert time.process_time() - started < _MAX_SECONDS
    assert len(encode.encode_part(Part.SECTIONS, document, document.problems)) < _MAX_ENCODED_BYTES


def test_items_of_huge_extents_are_refused_before_they_are_read():
    class Sparse:
        size_bytes = 5 * 1024**3
        read = 0

        def read_range(self, offset, length):
            self.read += length
            return data[offset : offset + length] + bytes(
                max(0, length - len(data[offset : offset + length]))
            )

    def box(kind: bytes, content: bytes) -> bytes:
        return pack(">I", 8 + len(content)) + kind + content

    item = b"\x02\0\0\0" + pack(">HH", 1, 0) + b"mime" + b"\0application/rdf+xml\0\0"
    infos = box(b"iinf", bytes(4) + pack(">H", 1) + box(b"infe", item))
    extents = pack(">II", 1024, 1) + pack(">II", 1024, 64 * 1024 * 1024) * 19
    places = box(b"iloc", bytes(4) + b"\x44\0" + pack(">H", 1) + pack(">HHH", 1, 0, 20) + extents)
    data = box(b"ftyp", b"heic\0\0\0\0heic") + box(b"meta", bytes(4) + infos + places)
    source, document = Sparse(), Document()
    heif.parse(BlockCachedSource(source), document)
    assert source.read < 1024 * 1024
    assert any("item 1" in problem.message for problem in document.problems)


@pytest.mark.parametrize(
    "body",
    [
        f"<tiff:XResolution>{'1' * 400}/1</tiff:XResolution>",
        f"<tiff:XResolution>1/{'9' * 5000}</tiff:XResolution>",
        "<exif:ExposureBiasValue>1e999</exif:ExposureBiasValue>",
        f"<exif:GPSLatitude>{'1' * 400},1N</exif:GPSLatitude>",
        '<tiff:Orientation><rdf:Bag><rdf:li rdf:parseType="Resource"><dc:a>1</dc:a></rdf:li></rdf:Bag></tiff:Orientation>',
    ],
)
def test_an_absurd_property_costs_itself_only(body):
    packet = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/"'
        f' xmlns:dc="http://purl.org/dc/elements/1.1/">{body}<dc:format>later</dc:format></rdf:Description></rdf:RDF>'
    )
    document = Document()
    text = _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet.encode())
    png.parse(BytesSource(_png(text, _chunk(b"tEXt", b"Author\0me"))), document)
    later, author = document.find("xmp", "Format"), document.find("png", "Author")
    assert later is not None and later.value == "later"
    assert author is not None and author.value == "me"


def test_a_creation_time_in_another_language_stays_a_text():
    document = Document()
    png.parse(BytesSource(_png(_chunk(b"tEXt", b"Creation Time\x0001 Okt 2020 10:10:10"))), document)
    field = document.find("png", "CreationTime")
    assert field is not None and field.value == "01 Okt 2020 10:10:10"


@pytest.mark.parametrize("kind", [b"jxlc", b"jp2c"])
def test_a_damaged_codestream_leaves_the_boxes_around_it(kind):
    def box(name: bytes, content: bytes) -> bytes:
        return pack(">I", 8 + len(content)) + name + content

    data = box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl \0\0\0\0jxl ") + box(kind, b"garbage") + box(
        b"xml ", b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
    )  # fmt: skip
    document = Document()
    jp2.parse(BytesSource(data), document)
    assert len(document.problems) >= 1
    assert any("RDF" in problem.message for problem in document.problems)  # the box behind it was reached

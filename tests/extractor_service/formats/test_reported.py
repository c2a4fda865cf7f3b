"""Small files, each in the situation of a public report that was read wrongly, and a second one of the same kind.

The files in `tests/samples/reported` are synthetic; their right answers come from the specifications and a second reader.
"""

import struct
import zlib
from pathlib import Path

import pytest

from extractor_service.document import Document
from extractor_service.formats.containers.isobmff import heif
from extractor_service.formats.embedded import iptc, xmp
from extractor_service.formats.reading import charsets
from tests.golden.documents import golden_document
from tests.golden.images import XMP, jpeg, tiff

FOLDER = Path(__file__).parents[2] / "samples" / "reported"


def described(name: str) -> dict:
    (path,) = FOLDER.glob(f"{name}*")
    return golden_document(path.read_bytes())


def value(document: dict, section: str, name: str):
    return next(
        (each["value"] for each in document["sections"].get(section, ()) if each["name"] == name), None
    )


@pytest.mark.parametrize(
    ("name", "kind", "facts", "trouble"),
    [
        ("P02b", "jpeg", {"position": {"latitude_degrees": 33.86, "longitude_degrees": 151.2111111111111, "altitude_meters": -10.1}}, ""),
        ("P04d", "jpeg", {"created_at": "2024-01-02T10:11:12"}, ""),
        ("P05d", "png", {"created_at": "2021-02-03T04:05:06", "device_make": "TestMake"}, ""),
        ("P06f", "webp", {"device_model": "TestModel"}, "behind its stated end"),
        ("P07a", "heic", {"orientation": 6}, ""),
        ("P07c", "heic", {"device_make": "TestMake", "orientation": 1}, ""),
        ("P07g", "heic", {"device_make": "TestMake"}, ""),
        ("P07k", "heic", {"orientation": 1}, ""),
        ("P08d", "jpeg", {"position": {"latitude_degrees": 37.85420555555556, "longitude_degrees": -122.47883305555555, "altitude_meters": -2.8}}, "place of GPS"),
        ("P09f", "jpeg", {"device_make": "TestMake", "created_at": "2021-02-03T04:05:06"}, "cut from 65537"),
        ("P12b", "jpeg", {"title": "日本語の説明"}, ""),
        ("P15c", "jpeg", {"created_at": "2024-07-01T12:00:00.67+02:00"}, ""),
        ("P15d", "jpeg", {"title": "bad  char"}, "isn't clean XML"),
        ("P16b", "xmp", {"created_at": "2024-01-23T18:12:34-07:00"}, ""),
        ("P16c", "jpeg", {"created_at": "2024-07-01T12:00:00+02:00"}, ""),
        ("P16j", "jpeg", {"created_at": "2024-07-01T12:00:00+05:30"}, ""),
        ("P17a", "png", {"created_at": "2023-11-11T10:20:30+09:00"}, ""),
        ("P17c", "png", {"created_at": "2023-11-11T10:20:30"}, ""),
        ("P14z", "bigtiff", {}, "before its first directory"),
        ("S01a", "dicom", {"device_make": "TestVendor"}, ""),
        ("S05g", "pdf", {"created_at": "2021-03-13T14:47:15+01:00"}, "isn't written as PDF wants"),
        ("S05n", "pdf", {"title": "xmp title"}, ""),
        ("S06a", "pdf", {"title": "A report"}, ""),
        ("S06d", "ps", {}, ""),
        ("S06e", "html", {}, ""),
        ("S06i", "xmp", {"title": "eps title"}, ""),
        ("S07b", "pdf", {"created_at": "2021-03-13T14:47:15"}, "no place has the zone"),
        ("S07i", "pdf", {"created_at": "2021-03-13T14:47:15+01:00"}, ""),
        ("A02a", "flac", {}, ""),
    ],
)  # fmt: skip
def test_what_was_reported(name, kind, facts, trouble):
    document = described(name)
    assert document["format"] == kind
    common = {**document["common"], "created_at": (document["common"].get("created_at") or {}).get("iso")}
    assert {each: common[each] for each in facts} == facts
    messages = [each["message"] for each in document["problems"]]
    assert any(trouble in each for each in messages) if trouble else name[0] == "S" or not messages


@pytest.mark.parametrize(
    ("name", "section", "field", "expected"),
    [
        ("P01d", "exif", "UserComment", "京都 Kyōto, Test"),
        ("P01e", "exif", "UserComment", "京都 Test"),
        ("P10c", "iptc", "Headline", "Jönköping"),
        ("P10d", "iptc", "Headline", "Jönköping 京都"),
        ("P12d", "exif", "Copyright", "Photographer\nEditor"),
        ("P15c", "composite", "GPSAltitude", -10.1),
        ("P02b", "composite", "GPSAltitude", -10.1),
        ("P16b", "xmp", "GPSLatitude", 60.731941666666664),
    ],
)
def test_what_the_fields_say(name, section, field, expected):
    assert value(described(name), section, field) == expected


def gps(*entries: tuple) -> dict:
    fields = [
        (1, 2, b"N\0"),
        (2, 5, [(1, 1), (0, 1), (0, 1)]),
        (3, 2, b"E\0"),
        (4, 5, [(2, 1), (0, 1), (0, 1)]),
        *entries,
    ]
    return golden_document(jpeg(exif=tiff([[(0x8825, 4, ("ifd", fields))]])))


@pytest.mark.parametrize(("below", "metres"), [([0], 25.0), ([1], -25.0), ([2], 25.0), ([3], -25.0)])
def test_altitudes_below_the_sea_and_below_the_ellipsoid(below, metres):
    document = gps((5, 1, below), (6, 5, [(25, 1)]))
    assert (
        document["common"]["position"]["altitude_meters"]
        == value(document, "composite", "GPSAltitude")
        == metres
    )


def test_a_directory_is_not_read_again_as_another():
    """A pointer back to IFD0."""
    data = bytearray(tiff([[(0x010F, 2, b"Maker A\0"), (0x8769, 4, [8])]]))
    directory = struct.unpack_from("<I", data, 4)[0]
    place = data.index(struct.pack("<HHI", 0x8769, 4, 1)) + 8
    struct.pack_into("<I", data, place, directory)
    document = golden_document(jpeg(exif=bytes(data)))
    assert [each["message"] for each in document["problems"]] == ["ExifIFD is at the place of IFD0"]
    assert [each["name"] for each in document["sections"]["exif"]].count("Make") == 1


@pytest.mark.parametrize(
    ("data", "text", "charset"),
    [
        ("naïve".encode("latin-1"), "naïve", "latin-1"),
        ("it’s “quoted”".encode("cp1252"), "it’s “quoted”", "cp1252"),
        ("カメラ".encode("shift-jis"), "カメラ", "shift_jis"),
        (b"\x81\x81\x8d\xff", "\x81\x81\x8d\xff", "latin-1"),
    ],
)
def test_texts_of_no_unicode_are_decided_and_keep_their_bytes(data, text, charset):
    found = charsets.text(data)
    assert (str(found), found.charset, found.data) == (text, charset, data)
    assert type(charsets.text("ö".encode())) is str


@pytest.mark.parametrize(
    ("comment", "text"),
    [
        (b"UNICODE\0" + "héllo".encode(), "héllo"),
        (b"UNICODE\0" + "héllo".encode("utf-16-be"), "héllo"),
        (b"UNICODE\0" + b"\xff\xfe" + "京都".encode("utf-16-le"), "京都"),
        (b"UNICODE\0" + "京都に行く".encode("utf-16-le"), "京都に行く"),
    ],
)
def test_comments_in_any_unicode(comment, text):
    document = golden_document(jpeg(exif=tiff([[(0x8769, 4, ("ifd", [(0x9286, 7, comment)]))]])))
    assert value(document, "exif", "UserComment") == text


def dataset(record: int, number: int, data: bytes) -> bytes:
    return struct.pack(">BBBH", 0x1C, record, number, len(data)) + data


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (dataset(2, 90, "Łódź".encode()) + dataset(1, 90, b"\x1b%G"), "Łódź"),
        (dataset(2, 90, "Łódź".encode()), "Łódź"),
        (dataset(2, 90, "Köln".encode("cp1252")), "Köln"),
    ],
)
def test_iptc_is_read_by_what_it_is(data, text):
    document = Document()
    iptc.parse(data, document)
    assert document.find("iptc", "City").value == text


@pytest.mark.parametrize("junk", [b"</x:xmpmeta>garbage <b>", b"\x01\x02", b"</x:xmpmeta>\n<!-- -- -->"])
def test_junk_in_and_behind_a_packet_costs_a_problem(junk):
    packet = XMP.encode().split(b"<?xpacket end")[0]
    packet = (
        packet.replace(b"Harbour", b"Har\x0bbour")
        if junk == b"\x01\x02"
        else packet.replace(b"</x:xmpmeta>", junk)
    )
    document = Document()
    xmp.parse(packet + b"<?broken", document)
    assert document.find("xmp", "Title").value == "Harbour"
    assert len(document.problems) == 1


def extended(digest: bytes, body: bytes) -> bytes:
    data = b"http://ns.adobe.com/xmp/extension/\0" + digest + struct.pack(">II", len(body), 0) + body
    return struct.pack(">BBH", 0xFF, 0xE1, len(data) + 2) + data


@pytest.mark.parametrize(("noted", "title"), [(b"A" * 32, "Extended"), (b"B" * 32, None)])
def test_only_the_file_s_own_extended_packet_is_joined(noted, title):
    rdf = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description {}/></rdf:RDF></x:xmpmeta>'
    main = rdf.format(
        f'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="{noted.decode()}"'
    )
    more = rdf.format('xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:Headline="Extended"')
    data = b"http://ns.adobe.com/xap/1.0/\0" + main.encode()
    picture = (
        b"\xff\xd8"
        + struct.pack(">BBH", 0xFF, 0xE1, len(data) + 2)
        + data
        + extended(b"A" * 32, more.encode())
        + b"\xff\xd9"
    )
    document = golden_document(picture)
    assert value(document, "xmp", "Headline") == title
    assert bool(document["problems"]) == (title is None)


@pytest.mark.parametrize(
    ("axis", "turns", "orientation"),
    [
        (None, 0, 1),
        (None, 1, 8),
        (None, 2, 3),
        (None, 3, 6),
        (0, 0, 2),
        (1, 0, 4),
        (0, 1, 7),
        (0, 3, 5),
        (1, 2, 2),
    ],
)
def test_turns_and_mirrors_as_exif_counts_them(axis, turns, orientation):
    """By turning the corners of a picture: where the first and the last corner of its first row go."""
    corners = {1: ("nw", "ne"), 2: ("ne", "nw"), 3: ("se", "sw"), 4: ("sw", "se"), 5: ("nw", "sw"), 6: ("ne", "se"), 7: ("se", "ne"), 8: ("sw", "nw")}  # fmt: skip
    left = {"nw": "sw", "sw": "se", "se": "ne", "ne": "nw"}
    flips = {
        0: {"nw": "ne", "ne": "nw", "sw": "se", "se": "sw"},
        1: {"nw": "sw", "sw": "nw", "ne": "se", "se": "ne"},
    }
    row = ["nw", "ne"]
    for _ in range(turns):
        row = [left[each] for each in row]
    if axis is not None:
        row = [flips[axis][each] for each in row]
    assert corners[heif._ORIENTATIONS[axis][turns]] == tuple(row)
    assert heif._ORIENTATIONS[axis][turns] == orientation


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        (b"Thu, 29 Feb 2024 13:14:15 +0100", "2024-02-29T13:14:15+01:00"),
        (b"2024-02-29T13:14:15Z", "2024-02-29T13:14:15Z"),
        (b"soon", None),
    ],
)
def test_times_in_the_texts_of_a_png(text, iso):
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    document = golden_document(
        b"\x89PNG\r\n\x1a\n"
        + header
        + png_chunk(b"tEXt", b"Creation Time\0" + text)
        + png_chunk(b"IEND", b"")
    )
    assert (document["common"].get("created_at") or {}).get("iso") == iso
    assert bool(document["problems"]) == (iso is None)

"""Documents, archives, mail, fonts and programs: what an attack and other readers found wrong, each as a test."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import struct
import tarfile
import time
import zipfile
import zlib

import pytest

from extractor_service.document import ProblemKind, Struct
from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.descriptor import BytesSource
from tests.golden import foreign
from tests.golden.documents import parse
from tests.samples import DOCUMENTS
from tests.support import large_documents


def document(data: bytes, name: str = ""):
    return parse(BlockCachedSource(BytesSource(data)), name)


def told(found, section: str) -> dict:
    return {each.name: each.value for each in found.sections.get(section, [])}


def members(found) -> list[dict]:
    return [dict(each.value.entries) for each in found.sections["archive"] if isinstance(each.value, Struct)]


def messages(found) -> str:
    return " | ".join(each.message for each in found.problems)


# --- ZIP and what is built on it


def test_a_zip_without_its_directory_is_read_from_the_beginning():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("one.txt", "1")
        archive.writestr("two.txt", "22")
    data = buffer.getvalue()
    found = document(data[: data.index(b"PK\1\2")])
    assert [each["Name"] for each in members(found)] == ["one.txt", "two.txt"]
    assert found.problems[0].kind is ProblemKind.TRUNCATED


def test_members_that_share_bytes_are_named():
    data = bytearray((DOCUMENTS / "npm-yazl-zip64.zip").read_bytes())
    assert "overlap" not in messages(document(bytes(data)))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"{number}.txt", os.urandom(2000))
    data = bytearray(buffer.getvalue())
    first = data.index(b"PK\1\2")
    second = data.index(b"PK\1\2", first + 4)
    data[second + 42 : second + 46] = data[first + 42 : first + 46]
    assert "overlap" in messages(document(bytes(data)))


def test_what_unpacks_to_gigabytes_is_named_and_plain_archives_are_not():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("log.txt", b"the same line again\n" * 50_000)
    data = bytearray(buffer.getvalue())
    assert not document(bytes(data)).problems
    place = data.index(b"PK\1\2") + 24
    data[place : place + 4] = struct.pack("<I", 4_000_000_000)
    assert "times their size" in messages(document(bytes(data)))


def test_property_parts_that_share_a_bomb_cost_little():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", _content_types())
        for number in range(300):
            archive.writestr(f"docProps/{number}.xml", b"<a>" + b"<b/>" * 300_000 + b"</a>")
    started = time.process_time()
    document(buffer.getvalue())
    assert time.process_time() - started < 5


def _content_types() -> bytes:
    with zipfile.ZipFile(DOCUMENTS / "libreoffice-rich.docx") as archive:
        return archive.read("[Content_Types].xml")


def test_an_encrypted_office_file_says_how():
    found = document(
        (DOCUMENTS.parent / "documents_apart/poi-encrypted-agile.docx").read_bytes(), "secret.docx"
    )
    assert told(found, "ole")["Encryption"].startswith("AES ")
    assert found.problems[0].kind is ProblemKind.UNSUPPORTED


# --- tar, ar, streams


def test_old_sparse_files_have_their_real_length():
    block = bytearray(large_documents._tar_header(b"sparse", 1024))
    block[156:157], block[257:265] = b"S", b"ustar  \0"
    block[386:410] = b"%011o\0%011o\0" % (0, 512)
    block[482:483], block[483:495] = b"\1", b"%011o\0" % 3_145_728
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    plain = large_documents._tar_header(b"plain", 0)
    found = document(bytes(block) + bytes(512) + bytes(1024) + plain + bytes(1024))
    assert [(each["Name"], each["Size"]) for each in members(found)] == [("sparse", 3_145_728), ("plain", 0)]
    assert not found.problems


def test_pax_keys_that_nobody_reads_cost_nothing():
    buffer = io.BytesIO()
    headers = {f"X.{number}": "x" * 20 for number in range(5000)}
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT, pax_headers=headers) as archive:
        for number in range(2500):
            archive.addfile(tarfile.TarInfo(f"f{number}"))
    started = time.process_time()
    found = document(buffer.getvalue())
    assert time.process_time() - started < 5
    assert told(found, "archive")["MemberCount"] == 2500 and "2000 of 2500" in messages(found)


def test_a_negative_length_ends_an_archive():
    entry = b"a/".ljust(16) + b"0".ljust(12) + b"0".ljust(6) * 2 + b"644".ljust(8) + b"-60".ljust(10) + b"`\n"
    found = document(b"!<arch>\n" + entry * 3)
    assert "archive" not in found.sections or not members(found)


def test_streams_one_behind_the_other_are_summed():
    data = lzma.compress(b"a" * 1000) + bytes(8) + lzma.compress(b"b" * 500)
    facts = told(document(data), "archive")
    assert facts["UncompressedSize"] == 1500 and facts["StreamCount"] == 2
    assert told(document(gzip.compress(b"a" * 700)), "archive")["UncompressedSizeStated"] == 700
    assert "UncompressedSizeStated" not in told(
        document(gzip.compress(b"a") + gzip.compress(b"b")), "archive"
    )


def test_times_of_old_rar_archives_have_the_odd_second():
    from tests.golden.foreign import rar4

    data = bytearray(rar4())
    place = data.index(b"docs\\note.txt")
    flags_at = place - 32 + 3
    length = struct.unpack_from("<H", data, flags_at + 2)[0]
    struct.pack_into("<HH", data, flags_at, 0x8000 | 0x1000, length + 2)
    data[place + 13 : place + 13] = struct.pack("<H", 0xC000)
    start = place - 32
    struct.pack_into("<H", data, start, zlib.crc32(data[start + 2 : start + length + 2]) & 0xFFFF)
    assert [(each["Name"], each["Modified"]) for each in members(document(bytes(data)))] == [
        ("docs/note.txt", "2023:11:14 22:13:21")
    ]


@pytest.mark.parametrize("make", [foreign.rar4, foreign.rar5])
def test_a_member_of_a_rar_whose_header_is_damaged_is_not_told(make):
    data = bytearray(make())
    place = data.index(b"note.txt") - 6
    assert members(document(bytes(data)))
    data[place] ^= 0x55
    told_of = document(bytes(data))
    assert told_of.problems[0].message == "a header whose checksum doesn't fit"
    assert all("note.txt" not in each["Name"] for each in members(told_of))


def test_a_rar_that_is_cut_within_a_header_tells_what_stands_before():
    data = foreign.rar4()
    end = data.index(b"Night train") + 12
    cut = document(data[:end] + struct.pack("<HBHH", 1, 0x73, 0x8000, 60) + bytes(10))
    assert told(cut, "archive")["MemberCount"] == 1 and "the last member is cut" in messages(cut)


def test_a_member_of_a_zip_that_the_file_can_t_hold_has_no_size():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("hello.txt", "Hello\n")
    data = bytearray(buffer.getvalue())
    struct.pack_into("<II", data, data.index(b"PK\1\2") + 20, 0xFFFFFFFF, 0xFFFFFFFF)
    found = document(bytes(data))
    assert "isn't in a file of that length" in messages(found)
    assert not {"ZipCompressedSize", "ZipUncompressedSize"} & told(found, "zip").keys()
    assert members(found)[0].keys().isdisjoint({"Size", "PackedSize"})


def test_a_part_of_a_zip_that_only_zip64_says_keeps_its_sizes():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("hello.txt", "Hello\n")
    data = bytearray(buffer.getvalue())
    central, end = data.index(b"PK\1\2"), data.index(b"PK\5\6")
    struct.pack_into("<II", data, central + 20, 500_000, 500_000)  # most of it lies in another part
    wide = b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 1, 1, 1, 1, end - central, central)
    locator = b"PK\6\7" + struct.pack("<IQI", 1, end, 2)
    tail = b"PK\5\6" + struct.pack("<HHHHIIH", *[0xFFFF] * 4, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    found = document(bytes(data[:end]) + wide + locator + tail)
    assert told(found, "zip")["ZipCompressedSize"] == 500_000
    assert messages(found) == "one part of an archive in 2 parts"


# --- mail and text


def test_headers_in_raw_utf_8_are_read():
    mail = "From: Zoë <zoe@example.org>\r\nTo: Иван <ivan@example.org>\r\nSubject: Größe\r\nMessage-ID: <1@x>\r\n\r\nhi"
    facts = told(document(mail.encode()), "mail")
    assert (facts["From"], facts["To"], facts["Subject"]) == (
        "Zoë <zoe@example.org>",
        "Иван <ivan@example.org>",
        "Größe",
    )


def test_a_mailbox_may_hold_mails_without_headers():
    data = b"From a@b Sat Jan  3 01:05:34 2015\n\ntext\n\nFrom c@d Sun Jan  4 01:05:34 2015\nSubject: x\n\nFrom here on\n"
    assert told(document(data, "two.mbox"), "mail")["MessageCount"] == 2


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("line.ics", b"BEGIN:VCALENDAR\r\nX;" + b'=,"' * 60 + b"\r\n"),
        ("fold.vcf", b"BEGIN:VCARD\r\nN:x\r\n" + b" y\r\n" * 300_000 + b"END:VCARD\r\n"),
        ("hop.eml", b"Received: from " + b" " * 200_000 + b"x\r\nFrom: a@b\r\nSubject: x\r\n\r\n"),
        ("parameters.eml", b'From: a@b\r\nSubject: x\r\nContent-Type: multipart/mixed; a="' + b";" * 100_000 + b"\r\n\r\n"),
        ("rdf.html", b"<html><head></head>" + b"<rdf:RDF>" * 100_000),
        ("office.html", b"<html><head></head>" + b"<o:a " * 12_000),
        ("puny.html", b"<html><head><meta charset=punycode></head>" + b"a-" * 400_000),
        ("declaration.xml", b"<?xml " + b"a " * 500_000),
        ("space.md", b"# x" + b" " * 150_000 + b"y\n"),
        ("undefined.html", b"<!DOCTYPE html><html><![foo[x]]><title>A</title>"),
        ("nested.json", b"[" * 500_000),
    ],
)  # fmt: skip
def test_hostile_text_costs_linear_time(name, data):
    started = time.process_time()
    document(data, name)
    assert time.process_time() - started < 3


# --- documents


def test_circles_in_a_pdf_end():
    bodies = [
        b"<</Type/Catalog/Pages 2 0 R/OpenAction 4 0 R/AcroForm 5 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 9 9]>>",
        b"<</Type/Page/Parent 2 0 R>>", b"<</S/JavaScript/JS(x)/Next[" + b"4 0 R " * 20 + b"]>>", b"<</Fields[6 0 R]>>",
        b"<</T(a)/FT/Tx/Kids[" + b"6 0 R " * 2000 + b"]>>",
    ]  # fmt: skip
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(bodies, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    at = len(out)
    out += b"xref\n0 7\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % each for each in places)
    out += b"trailer\n<</Size 7/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % at
    started = time.process_time()
    facts = told(document(bytes(out)), "pdf")
    assert time.process_time() - started < 3
    assert facts["HasJavaScript"] is True and facts["ActionsJavaScript"] == 1 and facts["PageCount"] == 1


def test_incremental_updates_are_counted():
    data = (DOCUMENTS / "pikepdf-portfolio.pdf").read_bytes()
    assert told(document(data), "pdf")["IncrementalUpdates"] == 0


def test_overlapping_segments_of_a_character_map_are_refused():
    from extractor_service.formats.containers.fonts.sfnt import _segments

    table = (
        struct.pack(">HHHHHHH", 4, 0, 0, 4, 0, 0, 0)
        + struct.pack(">HH", 0xFFFE, 0xFFFE)
        + bytes(2)
        + bytes(12)
    )
    with pytest.raises(ValueError, match="overlap"):
        _segments(table, 0)


def test_a_brotli_bomb_is_cut():
    import brotli

    from extractor_service.formats.reading.brotli_stream import unbrotli

    assert len(unbrotli(brotli.compress(bytes(30_000_000)), 100_000)) == 100_000


def test_a_7z_database_that_claims_too_much_costs_nothing():
    start = struct.pack("<QQI", 0, 1 << 40, 0)
    data = b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<I", zlib.crc32(start)) + start
    assert "isn't read" in messages(document(data))


def test_publisher_s_empty_storage_is_no_macro():
    assert told(document((DOCUMENTS / "libreoffice-rich.doc").read_bytes()), "ole")["HasMacros"] is False
    assert told(document((DOCUMENTS / "xlsxwriter-vba.xlsm").read_bytes()), "ooxml")["HasMacros"] is True


def test_binary_drawings_are_read_as_text_ones_are():
    def group(code: int, value: bytes) -> bytes:
        return struct.pack("<H", code) + value

    groups = [
        (0, b"SECTION\0"), (2, b"HEADER\0"), (9, b"$ACADVER\0"), (1, b"AC1024\0"), (9, b"$INSUNITS\0"), (70, struct.pack("<h", 4)),
        (9, b"$EXTMIN\0"), (10, struct.pack("<d", 1.5)), (20, struct.pack("<d", -2.0)), (30, struct.pack("<d", 0.0)), (0, b"ENDSEC\0"),
        (0, b"SECTION\0"), (2, b"ENTITIES\0"), (0, b"LINE\0"), (310, b"\2ab"), (0, b"LINE\0"), (0, b"ENDSEC\0"), (0, b"EOF\0"),
    ]  # fmt: skip
    data = b"AutoCAD Binary DXF\r\n\x1a\0" + b"".join(group(code, value) for code, value in groups)
    facts = told(document(data, "a.dxf"), "geometry")
    assert (facts["DXFVersion"], facts["Units"], facts["EntityLINE"]) == ("AC1024", 4, 2)
    assert facts["BoundsMinimum"] == [1.5, -2.0, 0.0]
    cut = document(data[:-20], "a.dxf")
    assert "EntityCount" not in told(cut, "geometry") and "end early" in messages(cut)

"""What files are: by their bytes, one level into containers; by their name only where the bytes say nothing."""

import io
import struct
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor_service.formats.identification.identify import (
    content_types,
    contradiction,
    identify,
    identify_source,
    named,
    suggestion,
)
from extractor_service.formats.identification.looking import HEAD_BYTES
from extractor_service.formats.identification.types import Evidence, all_types
from extractor_service.sources.descriptor import BytesSource
from tests.golden.samples import SAMPLES


def kind(data: bytes) -> str:
    return identify_source(BytesSource(data)).type.name


def archive(*members: tuple[str, bytes], method: int = zipfile.ZIP_STORED, comment: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as written:
        for name, data in members:
            written.writestr(name, data)
        written.comment = comment
    return buffer.getvalue()


def content_types_xml(main: str) -> bytes:
    return f'<Types><Override PartName="/x" ContentType="{main}+xml"/></Types>'.encode()


_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main"
_SHEET_MACROS = "application/vnd.ms-excel.sheet.macroEnabled.main"


@pytest.mark.parametrize(
    ("members", "name"),
    [
        ([("mimetype", b"application/epub+zip")], "epub"),
        ([("mimetype", b"application/vnd.oasis.opendocument.text")], "odt"),
        ([("[Content_Types].xml", content_types_xml(_WORD))], "docx"),
        ([("[Content_Types].xml", content_types_xml(_SHEET_MACROS))], "xlsm"),
        ([("docProps/app.xml", b"x"), ("xl/workbook.xml", b"x")], "xlsx"),
        ([("docProps/app.xml", b"x"), ("xl/workbook.xml", b"x"), ("xl/vbaProject.bin", b"x")], "xlsm"),
        ([("META-INF/MANIFEST.MF", b"x")], "jar"),
        ([("AndroidManifest.xml", b"x"), ("META-INF/MANIFEST.MF", b"x")], "apk"),
        ([("a/b.py", b"x"), ("a-1.dist-info/WHEEL", b"x")], "whl"),
        ([("doc.kml", b"x")], "kmz"),
        ([("arr_0.npy", b"x")], "npz"),
        ([("readme.txt", b"PK, word/document.xml, mimetypeapplication/epub+zip")], "zip"),
    ],
)
def test_archives_one_level_down(members, name):
    assert kind(archive(*members, comment=b"c" * 3000)) == name
    if members[0][0] != "mimetype":  # which has to stand first
        assert kind(archive(("0.npy", bytes(HEAD_BYTES)), *members)) == name


def test_the_types_of_an_office_file_may_stand_at_its_end():
    data = archive(("a", bytes(HEAD_BYTES)), ("[Content_Types].xml", content_types_xml(_SHEET_MACROS)), method=zipfile.ZIP_DEFLATED)  # fmt: skip
    assert kind(data) == "xlsm"


def test_a_bomb_of_content_types_costs_nothing():
    types = b" " * 30_000_000 + content_types_xml(_WORD)
    assert kind(archive(("[Content_Types].xml", types), ("word/document.xml", b""), method=zipfile.ZIP_DEFLATED)) == "docx"  # fmt: skip


def ole(*streams: tuple[str, int], far: bool = False) -> bytes:
    """A compound file with these streams in its root; type 1 is a storage, which holds the one behind it."""
    entries = [("Root Entry", 5), *streams]
    directory = b""
    for number, (name, what) in enumerate(entries):
        text = name.encode("utf-16-le")
        is_inside = number > 1 and entries[number - 1][1] == 1
        following = (
            number + 1 if number and number + 1 < len(entries) and what != 1 and not is_inside else 0xFFFFFFFF
        )
        child = 1 if number == 0 else number + 1 if what == 1 else 0xFFFFFFFF
        directory += text.ljust(64, b"\0") + struct.pack("<HBBIII", len(text) + 2, what, 1, 0xFFFFFFFF, following, child) + bytes(48)  # fmt: skip
    directory = directory.ljust(-(-len(directory) // 512) * 512, b"\0")
    at = 40 if far else 1
    table = bytearray(b"\xff" * 512)
    for sector in range(at, at + len(directory) // 512 - 1):
        struct.pack_into("<I", table, 4 * sector, sector + 1)
    header = bytearray(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(512, b"\0"))
    struct.pack_into("<H", header, 30, 9)
    struct.pack_into("<I", header, 48, at)
    struct.pack_into("<I", header, 76, 0)
    return bytes(header) + bytes(table) + bytes(512 * (at - 1)) + directory


@pytest.mark.parametrize("far", [False, True])
@pytest.mark.parametrize(
    ("streams", "name"),
    [
        ([("WordDocument", 2)], "doc"),
        ([("CompObj", 2), ("Workbook", 2)], "xls"),
        ([("PowerPoint Document", 2)], "ppt"),
        ([("__properties_version1.0", 2)], "msg"),
        ([("EncryptedPackage", 2)], "ooxml_encrypted"),
        ([("Workbook", 2), ("MBD001", 1), ("WordDocument", 2)], "xls"),
        ([("ObjectPool", 1), ("WordDocument", 2)], "ole"),
        ([("Anything", 2)], "ole"),
    ],
)
def test_compound_files_by_the_streams_of_their_root(streams, name, far):
    assert kind(ole(*streams, far=far)) == name


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"RIFF\x10\0\0\0AVI LIST", "avi"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "wav"),
        (b"RF64\xff\xff\xff\xffWAVEds64", "rf64"),
        (b"FORM\0\0\0\x10AIFCFVER", "aifc"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "mov"),
        (b"\0\0\0\x14ftypM4A\0\0\0\0\0isom", "m4a"),
        (b"\0\0\0\x14ftypkddi\0\0\0\0", "3g2"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "avif"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1miaf", "heif"),
        (b"\0\0\0\x6cmoov\0\0\0\x64mvhd", "mov"),
        (b"\0\0\0\x10wide\0\0\0\0\0\0\0\0\0\0\0\x08mdat", "mov"),
        (b"OggS\0\x02" + bytes(20) + b"\x01\x13OpusHead", "opus"),
        (b"\x1aE\xdf\xa3\x9fB\x82\x84webm", "webm"),
        (b"ID3\x04\0\0\0\0\0\x05xxxxxfLaC\0\0\0\x22", "flac"),
        (b"ID3\x04\0\0\0\0\0\x05xxxxxMAC \x96\x0f", "ape"),
        (b"ID3\x04\0\0\0\0\0\x05xxxxx\xff\xfb\x90\0", "mp3"),
        (b"ID3\x04\0\0\0\x01\x7f\x7f" + bytes(32767) + b"fLaC", "flac"),
        (b"BM\x46\0\0\0\x01\x02\x03\x04\x36\0\0\0\x28\0\0\0" + bytes(40), "bmp"),
        (b"BM is a car maker, they say, and this is text.\n", "text"),
        (b"%PDF-1.4\n<x:xmpmeta xmlns:x='adobe:ns:meta/'>", "pdf"),
        (b"\xef\xbb\xbf%PDF-1.4\n", "pdf"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n<x:xmpmeta xmlns:x='adobe:ns:meta/'>", "ps"),
        (b"<!DOCTYPE html><html><p>&lt;x:xmpmeta&gt; <x:xmpmeta></p>", "html"),
        (b"\n<!-- <svg> --><html><svg xmlns='http://www.w3.org/2000/svg'/>", "html"),
        (b"<?xml version='1.0'?><!-- <html> --><svg xmlns='http://www.w3.org/2000/svg'/>", "svg"),
        (b"<!DOCTYPE svg [<!ENTITY a 'b'>]><svg xmlns='http://www.w3.org/2000/svg'/>", "svg"),
        (b"<?xpacket begin='' id=''?>\n<x:xmpmeta xmlns:x='adobe:ns:meta/'/>", "xmp"),
        ("\ufeff<x:xmpmeta xmlns:x='adobe:ns:meta/'/>".encode("utf-16-le"), "xmp"),
        (b"<?xpacket begin=''?><!--" + b" " * 3000 + b"--><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/>", "xmp"),
        (b"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/'/>", "rdf"),
        (b"<?xml version='1.0'?><unheard-of/>", "xml"),
        (b"From: a@b.c\r\nMessage-ID: <1@b.c>\r\n\r\nhello", "eml"),
        (b"From here on: nothing\nTo be read: a\n", "text"),
        (b"From a@b.c Sat Nov 28 10:00:00 2026\nFrom: a@b.c\n", "mbox"),
        (b'{"a": [1, 2]}', "json"),
        (b'{"a": 1}\n{"a": 2}\n', "jsonl"),
        (b"{not json}", "text"),
        (b"#!/usr/bin/env python3\nprint()\n", "py"),
        (b"#!/bin/bash -e\n", "sh"),
        (b"BEGIN:VCARD\r\nVERSION:4.0\r\n", "vcf"),
        (struct.pack("<HHI", 8, 5, 10) + b"ISO_IR 100" + struct.pack("<HHI", 8, 8, 8) + b"ORIGINAL" + struct.pack("<HHI", 8, 0x16, 4) + b"1.2\0", "dicom"),
        (bytes(300) + b"TRUEVISION-XFILE.\0", "tga"),
        (bytes(300) + b"TAG" + b"Play Dead".ljust(125, b"\0"), "mp3"),
        (bytes(0x8001) + b"CD001\x01" + bytes(100), "iso"),
        (b"", "empty"),
        (bytes(5000), ""),
    ],
)  # fmt: skip
def test_each_kind_by_its_bytes(data, name):
    assert kind(data) == name


def tiff(make: bytes, tags: dict[int, int], at: int = 8) -> bytes:
    """An IFD at `at` with short values and a maker."""
    entries = [struct.pack("<HHII", tag, 3, 1, value) for tag, value in tags.items()]
    entries.append(struct.pack("<HHII", 0x10F, 2, len(make), at + 400))
    body = struct.pack("<H", len(entries)) + b"".join(sorted(entries)) + bytes(4)
    return (b"II*\0" + struct.pack("<I", at)).ljust(at, b"\0") + body.ljust(400, b"\0") + make + bytes(20)


@pytest.mark.parametrize("at", [8, 40_000])
@pytest.mark.parametrize(
    ("make", "tags", "name"),
    [
        (b"NIKON CORPORATION\0", {0x14A: 0}, "nef"),
        (b"NIKON\0", {}, "tiff"),
        (b"SONY\0", {0xC634: 0}, "arw"),
        (b"PENTAX Corporation\0", {0x103: 65535}, "pef"),
        (b"Canon\0", {0xC612: 1}, "dng"),
        (b"SAMSUNG\0", {0x14A: 0}, "srw"),
        (b"EPSON\0", {}, "tiff"),
    ],
)
def test_raw_files_by_their_first_directory(make, tags, name, at):
    identity = identify_source(BytesSource(tiff(make, tags, at)))
    assert identity.type.name == name and identity.format.name == "tiff"
    assert named(identity, "x.nef") == identity, "the bytes have said what it is"


@pytest.mark.parametrize(
    ("data", "charset"),
    [
        (b"plain", "us-ascii"),
        ("schön\n".encode(), "utf-8"),
        ("schön\n".encode("latin-1"), "iso-8859-1"),
        ("京都は日本の都市です。\n".encode("shift-jis") * 9, "unknown-8bit"),
        ("\ufeffa b\n".encode("utf-16-be"), "utf-16be"),
        ("a few words\n".encode("utf-16-le"), "utf-16le"),
        (("é" * 9000).encode(), "utf-8"),
        (b"a\0b" * 20, ""),
    ],
)
def test_the_encoding_of_texts(data, charset):
    assert identify_source(BytesSource(data)).charset == charset


def test_a_name_decides_only_what_the_bytes_leave_open():
    text, unknown = identify(b"a,b\n1,2\n", 8), identify_source(BytesSource(b"\x01\x02" * 300))
    assert named(text, "t.csv").type.name == "csv" and named(text, "t.csv").evidence is Evidence.EXTENSION
    assert named(text, "t.png").type.name == "text" and contradiction(text, "t.png") == "image/png"
    assert named(unknown, "t.png").type.name == "", "a PNG has its magic"
    assert named(unknown, "t.lrv").type == unknown.type
    assert named(unknown, "noname") == unknown
    png = identify(b"\x89PNG\r\n\x1a\n", 8)
    assert named(png, "t.jpg") == png and contradiction(png, "t.jpg") == "image/jpeg"
    assert contradiction(png, "t.png") == contradiction(png, "t.bin") == contradiction(png, "t") == ""


def test_a_head_that_cannot_say_all_says_so():
    far = tiff(b"SONY\0", {0x14A: 0}, 40_000)
    assert not identify(far[:HEAD_BYTES], len(far)).is_final
    near = tiff(b"SONY\0", {0x14A: 0})
    assert identify(near, len(near)).is_final
    assert identify(b"\xff\xd8\xff\xe0" + bytes(100), 10**9).is_final


def test_identification_reads_little():
    class Counting:
        def __init__(self, data):
            self.source, self.size_bytes, self.total = BytesSource(data), len(data), 0

        def read_range(self, offset, length):
            data = self.source.read_range(offset, length)
            self.total += len(data)
            return data

    for data in (archive(*((f"member {each}", bytes(2000)) for each in range(3000))), tiff(b"SONY\0", {}, 900_000), bytes(900_000)):  # fmt: skip
        source = Counting(data)
        identify_source(source)
        assert source.total <= 192 * 1024


def test_names_are_unique_and_enough_are_told_by_content():
    names = [each.name for each in all_types()]
    assert len(names) == len(set(names)) and len(content_types()) >= 420 and len(names) >= 1700
    assert all("/" in each.mime_type for each in all_types())
    assert suggestion("a.JPG").name == "jpeg" and suggestion(".bashrc") is None and suggestion("jpg") is None


def test_samples_are_what_their_readers_expect():
    for name, make in SAMPLES.items():
        assert named(identify_source(BytesSource(make())), name).type.reader, name


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=600), st.sampled_from([b"", b"PK\3\4", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"II*\0\x08\0\0\0", b"<?xml ", b"<!DOCTYPE [", b"ID3\4\0\0\0\0\0\x09", b"OggS", b"\x1aE\xdf\xa3"]))  # fmt: skip
def test_any_bytes_are_something(data, begin):
    identity = identify_source(BytesSource(begin + data))
    assert identity.is_final and "/" in identity.type.mime_type


def test_hostile_markup_costs_linear_time():
    for text in (
        b"<!DOCTYPE a " + b"[" * 16000,
        b"<!DOCTYPE a " + b"[]" * 8000,
        b"<!--" * 4000,
        b"<?" * 8000,
        b"<a " + b"x=" * 8000,
    ):
        assert kind(text) in {"xml", "html", "text", ""}

"""Small files that unpack to much: one for each decoder in each container that has it."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from typing import TYPE_CHECKING

import brotli
import zstandard

if TYPE_CHECKING:
    from collections.abc import Callable

from tests.faults.bomb_parts import BIG, MIB, PAGES, ZEROS, chunk, deflated, pdf, stream, zipped


def _text_bomb(count: int = 64 * MIB, wbits: int = 15) -> bytes:
    """Unpacks to XML that never ends."""
    head = b'<?xml version="1.0"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><a>'
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    unit = b"<b c='d'>e</b>" * 65536
    parts = [packer.compress(head)] + [packer.compress(unit) for _ in range(count // len(unit))]
    return b"".join([*parts, packer.flush()])


_LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a0 "'
    + b"ha" * 50
    + b'">'
    + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10))
    + b"]>"
)


def _png(*chunks: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    idat = chunk(b"IDAT", zlib.compress(b"\0\0\0\0"))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks) + idat + chunk(b"IEND", b"")


_TYPES = (
    b'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    b'<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
_LONG_XML = b"<?xml version='1.0'?><a>" + b"<b>c</b>" * (8 * MIB) + b"</a>"


def _docx(core: bytes) -> bytes:
    return zipped(
        {
            "[Content_Types].xml": _TYPES,
            "word/document.xml": b"<w/>",
            "docProps/core.xml": core,
            "docProps/app.xml": core,
        }
    )


def _odt(meta: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("mimetype"), b"application/vnd.oasis.opendocument.text")
        archive.writestr("meta.xml", meta)
        archive.writestr("content.xml", meta)
    return file.getvalue()


def _epub(opf: bytes) -> bytes:
    container = b'<?xml version="1.0"?><container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="c.opf"/></rootfiles></container>'
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("mimetype"), b"application/epub+zip")
        archive.writestr("META-INF/container.xml", container)
        archive.writestr("c.opf", opf)
    return file.getvalue()


def _pdf_metadata(data: bytes, filters: bytes) -> bytes:
    root = b"<</Type/Catalog/Pages 2 0 R/Metadata 3 0 R>>"
    return pdf(root, PAGES, stream(data, b"/Type/Metadata/Subtype/XML/Filter" + filters))


def _pdf_cross_reference_stream() -> bytes:
    data = deflated(64 * MIB)
    out = bytearray(b"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n")
    start = len(out)
    out += (
        b"5 0 obj"
        + stream(data, b"/Type/XRef/Size 8000000/W[1 4 2]/Root 1 0 R/Filter/FlateDecode")
        + b"endobj\n"
    )
    return bytes(out) + b"startxref\n%d\n%%%%EOF" % start


def _id3(frame_id: bytes, flags: int, body: bytes, times: int = 1) -> bytes:
    def synchsafe(number: int) -> bytes:
        return bytes((number >> shift) & 0x7F for shift in (21, 14, 7, 0))

    frames = (frame_id + synchsafe(len(body)) + struct.pack(">H", flags) + body) * times
    return b"ID3\4\0\0" + synchsafe(len(frames)) + frames + b"\xff\xfb\x90\0" + bytes(413)


def _dicom_deflated() -> bytes:
    meta = b"".join(
        struct.pack("<HH2sH", group, element, kind, len(value)) + value
        for group, element, kind, value in (
            (2, 0x10, b"UI", b"1.2.840.10008.1.2.1.99\0\0"[:22]),
            (2, 2, b"UI", b"1.2.840.10008.5.1.4.1.1.7\0"),
        )
    )
    group = struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(meta))
    element = struct.pack("<HH2sH", 0x10, 0x20, b"LO", 8) + b"12345678"
    return bytes(128) + b"DICM" + group + meta + deflated(64 * MIB, -15, element * 65536)


def _woff(data: bytes) -> bytes:
    table = struct.pack(">4sIIII", b"name", 64, len(data), 64 * MIB, 0)
    header = struct.pack(
        ">4sIIHHIHHIIIII", b"wOFF", 0x10000, 64 + len(data), 1, 0, 64 * MIB, 1, 0, 0, 0, 0, 0, 0
    )
    return (header + table).ljust(64, b"\0") + data


def _woff2(data: bytes) -> bytes:
    directory = (
        b"\x05" + bytes((0x8F, 0x80, 0x80, 0x80, 0x00))[-4:] if False else b"\x05" + b"\xa0\x80\x80\x00"
    )
    header = struct.pack(
        ">4sIIHHIIHHIIIII",
        b"wOF2",
        0x10000,
        48 + len(directory) + len(data),
        1,
        0,
        64 * MIB,
        len(data),
        1,
        0,
        0,
        0,
        0,
        0,
        0,
    )
    return header + directory + data


def _brob(data: bytes) -> bytes:
    def box(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", 8 + len(content)) + kind + content

    return (
        b"\0\0\0\x0cJXL \r\n\x87\n"
        + box(b"ftyp", b"jxl \0\0\0\0jxl ")
        + box(b"brob", b"Exif" + data)
        + box(b"brob", b"xml " + data)
    )


def _matlab() -> bytes:
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x0100) + b"IM"
    data = deflated(64 * MIB)
    return header + (struct.pack("<II", 15, len(data)) + data) * 20


def _deb(suffix: str, data: bytes) -> bytes:
    def member(name: bytes, content: bytes) -> bytes:
        return (
            name.ljust(16)
            + b"0".ljust(12)
            + b"0".ljust(6) * 2
            + b"100644".ljust(8)
            + b"%-10d`\n" % len(content)
            + content
            + b"\n" * (len(content) % 2)
        )

    return (
        b"!<arch>\n"
        + member(b"debian-binary", b"2.0\n")
        + member(b"control.tar." + suffix.encode(), data)
        + member(b"data.tar", b"")
    )


def _tar_bomb() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo("./control")
        info.size = 64 * MIB
        archive.addfile(info, io.BytesIO(b"Package: a\n" * (6 * MIB)))
    return file.getvalue()


def _seven_zip(header: bytes, size: int) -> bytes:
    """An archive whose header is packed by LZMA."""
    packer = lzma.LZMACompressor(lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 20}])
    packed = packer.compress(header) + packer.flush()

    def number(value: int) -> bytes:
        return b"\xff" + struct.pack("<Q", value)

    packed_header = (
        b"\x17\x06"
        + number(0)
        + b"\x01\x09"
        + number(len(packed))
        + b"\x00\x07\x0b\x01\x00\x01\x23\x03\x01\x01\x05\x5d"
        + struct.pack("<I", 1 << 20)
        + b"\x0c"
        + number(size)
        + b"\x00\x00"
    )
    start = struct.pack("<QQI", len(packed), len(packed_header), zlib.crc32(packed_header))
    return b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<I", zlib.crc32(start)) + start + packed + packed_header


def _hdf5(filters: dict) -> bytes:
    import h5py
    import numpy as np

    file = io.BytesIO()
    with h5py.File(file, "w") as root:
        side = 4096
        data = root.create_dataset("lat", (side, side * 2), "f8", chunks=(side, side), **filters)
        data[...] = np.zeros((side, side * 2))
        data.attrs["units"] = "degrees_north"
        data.make_scale("lat")
    return file.getvalue()


def _orc(data: bytes) -> bytes:
    length = len(data)
    header = bytes(((length << 1) & 0xFF, (length >> 7) & 0xFF, (length >> 15) & 0xFF))
    footer = header + data
    postscript = b"\x08" + _varint(len(footer)) + b"\x10\x01\x18\x80\x80\x80\x20\x82\xf4\x03\x03ORC"
    return b"ORC" + footer + postscript + bytes((len(postscript),))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _svg(text: bytes) -> bytes:
    return b"<svg xmlns='http://www.w3.org/2000/svg'>" + text + b"</svg>"


def _xmp_attributes(count: int) -> bytes:
    rdf = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:a="http://a/" '
    attributes = b" ".join(b'a:b%d="c"' % number for number in range(count))
    return b'<x:xmpmeta xmlns:x="adobe:ns:meta/">' + rdf + attributes + b"/></rdf:RDF></x:xmpmeta>"


def _nested(times: int, data: bytes, pack: Callable[[bytes], bytes]) -> bytes:
    for _ in range(times):
        data = pack(data)
    return data


def _xz(count: int = BIG) -> bytes:
    packer = lzma.LZMACompressor(lzma.FORMAT_XZ)
    return b"".join([*(packer.compress(ZEROS) for _ in range(count // len(ZEROS))), packer.flush()])


def _bz2(count: int = BIG) -> bytes:
    packer = bz2.BZ2Compressor()
    return b"".join([*(packer.compress(ZEROS) for _ in range(count // len(ZEROS))), packer.flush()])


def _brotli(count: int = 64 * MIB) -> bytes:
    packer = brotli.Compressor(quality=5)
    return b"".join([*(packer.process(ZEROS) for _ in range(count // len(ZEROS))), packer.finish()])


BOMBS: dict[str, Callable[[], bytes]] = {
    "zlib in PNG text.png": lambda: _png(chunk(b"zTXt", b"Comment\0\0" + deflated())),
    "zlib in PNG profile.png": lambda: _png(chunk(b"iCCP", b"p\0\0" + deflated())),
    "zlib in PNG XMP.png": lambda: _png(chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + _text_bomb())),
    "zlib in PNG texts, many.png": lambda: _png(*[chunk(b"zTXt", b"a\0\0" + deflated(8 * MIB))] * 100),
    "gzip.gz": lambda: deflated(wbits=31),
    "gzip of many members.gz": lambda: gzip.compress(b"") * 200_000,
    "gzip of SVG.svgz": lambda: gzip.compress(_svg(b"<g/>" * (8 * MIB))),
    "gzip of FITS.fits.gz": lambda: gzip.compress(b"SIMPLE  =                    T".ljust(80) + b" " * (64 * MIB)),
    "gzip of NIfTI.nii.gz": lambda: deflated(wbits=31),
    "bzip2.bz2": _bz2,
    "xz.xz": _xz,
    "LZMA.lzma": lambda: lzma.compress(bytes(64 * MIB), lzma.FORMAT_ALONE),
    "zstd.zst": lambda: zstandard.ZstdCompressor(level=1).compress(bytes(BIG)),
    "zstd with a window of 2 GiB.zst": lambda: b"\x28\xb5\x2f\xfd\x00\xa8" + b"\x4d\0\0\x10\0\0" * 1000,
    "tar in gzip.tar.gz": lambda: gzip.compress(_tar_bomb()),
    "deflate in ZIP.zip": lambda: zipped({f"{n}.txt": bytes(8 * MIB) for n in range(20)}),
    "bzip2 in Office.docx": lambda: zipped({"[Content_Types].xml": _TYPES, "docProps/core.xml": _LONG_XML}, zipfile.ZIP_BZIP2),
    "LZMA in Office.docx": lambda: zipped({"[Content_Types].xml": _TYPES, "docProps/core.xml": _LONG_XML}, zipfile.ZIP_LZMA),
    "deflate in Office.docx": lambda: _docx(_LONG_XML),
    "entities in Office.docx": lambda: _docx(_LAUGHS + b"<cp:coreProperties>&a9;</cp:coreProperties>"),
    "content types of 64 MiB.docx": lambda: zipped({"[Content_Types].xml": _TYPES[:-8] + b"<Override/>" * (6 * MIB)}),
    "deflate in OpenDocument.odt": lambda: _odt(_LONG_XML),
    "entities in OpenDocument.odt": lambda: _odt(_LAUGHS + b"<m>&a9;</m>"),
    "deflate in EPUB.epub": lambda: _epub(_LONG_XML),
    "entities in EPUB.epub": lambda: _epub(_LAUGHS + b"<package>&a9;</package>"),
    "manifest in JAR.jar": lambda: zipped({"META-INF/MANIFEST.MF": b"A: b\r\n" * (10 * MIB)}),
    "entities in SVG.svg": lambda: _LAUGHS + _svg(b"<title>&a9;</title>"),
    "entities in XMP.xmp": lambda: _LAUGHS + b'<x:xmpmeta xmlns:x="adobe:ns:meta/">&a9;</x:xmpmeta>',
    "deep XML.svg": lambda: _svg(b"<g>" * 200_000),
    "XMP of 200,000 attributes.xmp": lambda: _xmp_attributes(200_000),
    "XMP of 119,000 attributes.xmp": lambda: _xmp_attributes(119_000),
    "XMP of 399,000 elements.xmp": lambda: b'<x:xmpmeta xmlns:x="adobe:ns:meta/">' + b"<b>c</b>" * 399_000 + b"</x:xmpmeta>",
    "Flate in PDF, three times.pdf": lambda: _pdf_metadata(_nested(2, deflated(), zlib.compress), b"[/FlateDecode/FlateDecode/FlateDecode]"),
    "Flate in PDF.pdf": lambda: _pdf_metadata(_text_bomb(), b"/FlateDecode"),
    "LZW and run lengths in PDF.pdf": lambda: _pdf_metadata(b"\x81a" * 4096, b"[" + b"/RunLengthDecode" * 6 + b"]"),
    "ASCII85 in PDF.pdf": lambda: _pdf_metadata(b"z" * (4 * MIB), b"[/ASCII85Decode/FlateDecode]"),
    "object streams in PDF.pdf": lambda: pdf(b"<</Type/Catalog/Pages 2 0 R/Metadata 900 0 R>>", PAGES, stream(deflated(64 * MIB), b"/Type/ObjStm/N 900000/First 8000000/Filter/FlateDecode")),
    "cross-reference stream in PDF.pdf": _pdf_cross_reference_stream,
    "300,000 pages in PDF.pdf": lambda: pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 300000/Kids[" + b"3 0 R " * 300_000 + b"]>>", b"<</Type/Page/MediaBox[0 0 1 1]>>"),
    "zlib in ID3.mp3": lambda: _id3(b"TXXX", 0x0009, struct.pack(">I", 0x0F7F7F7F) + deflated(200 * MIB)),
    "250,000 frames in ID3.mp3": lambda: _id3(b"TXXX", 0, b"\0a\0b", 250_000),
    "deflate in DICOM.dcm": _dicom_deflated,
    "zlib in WOFF.woff": lambda: _woff(deflated(64 * MIB)),
    "brotli in WOFF2.woff2": lambda: _woff2(_brotli()),
    "brotli in JPEG XL.jxl": lambda: _brob(_brotli()),
    "zlib in MATLAB.mat": _matlab,
    "deflate in npz.npz": lambda: zipped({f"{n}.npy": b"\x93NUMPY\x01\0v\0{'descr': '<f8', 'fortran_order': False, 'shape': (9,)}".ljust(128) + bytes(8 * MIB) for n in range(10)}),
    "gzip in deb.deb": lambda: _deb("gz", gzip.compress(_tar_bomb())),
    "xz in deb.deb": lambda: _deb("xz", lzma.compress(_tar_bomb(), preset=1)),
    "zstd in deb.deb": lambda: _deb("zst", zstandard.compress(_tar_bomb())),
    "LZMA in 7z.7z": lambda: _seven_zip(b"\x01\x05" + bytes(64 * MIB), 64 * MIB + 2),
    "gzip in HDF5.h5": lambda: _hdf5({"compression": "gzip", "compression_opts": 9}),
    "LZF and shuffle in HDF5.h5": lambda: _hdf5({"compression": "lzf", "shuffle": True}),
    "zlib in ORC.orc": lambda: _orc(deflated(8 * MIB, -15)),
}  # fmt: skip

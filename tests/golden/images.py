"""JPEG, PNG and TIFF samples, byte by byte from their specifications."""

from __future__ import annotations

import struct
import zlib

XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="MetaExtract golden">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" xmlns:stRef="http://ns.adobe.com/xap/1.0/sType/ResourceRef#"
    xmp:CreatorTool="Golden 1.0" xmp:Rating="4">
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">Harbour</rdf:li><rdf:li xml:lang="de">Hafen</rdf:li></rdf:Alt></dc:title>
   <dc:creator><rdf:Seq><rdf:li>Ada</rdf:li><rdf:li>Grace</rdf:li></rdf:Seq></dc:creator>
   <dc:subject><rdf:Bag><rdf:li>sea</rdf:li><rdf:li>ships</rdf:li></rdf:Bag></dc:subject>
   <xmpMM:DerivedFrom stRef:instanceID="xmp.iid:1" stRef:documentID="xmp.did:2"/>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""

_WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8, 12: 8, 13: 4, 16: 8}


def _pack(order: str, kind: int, values) -> bytes:
    if kind in (2, 7, 1) and isinstance(values, bytes):
        return values
    code = {1: "B", 3: "H", 4: "I", 5: "II", 9: "i", 10: "ii", 12: "d", 13: "I", 16: "Q"}[kind]
    flat = [part for value in values for part in (value if isinstance(value, tuple) else (value,))]
    return struct.pack(order + code[0] * len(flat), *flat)


def tiff(
    directories: list[list[tuple]], *, big_endian: bool = False, big: bool = False, pixels: bytes = b""
) -> bytes:
    """A TIFF of chained directories. An entry is (tag, type, values); a value may be ("ifd", entries) to nest one."""
    order = ">" if big_endian else "<"
    word, head = ("Q", 16) if big else ("I", 8)
    out = bytearray(b"\0" * head)
    out += pixels

    def put(entries: list[tuple]) -> int:
        prepared = []
        for tag, kind, values in entries:
            if isinstance(values, tuple) and values[0] == "ifd":
                values = [put(values[1])]
            elif values == "pixels":
                values = [head]
            data = _pack(order, kind, values)
            count = len(data) // _WIDTHS[kind]
            if len(data) > (8 if big else 4):
                if len(out) % 2:
                    out.append(0)
                position = len(out)
                out.extend(data)
                data = struct.pack(order + word, position)
            prepared.append((tag, kind, count, data.ljust(8 if big else 4, b"\0")))
        if len(out) % 2:
            out.append(0)
        start = len(out)
        out.extend(struct.pack(order + ("Q" if big else "H"), len(prepared)))
        for tag, kind, count, data in sorted(prepared):
            out.extend(struct.pack(order + "HH" + word, tag, kind, count) + data)
        out.extend(struct.pack(order + word, 0))
        return start

    links = []
    for entries in directories:
        start = put(entries)
        links.append((start, len(out) - (8 if big else 4)))
    for (_, link), (following, _) in zip(links, links[1:]):
        out[link : link + (8 if big else 4)] = struct.pack(order + word, following)
    mark = b"MM" if big_endian else b"II"
    if big:
        out[:16] = mark + struct.pack(order + "HHHQ", 43, 8, 0, links[0][0])
    else:
        out[:8] = mark + struct.pack(order + "HI", 42, links[0][0])
    return bytes(out)


def exif_directories() -> list[list[tuple]]:
    gps = [
        (0x00, 1, [2, 3, 0, 0]), (0x01, 2, b"S\0"), (0x02, 5, [(33, 1), (51, 1), (354, 10)]),
        (0x03, 2, b"E\0"), (0x04, 5, [(151, 1), (12, 1), (4032, 100)]), (0x05, 1, [0]), (0x06, 5, [(587, 10)]),
        (0x07, 5, [(4, 1), (5, 1), (6, 1)]), (0x1D, 2, b"2024:02:29\0"),
    ]  # fmt: skip
    photo = [
        (0x829A, 5, [(1, 250)]), (0x829D, 5, [(28, 10)]), (0x8827, 3, [400]), (0x9000, 7, b"0232"),
        (0x9003, 2, b"2024:02:29 13:14:15\0"), (0x9011, 2, b"+11:00\0"), (0x9291, 2, b"25\0"),
        (0x9201, 10, [(7965784, 1000000)]), (0x9204, 10, [(-1, 3)]), (0x920A, 5, [(50, 1)]),
        (0x9286, 7, b"UNICODE\0" + "caf\u00e9".encode("utf-16-le")), (0xA434, 2, b"Golden 50mm F2.8\0"),
        (0xA405, 3, [75]),
    ]  # fmt: skip
    main = [
        (0x010F, 2, b"MetaExtract\0"), (0x0110, 2, b"Golden One\0"), (0x0112, 3, [6]), (0x011A, 5, [(300, 1)]),
        (0x0131, 2, b"generator 1\0"), (0x0132, 2, b"2024:03:01 00:00:00\0"), (0x8769, 4, ("ifd", photo)),
        (0x8825, 4, ("ifd", gps)),
    ]  # fmt: skip
    thumbnail = [(0x0103, 3, [6]), (0x0201, 4, [1000]), (0x0202, 4, [0])]
    return [main, thumbnail]


def icc_profile() -> bytes:
    text = b"desc" + b"\0" * 4 + struct.pack(">I", 7) + b"Golden\0" + b"\0" * 79
    copyright_text = b"text" + b"\0" * 4 + b"public domain\0"
    tags = struct.pack(">I", 2) + b"desc" + struct.pack(">II", 156, len(text))
    tags += b"cprt" + struct.pack(">II", 156 + len(text), len(copyright_text))
    header = bytearray(128)
    header[4:8], header[8:12], header[12:24] = b"lcms", b"\x02\x10\0\0", b"mntrRGB XYZ "
    header[24:36] = struct.pack(">6H", 2024, 2, 29, 1, 2, 3)
    header[36:40], header[40:44] = b"acsp", b"APPL"
    data = bytes(header) + tags + text + copyright_text
    return struct.pack(">I", len(data)) + data[4:]


def jpeg(*, big_endian: bool = False, exif: bytes | None = None) -> bytes:
    """Frame 640 x 480, JFIF, EXIF with GPS, XMP, ICC in two chunks, a comment."""

    def segment(marker: int, data: bytes) -> bytes:
        return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data

    profile = icc_profile()
    exif = tiff(exif_directories(), big_endian=big_endian) if exif is None else exif
    return (
        b"\xff\xd8"
        + segment(0xE0, b"JFIF\0\x01\x02\x01\x01\x2c\x01\x2c\0\0")
        + segment(0xE1, b"Exif\0\0" + exif)
        + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP.encode())
        + segment(0xE2, b"ICC_PROFILE\0\x02\x02" + profile[100:])
        + segment(0xE2, b"ICC_PROFILE\0\x01\x02" + profile[:100])
        + segment(0xFE, b"made by hand")
        + segment(0xC2, struct.pack(">BHHB", 8, 480, 640, 3) + b"\x01\x22\0\x02\x11\x01\x03\x11\x01")
        + segment(0xDA, b"\x03\x01\0\x02\x11\x03\x11\0\x3f\0")
        + b"\0" * 32
        + b"\xff\xd9"
    )


def png() -> bytes:
    """2 x 3 pixels, with every chunk that is read."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 3, 8, 2, 0, 0, 0))
        + chunk(b"gAMA", struct.pack(">I", 45455))
        + chunk(b"pHYs", struct.pack(">IIB", 3937, 3937, 1))
        + chunk(b"tIME", struct.pack(">HBBBBB", 2024, 2, 29, 1, 2, 3))
        + chunk(b"tEXt", b"Author\0Ada")
        + chunk(b"zTXt", b"Creation Time\0\0" + zlib.compress(b"29 Feb 2024"))
        + chunk(b"iTXt", b"Title\0\0\0de\0Titel\0" + "Häfen".encode())
        + chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP.encode())
        + chunk(b"iCCP", b"Golden\0\0" + zlib.compress(icc_profile()))
        + chunk(b"eXIf", tiff(exif_directories(), big_endian=True))
        + chunk(b"IDAT", zlib.compress(b"\0" * 7 * 3))
        + chunk(b"IEND", b"")
    )


def tiff_pages(*, big: bool = False) -> bytes:
    """Two pages, little-endian, with strips in front of the directories."""
    page = [
        (0x0100, 4, [4]), (0x0101, 4, [2]), (0x0102, 3, [8, 8, 8]), (0x0103, 3, [1]), (0x0106, 3, [2]),
        (0x0111, 16 if big else 4, "pixels"), (0x0115, 3, [3]), (0x0117, 4, [24]), (0x010E, 2, b"two pages\0"),
        (0x013B, 2, b"Ada\0"), (0x02BC, 1, XMP.encode()),
    ]  # fmt: skip
    return tiff([page, [*page[:8], (0x0132, 2, b"2024:02:29 01:02:03\0")]], big=big, pixels=b"\x80" * 24)


def bare_jpeg(segments: list[tuple[int, bytes]]) -> bytes:
    """A JPEG of these segments (marker, content) before its frame."""
    frame = struct.pack(">BHHB", 8, 240, 320, 3) + bytes((1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1))
    parts = [*segments, (0xC0, frame)]
    written = b"".join(
        b"\xff" + bytes((marker,)) + struct.pack(">H", len(data) + 2) + data for marker, data in parts
    )
    return b"\xff\xd8" + written + b"\xff\xda\0\x02\xff\xd9"

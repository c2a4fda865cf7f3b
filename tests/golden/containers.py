"""Image containers, byte by byte from their specifications, each with what it can carry inside."""

from __future__ import annotations

import struct

from tests.golden import images


def _exif() -> bytes:
    return images.tiff(images.exif_directories())


def webp() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)

    def size(value: int) -> bytes:
        return (value - 1).to_bytes(3, "little")

    body = chunk(b"VP8X", struct.pack("<I", 0x2E) + size(320) + size(240))
    body += chunk(b"ICCP", images.icc_profile()) + chunk(
        b"ANIM", bytes((1, 2, 3, 255)) + struct.pack("<H", 3)
    )
    body += chunk(b"ANMF", bytes(12) + (40).to_bytes(3, "little") + b"\0") * 2
    body += chunk(b"EXIF", _exif()) + chunk(b"XMP ", images.XMP.encode())
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def gif() -> bytes:
    screen = b"GIF89a" + struct.pack("<HHBBB", 20, 10, 0x91, 1, 0) + bytes(12)
    loop = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x05\0\0"
    comment = b"\x21\xfe\x05hello\0"
    xmp = b"\x21\xff\x0bXMP DataXMP" + images.XMP.encode() + b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    frame = (
        b"\x21\xf9\x04\x01\x0a\0\x02\0\x2c" + struct.pack("<HHHHB", 0, 0, 20, 10, 0) + b"\x02\x02\x4c\x01\0"
    )
    return screen + loop + comment + xmp + frame * 3 + b"\x3b"


def bmp() -> bytes:
    profile = images.icc_profile()
    header = (
        struct.pack("<IiiHHIIiiII", 124, 20, -10, 1, 24, 0, 600, 2835, 2835, 0, 0)
        + bytes(16)
        + b"DEBM"
        + bytes(48)
    )
    header += struct.pack("<IIII", 4, 124, len(profile), 0)
    return b"BM" + struct.pack("<IHHI", 14 + 124 + len(profile), 0, 0, 138) + header + profile


def ico() -> bytes:
    rows = [(16, 16, 0, 0, 1, 32, 100, 38), (0, 0, 0, 0, 1, 32, 5000, 138)]
    return (
        struct.pack("<HHH", 0, 1, len(rows))
        + b"".join(struct.pack("<BBBBHHII", *row) for row in rows)
        + bytes(100)
    )


def pcx() -> bytes:
    head = (
        struct.pack("<BBBBHHHHHH", 10, 5, 1, 8, 0, 0, 19, 9, 300, 300)
        + bytes(48)
        + struct.pack("<BBHHHH", 0, 3, 20, 1, 640, 480)
    )
    return head.ljust(128, b"\0") + bytes(64)


def ppm() -> bytes:
    return b"P6\n# a comment\n20 10\n255\n" + bytes(600)


def tga() -> bytes:
    return struct.pack("<BBBHHBHHHHBB", 4, 0, 2, 0, 0, 0, 0, 0, 20, 10, 24, 0) + b"name" + bytes(600)


def _box(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data) + 8) + kind + data


def j2c() -> bytes:
    size = struct.pack(">HHIIIIIIIIH", 41, 0, 40, 30, 4, 2, 40, 30, 0, 0, 1) + bytes((7, 1, 1))
    comment = struct.pack(">HH", 4 + 7, 1) + b"made up"
    return b"\xff\x4f\xff\x51" + size + b"\xff\x64" + comment + b"\xff\x90\0\x0a" + bytes(8) + b"\xff\xd9"


def jp2() -> bytes:
    header = _box(b"ihdr", struct.pack(">IIHBBBB", 28, 36, 3, 7, 7, 0, 0)) + _box(
        b"colr", b"\x02\0\0" + images.icc_profile()
    )
    header += _box(b"res ", _box(b"resc", struct.pack(">HHHHBB", 300, 1, 300, 1, 2, 2)))
    uuid = _box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + images.XMP.encode())
    exif = _box(b"uuid", b"JpgTiffExif->JP2" + _exif())
    return (
        b"\0\0\0\x0cjP  \r\n\x87\n" + _box(b"ftyp", b"jp2 \0\0\0\0jp2 ") + _box(b"jp2h", header) + uuid + exif
        + _box(b"jp2c", j2c())
    )  # fmt: skip


def jxl() -> bytes:
    """40 x 30 in 5 + 3 + 5 bits: small sizes, no ratio."""
    bits = 1 | 3 << 1 | 0 << 6 | 4 << 9  # small; height 32; no ratio; width 40
    stream = b"\xff\x0a" + bits.to_bytes(4, "little") + bytes(16)
    exif = _box(b"Exif", bytes(4) + _exif())
    return (
        b"\0\0\0\x0cJXL \r\n\x87\n"
        + _box(b"ftyp", b"jxl \0\0\0\0jxl ")
        + _box(b"jxlc", stream)
        + exif
        + _box(b"xml ", images.XMP.encode())
    )


def psd() -> bytes:
    def resource(number: int, data: bytes) -> bytes:
        return (
            b"8BIM"
            + struct.pack(">H", number)
            + b"\0\0"
            + struct.pack(">I", len(data))
            + data
            + b"\0" * (len(data) % 2)
        )

    def dataset(record: int, number: int, data: bytes) -> bytes:
        return b"\x1c" + bytes((record, number)) + struct.pack(">H", len(data)) + data

    iptc = (
        dataset(1, 90, b"\x1b%G")
        + dataset(2, 5, "Häfen".encode())
        + dataset(2, 25, b"sea")
        + dataset(2, 25, b"ships")
    )
    iptc += dataset(2, 55, b"20240506") + dataset(2, 60, b"070809+0200")
    resources = resource(0x03ED, struct.pack(">IHHIHH", 300 << 16, 1, 1, 300 << 16, 1, 1)) + resource(
        0x0404, iptc
    )
    resources += resource(0x040A, b"\x01") + resource(0x0424, images.XMP.encode()) + resource(0x0422, _exif())
    resources += resource(0x040C, bytes(28) + b"\xff\xd8\xff\xd9")
    extra = bytes(8) + b"\x05Layer\0\0"
    layer = (
        struct.pack(">IIIIH", 0, 0, 10, 20, 0)
        + b"8BIMnorm"
        + bytes((255, 0, 0, 0))
        + struct.pack(">I", len(extra))
        + extra
    )
    layers = struct.pack(">h", 1) + layer
    section = struct.pack(">I", len(layers)) + layers
    head = b"8BPS" + struct.pack(">H6sHIIHH", 1, bytes(6), 3, 10, 20, 8, 3)
    return (
        head
        + bytes(4)
        + struct.pack(">I", len(resources))
        + resources
        + struct.pack(">I", len(section))
        + section
        + bytes(2)
    )


def heic() -> bytes:
    exif = b"\0\0\0\x06Exif\0\0" + _exif()
    xmp = images.XMP.encode()

    def full(kind: bytes, data: bytes, version: int = 0) -> bytes:
        return _box(kind, bytes((version, 0, 0, 0)) + data)

    infos = b"".join(
        full(b"infe", struct.pack(">HH4s", number, 0, kind) + rest, 2)
        for number, kind, rest in (
            (1, b"hvc1", b"\0"),
            (2, b"Exif", b"\0"),
            (3, b"mime", b"\0application/rdf+xml\0"),
        )
    )
    hevc = (
        bytes((1, 1))
        + bytes.fromhex("60000000")
        + bytes((0xB0, 0, 0, 0, 0, 0, 90, 0xF0, 0, 0xFC, 0xFD, 0xF8, 0xF8, 0, 0, 0x0F, 0))
    )
    properties = (
        _box(b"hvcC", hevc)
        + full(b"ispe", struct.pack(">II", 40, 30))
        + _box(b"irot", b"\x03")
        + full(b"pixi", b"\x03\x08\x08\x08")
    )
    properties += _box(b"colr", b"nclx" + struct.pack(">HHHB", 1, 13, 6, 0x80))
    associations = struct.pack(">IHB", 1, 1, 5) + bytes((0x81, 2, 0x83, 4, 5))

    def meta(start: int) -> bytes:
        places = struct.pack(">HH", 0x4400, 3)
        at = start
        for number, length in ((1, 10), (2, len(exif)), (3, len(xmp))):
            places += struct.pack(">HHHII", number, 0, 1, at, length)
            at += length
        inner = (
            full(b"hdlr", bytes(4) + b"pict" + bytes(13))
            + full(b"pitm", struct.pack(">H", 1))
            + full(b"iinf", struct.pack(">H", 3) + infos)
        )
        inner += full(b"iloc", places) + _box(
            b"iprp", _box(b"ipco", properties) + full(b"ipma", associations)
        )
        return full(b"meta", inner)

    kind = _box(b"ftyp", b"heic\0\0\0\0mif1heic")
    start = len(kind) + len(meta(0)) + 8
    return kind + meta(start) + _box(b"mdat", bytes(10) + exif + xmp)


def avif() -> bytes:
    return heic().replace(b"ftypheic", b"ftypavif").replace(b"mif1heic", b"mif1avif")


def svg() -> bytes:
    packet = images.XMP[images.XMP.index("<x:xmpmeta") : images.XMP.index("</x:xmpmeta>") + 12]
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="40mm" height="30mm" viewBox="0 0 40 30" version="1.1">
 <title>Harbour</title><desc>Ships at sea</desc><metadata>{packet}</metadata><rect width="1" height="1"/>
</svg>
""".encode()


def sidecar() -> bytes:
    return images.XMP.encode()


def raf() -> bytes:
    picture = images.jpeg()
    table = (
        struct.pack(">I", 2) + struct.pack(">HHHH", 0x100, 4, 30, 40) + struct.pack(">HHHH", 0x111, 4, 24, 36)
    )
    head = b"FUJIFILMCCD-RAW 0201FF129502X-T3".ljust(60, b"\0") + b"0100" + bytes(20)
    start = 148
    return (
        head
        + struct.pack(">IIII", start, len(picture), start + len(picture), len(table)).ljust(
            start - len(head), b"\0"
        )
        + picture
        + table
    )


def heap(records: list[tuple[int, bytes]]) -> bytes:
    """Canon's CIFF: values, then a table of kind, length and place of each."""
    body, rows = b"", b""
    for kind, data in records:
        rows += struct.pack("<HII", kind, len(data), len(body))
        body += data
    return body + struct.pack("<H", len(records)) + rows + struct.pack("<I", len(body))


def crw() -> bytes:
    camera = heap([(0x080A, b"Canon\0Canon EOS D30\0"), (0x0810, b"Ada\0")])
    pictures = heap(
        [
            (0x1810, struct.pack("<IIfI", 2160, 1440, 1.0, 0) + struct.pack("<III", 8, 24, 257)),
            (0x2807, camera),
        ]
    )
    root = heap([(0x300A, pictures), (0x2007, b"\xff\xd8\xff\xd9")])
    return b"II" + struct.pack("<I", 26) + b"HEAPCCDR" + bytes(12) + root


CONTAINERS = {
    "anim.webp": webp, "frames.gif": gif, "v5.bmp": bmp, "two.ico": ico, "zsoft.pcx": pcx, "comment.ppm": ppm, "name.tga": tga,
    "boxes.jp2": jp2, "bare.j2c": j2c, "boxes.jxl": jxl, "layers.psd": psd, "items.heic": heic, "items.avif": avif, "title.svg": svg,
    "sidecar.xmp": sidecar, "preview.raf": raf, "heaps.crw": crw,
}  # fmt: skip

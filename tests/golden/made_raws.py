"""Raw files that no corpus has, made by the cited layouts with every tag of the listing; ExifTool is the judge.

MRW: www.dalibor.cz/software/minolta-raw-mrw-file-format. X3F: Foveon's specification 2.0. IIQ, RW2, RAF: exiftool.org/TagNames
(PhaseOne, PanasonicRaw, FujiFilm) and libopenraw.freedesktop.org/formats. CIFF: Canon's specification 1.0r4.
"""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING

from extractor_service.formats.embedded.makernotes.sony_raw import decipher
from extractor_service.formats.reading.tagset import raw_table
from tests.golden import images
from tests.golden.containers import heap
from tests.golden.made_notes import _value
from tests.golden.makernotes import directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_WIDTHS = {"int8u": 1, "int8s": 1, "int16u": 2, "int16s": 2, "int32u": 4, "int32s": 4, "float": 4, "string": 1, "undef": 1, "rational32s": 4}  # fmt: skip
_CODES = {"int8u": "B", "int8s": "b", "int16u": "H", "int16s": "h", "int32u": "I", "int32s": "i", "float": "f", "rational32s": "hh"}  # fmt: skip


def files(kind: str, count: int = 8) -> Iterator[bytes]:
    """`count` files of a kind of `KINDS`."""
    for seed in range(count):
        yield KINDS[kind](random.Random(f"{kind} {seed}"))


def _tiff(make: str, model: str, order: str) -> bytes:
    exif = directory([(0x829A, 5, [(1, 250)]), (0x829D, 5, [(28, 10)]), (0x8827, 3, [200])], 512, order)
    main = [(0x010F, 2, make.encode() + b"\0"), (0x0110, 2, model.encode() + b"\0"), (0x8769, 4, [512])]
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    return (head + directory(main, 8, order)).ljust(512, b"\0") + exif


def _number(rng: random.Random, kind: str, labels: object) -> object:
    keys = [key for key in labels if isinstance(key, int)] if isinstance(labels, dict) else []
    if kind == "float":
        return rng.choice((0.25, 1.5, 2.0, 3.25, 0.75))
    return rng.choice(keys) if keys and rng.random() < 0.8 else rng.randrange(1, 90)


def _block(module: str, table: str, size: int, rng: random.Random, order: str, unit: int = 1) -> bytes:
    """Values of every tag of a table, at their places."""
    data = bytearray(rng.randrange(1, 60) for _ in range(size))
    for key, rows in raw_table(module, table).items():
        if not isinstance(key, int):
            continue
        name, kind, count, _, labels = rows[0][:5]
        del name
        at = key * unit
        if kind in {"string", "undef"}:
            text = bytes(rng.choice(b"ABCDEF0123") for _ in range(count if count > 1 else 4))
            data[at : at + count] = text[:count].ljust(count, b"\0")
            continue
        kind = kind if kind in _CODES else {1: "int8u", 2: "int16u", 4: "int32u"}[unit]
        for place in range(count):
            value = _number(rng, kind, labels)
            code = _CODES[kind]
            packed = struct.pack(order + code, *([value] * len(code)))
            data[at + place * len(packed) : at + (place + 1) * len(packed)] = packed
    return bytes(data[:size])


def arw(rng: random.Random) -> bytes:
    """Sony's raw file, with the directory that is enciphered, and in it that of how colours were set."""
    order, private_at, inner_at, data_at, length = "<", 600, 1024, 2048, 1536
    key = rng.randrange(1 << 32)
    inner: list[tuple] = []
    for tag, rows in sorted(raw_table("sony", "Sony::SR2SubIFD").items()):
        _, kind, count, _, _ = rows[0][:5]
        if rng.random() < 0.15:
            continue
        count = {0x797D: 17, 0x7980: 33, 0x7982: 17, 0x7800: 9}.get(tag, count)
        if kind == "?" and count == 1:
            low = (
                10 if tag % 2 else 300
            )  # the shortest focal length, and the smallest f-number, below the others
            inner.append((tag, 5, [(rng.randrange(low, low + 290), 10)]))
        else:
            inner.append((tag, 3 if kind == "int16u" else 8, [rng.randrange(1, 4000) for _ in range(count)]))
    inner.append((0x74C0, 4, [data_at, data_at + 64]))
    inner.sort(key=lambda each: each[0])
    hidden = directory(inner, inner_at, order).ljust(data_at - inner_at, b"\0")
    for place in range(2):
        hidden += directory([(0x7770, 4, [rng.randrange(20)])], data_at + 64 * place, order).ljust(64, b"\0")
    hidden = decipher(hidden.ljust(length, b"\0"), key)
    private = directory(
        [(0x7200, 4, [inner_at]), (0x7201, 4, [length]), (0x7221, 4, [key])], private_at, order
    )
    exif = directory([(0x829A, 5, [(1, 250)]), (0x829D, 5, [(28, 10)]), (0x8827, 3, [200])], 512, order)
    model = rng.choice((b"ILCE-7M3\0", b"DSLR-A700\0", b"DSC-RX100\0"))
    main = directory([
        (0x00FE, 4, [1]), (0x0103, 3, [6]), (0x010F, 2, b"SONY\0"), (0x0110, 2, model), (0x0201, 4, [inner_at + length]),
        (0x0202, 4, [64]), (0x8769, 4, [512]), (0xC634, 1, struct.pack("<I", private_at)),
    ], 8, order)  # fmt: skip
    head = b"II*\0" + struct.pack("<I", 8) + main
    return (
        (head.ljust(512, b"\0") + exif).ljust(private_at, b"\0")
        + private.ljust(inner_at - private_at, b"\0")
        + hidden
        + b"\xff\xd8\xff\xd9".ljust(64, b"\0")
    )


def mrw(rng: random.Random) -> bytes:
    """Five blocks, of cameras with and without a model of their own in the table."""
    model = rng.choice(("DiMAGE A200", "DiMAGE 7Hi", "MAXXUM 7D"))
    blocks = [
        (b"\0PRD", _block("raw", "MinoltaRaw::PRD", 24, rng, ">")),
        (b"\0TTW", _tiff("Minolta Co., Ltd.", model, ">")),
        (b"\0WBG", _block("raw", "MinoltaRaw::WBG", 12, rng, ">")),
        (b"\0RIF", _block("raw", "MinoltaRaw::RIF", 68, rng, ">")),
        (b"\0PAD", bytes(16)),
    ]
    body = b"".join(name + struct.pack(">I", len(data)) + data for name, data in blocks)
    return b"\0MRM" + struct.pack(">I", len(body)) + body + bytes(64)


def x3f(rng: random.Random) -> bytes:
    """A header of each version, the properties, and a JPEG with or without EXIF."""
    major, minor = rng.choice(((2, 0), (2, 1), (2, 2), (2, 3), (4, 0)))
    size = 0x300 if major == 4 else {0: 40, 3: 104}.get(minor, 72)
    table = "Header4" if major == 4 else "Header"
    head = bytearray(_block("raw", f"SigmaRaw::{table}", size, rng, "<", 4))
    head[:8] = b"FOVb" + struct.pack("<HH", minor, major)
    if major == 2:
        head[24:40] = struct.pack("<4I", rng.choice((0, 5)), 2640, 1760, rng.choice((0, 90, 270)))
        for at in range(40, size, 32):
            head[at : at + 32] = b"Auto".ljust(32, b"\0")
    data = bytes(head)
    if major == 2 and minor > 0:
        kinds = rng.sample(range(1, 11), 8)
        data += bytes(kinds).ljust(32, b"\0") + struct.pack("<32f", *(rng.choice((0.5, -1.25, 2.0)) for _ in range(32)))  # fmt: skip
    sections = []
    names, texts, places = list(raw_table("raw", "SigmaRaw::Properties").items()), "", []
    numbers = {"FNumber": "5.6", "ISO": "200", "FocalLength": "24.5", "FocalLengthIn35mmFormat": "41", "ExposureTime": "0.004",
               "IntegrationTime": "4000", "ExposureCompensation": "-0.7", "NetExposureCompensation": "0.3", "DateTimeOriginal": "1285000000",
               "SensorTemperature": "34", "LensType": "1a1"}  # fmt: skip
    for key, rows in names:
        labels = rows[0][4]
        keys = [str(each) for each in labels] if isinstance(labels, dict) and rows[0][0] != "LensType" else []
        value = numbers.get(rows[0][0]) or (
            rng.choice(keys) if keys else rng.choice(("NONE", "ON", "AUTO 1"))
        )
        for text in (str(key), value):
            places.append(len(texts))
            texts += text + "\0"
    count = len(places) // 2
    sections.append(
        (b"PROP", struct.pack("<4s5I", b"SECp", 0x20000, count, 0, 0, len(texts)) + struct.pack(f"<{2 * count}I", *places)
         + texts.encode("utf-16-le"))
    )  # fmt: skip
    picture = (
        images.jpeg() if rng.random() < 0.5 else b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xd9"
    )
    image = struct.pack("<4s6I", b"SECi", 0x20000, 2, 18, 640, 480, 0) + picture
    sections.append((rng.choice((b"IMAG", b"IMA2")), image))
    rows = b""
    for name, content in sections:
        rows += struct.pack("<II4s", len(data), len(content), name)
        data += content
    return data + struct.pack("<4s2I", b"SECd", 0x20000, len(sections)) + rows + struct.pack("<I", len(data))


def _phase_one(table: str, width: int, rng: random.Random, order: str) -> bytes:
    rows, values = b"", b""
    start = 12
    tags = [each for each in raw_table("raw", table).items() if isinstance(each[0], int)]
    body = b"IIII\x01\0\0\0" if width == 12 else b"IIIITwaR"
    if order == ">":
        body = b"MMMM\0\0\0\1" if width == 12 else b"MMMMRawT"
    tags = [each for each in tags if width == 16 or each[0] != 0x400]
    behind = start + 8 + width * (len(tags) + (width == 16))
    entries = []
    for tag, alternatives in tags:
        _, kind, count, _, labels = alternatives[0][:5]
        if tag == 0x105:
            data = struct.pack(order + "i", 200)  # as EXIF says
        elif tag == 274:
            data = struct.pack(order + "I", 1285000000)
        elif tag == 0x222:
            data = struct.pack(order + "i", rng.randrange(4000))
        elif kind in {"string", "undef"}:
            data = rng.choice((b"P 45+\0", b"ABC\0", b"Capture One 7.1\0"))
        else:
            data = struct.pack(
                order + _CODES[kind] * count, *(_number(rng, kind, labels) for _ in range(count))
            )
        entries.append((tag, {"string": 1, "undef": 1, "int16u": 2}.get(kind, 4), data))
    if width == 16:
        entries.append((0x110, 4, _phase_one("PhaseOne::SensorCalibration", 12, rng, order)))
    for tag, form, data in sorted(entries):
        place = data.ljust(4, b"\0")
        if len(data) > 4:
            place = struct.pack(order + "I", behind + len(values))
            values += data + bytes(-len(data) % 4)
        kind_of_value = struct.pack(order + "I", form) if width == 16 else b""
        rows += struct.pack(order + "I", tag) + kind_of_value + struct.pack(order + "I", len(data)) + place
    return body + struct.pack(order + "I", start) + struct.pack(order + "II", len(entries), 0) + rows + values


def iiq(rng: random.Random) -> bytes:
    """The note right behind the TIFF header, as the backs write it."""
    order = rng.choice("<>")
    note = _phase_one("PhaseOne::Main", 16, rng, order)
    note = note.ljust(1_000_002, b"\0")  # the raw picture, without which it is no raw file
    at = 8 + len(note)
    exif_at = at + 256
    main = directory(
        [(0x010F, 2, b"Phase One A/S\0"), (0x0110, 2, b"P45+\0"), (0x8769, 4, [exif_at])], at, order
    )
    exif = directory([(0x829A, 5, [(1, 250)]), (0x8827, 3, [200]), (0x927C, 7, b"12345678")], exif_at, order)
    entry = 2 + 12 * 2
    exif = exif[:entry] + struct.pack(order + "HHII", 0x927C, 7, len(note), 8) + exif[entry + 12 :]
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", at)
    return head + note + main.ljust(256, b"\0") + exif


def rw2(rng: random.Random) -> bytes:
    """The first directory with Panasonic's own tags, and a JPEG with EXIF in one of them."""
    entries = [(0x010F, 2, b"Panasonic\0"), (0x0110, 2, rng.choice((b"DMC-GH4\0", b"DC-S1\0")))]
    shapes = {0x13: ("PanasonicRaw::WBInfo", 44), 0x27: ("PanasonicRaw::WBInfo2", 58)}
    for tag, rows in raw_table("raw", "PanasonicRaw::Main").items():
        if not isinstance(tag, int) or tag >= 0x10F or tag in {0x2E, 0x1B, 0x17, 0x37, *shapes}:
            continue
        entries.append((tag, *_value(("", "int16u" if rows[0][1] == "?" else rows[0][1], *rows[0][2:]), rng, "<")))  # fmt: skip
    for tag, (table, size) in shapes.items():
        entries.append((tag, 7, _block("raw", table, size, rng, "<", 2)))
    entries.append((0x1B, 7, struct.pack("<9H", 2, 100, 5, 6, 7, 200, 8, 9, 10)))
    entries.append((0x2E, 7, images.jpeg()))
    entries.append((0x112, 3, [rng.choice((1, 3, 6, 8))]))
    entries.append((0x116, 3, [3480]))
    entries = [each for each in entries if each[0] not in {4, 5, 6, 7}]
    entries += [(4, 3, [8]), (5, 3, [12]), (6, 3, [3008]), (7, 3, [4012])]
    entries.append((0x118, 4, [4096]))
    entries.append((0x119, 7, _distortion(rng)))
    entries.append((0x11C, 3, [rng.choice((70, 256, 2048))]))
    inner = directory(
        [(each, *((3, struct.pack("<H", 75)) if each == 0x1203 else _value(("", rows[0][1] if rows[0][1] != "?" else "int16u", *rows[0][2:]), rng, "<")))
         for each, rows in raw_table("raw", "PanasonicRaw::CameraIFD").items()], 8
    )  # fmt: skip
    entries.append((0x120, 7, b"II*\0\x08\0\0\0" + inner))
    entries.append((0x121, 4, [rng.choice((0, 65536))]))
    return (
        b"IIU\0\x18\0\0\0\x88\xe7\x74\xd8\xf8\x25\x1d\x4d\x94\x7a\x6e\x77\x82\x2b\x5d\x6a"
        + directory(sorted(entries), 24)
        + bytes(64)
    )


def _distortion(rng: random.Random) -> bytes:
    """Sixteen numbers, the first two and the last two of which are sums of the others."""
    data = bytearray(struct.pack("<16h", *(rng.randrange(-3000, 3000) for _ in range(16))))
    data[14:16] = struct.pack("<H", rng.choice((0, 1)))

    def total(part: bytes) -> int:
        found = 0
        for byte in part:
            found = (73 * found + byte) % 0xFFEF
        return found

    data[2:4], data[28:30] = struct.pack("<H", total(data[4:16])), struct.pack("<H", total(data[16:28]))
    data[:2], data[30:] = struct.pack("<H", total(data[2:30:2])), struct.pack("<H", total(data[3:31:2]))
    return bytes(data)


def raf(rng: random.Random) -> bytes:
    """Header, JPEG, two directories of Fujifilm's own and one of TIFF's layout."""
    picture = images.jpeg()
    tables = []
    for number in range(2):
        rows, count = b"", 0
        for tag, alternatives in raw_table("raw", "FujiFilm::RAF").items():
            if not isinstance(tag, int) or rng.random() > 0.7:
                continue
            _, kind, size, _, labels = alternatives[0][:5]
            if tag == 0x131:
                data = bytes(rng.randrange(3) for _ in range(36))
            elif kind in _CODES:
                data = b"".join(
                    struct.pack(">" + _CODES[kind], *[_number(rng, kind, labels)] * len(_CODES[kind])) for _ in range(size)
                )  # fmt: skip
            else:
                data = struct.pack(">I", rng.randrange(9000))
            rows += struct.pack(">HH", tag, len(data)) + data
            count += 1
        if number == 0:
            count += 1
            rows += struct.pack(">HH", 0xC000, 48) + struct.pack("<4I", *rng.choice(((4000, 3000, 8, 8), (70000, 4000, 3000, 8)))) + bytes(32)  # fmt: skip
        tables.append(struct.pack(">I", count) + rows)
    inner = [(0xF001, 4, [4936]), (0xF002, 4, [3296]), (0xF003, 4, [14]), (0xF007, 4, [2048]), (0xF008, 4, [999]), (0xF00A, 4, [255] * 4),
             (0xF00B, 10, [(1, 3), (2, 7), (5, 9)]), (0xF00C, 4, [302, 372, 789]), (0xF00D, 4, [302, 472, 719]), (0xF00E, 4, [302, 462, 718]),
             (0xF00F, 10, [(0, 1), (1, 7)]), (0xF010, 10, [(1, 2), (3, 4)])]  # fmt: skip
    ifd = b"II*\0\x08\0\0\0" + directory([(0xF000, 13, [26])], 8) + directory(inner, 26)
    start = 148
    parts = [picture, tables[0], ifd, tables[1]]
    places, at = [], start
    for part in parts:
        places.append((at, len(part)))
        at += len(part)
    head = b"FUJIFILMCCD-RAW 0201FF129502X-T3".ljust(60, b"\0") + b"0100" + bytes(20)
    head += struct.pack(">6I", *places[0], *places[1], *places[2]) + struct.pack(">3I", rng.choice((0, 2, 3)), 0, 0)  # fmt: skip
    head += struct.pack(">2I", *places[3])
    return head.ljust(start, b"\0") + b"".join(parts)


def ciff(rng: random.Random) -> bytes:
    """A JPEG of a camera before EXIF: its first segment is a heap of records."""
    structures = {0x1803: ("ImageFormat", 8, 4), 0x1810: ("ImageInfo", 28, 4), 0x1813: ("FlashInfo", 8, 4), 0x1818: ("ExposureInfo", 12, 4), 0x1835: ("DecoderTable", 16, 4)}  # fmt: skip
    records = [(0x080A, b"Canon\0Canon PowerShot Pro70\0")]
    for number, rows in raw_table("raw", "CanonRaw::Main").items():
        if (
            not isinstance(number, int)
            or number in {0x080A, 0x2005, 0x2007, 0x2008, 0x180E}
            or number & 0xC000
        ):
            continue
        _, kind, count, _, labels = rows[0][:5]
        if number in structures:
            table, size, unit = structures[number]
            records.append((number, _block("raw", f"CanonRaw::{table}", size, rng, "<", unit)))
        elif number & 0x3800 == 0x0800:
            records.append((number, b"Text 1\0"))
        elif number & 0x3800 == 0x1800 and kind in _CODES:
            records.append((number, struct.pack("<" + _CODES[kind], _number(rng, kind, labels)) * count))
    records.append((0x180E, struct.pack("<3i", 1285000000, 3600, 0)))
    data = (
        b"II\x1a\0\0\0HEAPJPGM\0\0\x01\0"
        + bytes(8)
        + heap([*records, (0x2804, heap([(0x0805, b"A file\0")]))])
    )
    return b"\xff\xd8\xff\xe0" + struct.pack(">H", len(data) + 2) + data + images.jpeg()[2:]


KINDS: dict[str, Callable[[random.Random], bytes]] = {
    "arw": arw,
    "mrw": mrw, "x3f": x3f, "iiq": iiq, "rw2": rw2, "raf": raf, "ciff.jpg": ciff,
}  # fmt: skip

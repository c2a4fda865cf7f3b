"""A photograph of each maker with a note in it, byte by byte from the public descriptions of the layouts."""

from __future__ import annotations

import plistlib
import struct

from extractor_service.formats.embedded.makernotes.nikon_crypt import decrypt
from extractor_service.formats.embedded.makernotes.sony import _DECIPHER

_NOTE_AT = 1024
_WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 13: 4}
_CODES = {1: "B", 3: "H", 4: "I", 5: "II", 8: "h", 9: "i", 10: "ii", 11: "f", 13: "I"}


def directory(entries: list[tuple], at: int, order: str = "<") -> bytes:
    """A directory that stands at `at`, counted from where its offsets count, with its values behind it."""
    head = struct.pack(order + "H", len(entries))
    values = b""
    behind = at + 2 + 12 * len(entries) + 4
    for tag, kind, stored in entries:
        if isinstance(stored, bytes):
            data = stored
        else:
            flat = [part for value in stored for part in (value if isinstance(value, tuple) else (value,))]
            data = struct.pack(order + _CODES[kind][0] * len(flat), *flat)
        count = len(data) // _WIDTHS[kind]
        if len(data) > 4:
            place = struct.pack(order + "I", behind + len(values))
            values += data + b"\0" * (len(data) % 2)
        else:
            place = data.ljust(4, b"\0")
        head += struct.pack(order + "HHI", tag, kind, count) + place
    return head + bytes(4) + values


def photograph(make: str, model: str, note: bytes, order: str = "<", software: str = "") -> bytes:
    """A JPEG whose EXIF says `make` and `model`, and whose note stands 1,024 bytes behind the TIFF header."""
    inner = directory(
        [(0x829A, 5, [(1, 250)]), (0x829D, 5, [(28, 10)]), (0x8827, 3, [200]), (0x927C, 7, note)], 512, order
    )
    # The note moves to its fixed place: its entry is the last one.
    entry = 2 + 12 * 3 + 8
    inner = (
        inner[:entry]
        + struct.pack(order + "I", _NOTE_AT)
        + inner[entry + 4 : len(inner) - len(note) - len(note) % 2]
    )
    outer = directory(
        [
            (0x010F, 2, make.encode() + b"\0"),
            (0x0110, 2, model.encode() + b"\0"),
            *([(0x0131, 2, software.encode() + b"\0")] if software else []),
            (0x8769, 4, [512]),
        ],
        8,
        order,
    )
    tiff = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8) + outer
    tiff = tiff.ljust(512, b"\0") + inner
    tiff = tiff.ljust(_NOTE_AT, b"\0") + note
    segment = b"Exif\0\0" + tiff
    frame = struct.pack(">BHHB", 8, 240, 320, 3) + bytes((1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1))
    return (
        b"\xff\xd8\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment
        + b"\xff\xc0" + struct.pack(">H", len(frame) + 2) + frame + b"\xff\xda\0\x02\xff\xd9"
    )  # fmt: skip


def canon() -> bytes:
    settings = [
        98,
        2,
        0,
        3,
        1,
        0,
        0,
        0,
        0,
        1,
        0,
        0,
        0,
        0,
        0,
        0,
        0x4064,
        3,
        0,
        0x3001,
        0,
        0,
        237,
        105,
        24,
        1,
        128,
        288,
    ] + [0] * 21
    shot = [
        68,
        0,
        160,
        256,
        128,
        224,
        12,
        0,
        3,
        0,
        8,
        0,
        150,
        0,
        0,
        65524,
        0,
        0,
        0,
        211,
        182,
        128,
        224,
        40,
        0,
        248,
        0,
        0,
        0,
    ] + [0] * 5
    entries = [
        (1, 3, settings), (2, 3, [2, 50, 0, 0]), (4, 3, shot), (6, 2, b"Canon EOS R\0"), (7, 2, b"Firmware Version 1.2.0\0"),
        (9, 2, b"Ada\0"), (0x10, 4, [0x80000424]), (0x95, 2, b"EF24-105mm f/4L IS USM\0"), (0xE0, 3, [34, 6888, 4546, 1, 1, 156, 58, 6875, 4537] + [0] * 8),
    ]  # fmt: skip
    return photograph("Canon", "Canon EOS R", directory(entries, _NOTE_AT))


def canon_moved() -> bytes:
    """The note was 164 bytes further when it was written; its footer says so."""
    entries = [(6, 2, b"Canon EOS R\0"), (9, 2, b"Ada\0\0\0\0\0")]
    note = directory(entries, _NOTE_AT + 164) + b"II*\0" + struct.pack("<I", _NOTE_AT + 164)
    return photograph("Canon", "Canon EOS R", note)


def nikon() -> bytes:
    """Type 3, with lens data enciphered by serial number and shutter count."""
    serial, count = 6012345, 4321
    lens = b"0204" + bytes((0, 0, 16, 12, 60, 64, 64, 31, 72, 100, 1, 20, 20, 1, 24)) + bytes(20)
    secret = decrypt(lens, serial & 0xFF, count, 4)  # the cipher is its own inverse
    entries = [
        (1, 7, b"0211"), (4, 2, b"FINE  \0"), (5, 2, b"AUTO        \0"), (7, 2, b"AF-C  \0"), (0x1D, 2, b"6012345\0"), (0x83, 1, [14]),
        (0x84, 5, [(24, 1), (70, 1), (28, 10), (28, 10)]), (0x87, 1, [9]), (0x89, 3, [0x20]), (0x98, 7, secret), (0xA7, 4, [count]),
    ]  # fmt: skip
    tiff = b"II*\0" + struct.pack("<I", 8) + directory(entries, 8)
    return photograph("NIKON CORPORATION", "NIKON D750", b"Nikon\0\x02\x10\0\0" + tiff)


def sony() -> bytes:
    """With a block in Sony's substitution."""
    encipher = bytes(_DECIPHER.index(each) for each in range(256))
    block = bytearray(0x200)
    block[0x0:2] = b"\x01\x02"
    entries = [(0x0102, 4, [6]), (0xB027, 4, [0xFFFF]), (0xB02A, 1, list(bytes.fromhex("0200240070282800"))), (0x2010, 7, bytes(block).translate(encipher)),
               (0xB001, 3, [340]), (0xB041, 3, [2])]  # fmt: skip
    return photograph("SONY", "ILCE-7RM2", b"SONY DSC \0\0\0" + directory(entries, _NOTE_AT + 12))


def fujifilm() -> bytes:
    entries = [
        (0, 7, b"0130"),
        (0x1000, 2, b"FINE \0"),
        (0x1001, 3, [4]),
        (0x1002, 3, [0x100]),
        (0x1010, 3, [2]),
        (0x1021, 3, [0]),
        (0x1401, 3, [0x600]),
    ]
    return photograph("FUJIFILM", "X-T3", b"FUJIFILM" + struct.pack("<I", 12) + directory(entries, 12))


def olympus() -> bytes:
    start = 12
    outer = 2 + 12 * 3 + 4
    entries = [(0x0200, 4, [0, 0, 0]), (0x0207, 2, b"S0059\0"), (0x2010, 13, [start + outer + 20])]
    body = directory(entries, start)
    equipment = directory(
        [(0x0000, 7, b"0100"), (0x0100, 2, b"S0059\0"), (0x0201, 1, [0, 0, 0x1A, 0x10, 0, 0])],
        start + outer + 20,
    )
    note = b"OLYMPUS\0II\x03\0" + body.ljust(outer + 20, b"\0") + equipment
    return photograph("OLYMPUS CORPORATION", "E-M1MarkII", note)


def panasonic() -> bytes:
    entries = [
        (1, 3, [2]),
        (3, 3, [1]),
        (7, 3, [1]),
        (0x1A, 3, [4]),
        (0x1C, 3, [2]),
        (0x29, 4, [1234]),
        (0x51, 2, b"LUMIX G VARIO 14-42\0"),
        (0x8000, 7, b"0130"),
    ]
    return photograph("Panasonic", "DMC-GH4", b"Panasonic\0\0\0" + directory(entries, _NOTE_AT + 12))


def pentax() -> bytes:
    entries = [(0x0005, 4, [77430]), (0x0006, 7, bytes((7, 0xE4, 5, 6))), (0x0007, 7, bytes((7, 8, 9, 0))), (0x0012, 4, [400]), (0x0013, 3, [28]), (0x0014, 3, [9]),
               (0x0016, 3, [50]), (0x001D, 4, [5500]), (0x003F, 1, [4, 12])]  # fmt: skip
    return photograph("PENTAX", "PENTAX K-3", b"PENTAX \0MM" + directory(entries, 10, ">"), ">")


def apple() -> bytes:
    time = plistlib.dumps(
        {"flags": 1, "value": 7634742885333, "timescale": 1000000000, "epoch": 0}, fmt=plistlib.FMT_BINARY
    )
    entries = [
        (1, 9, [11]),
        (3, 7, time),
        (4, 9, [1]),
        (5, 9, [193]),
        (8, 10, [(-1, 10), (-98, 100), (-6, 100)]),
        (0x14, 9, [10]),
    ]
    return photograph("Apple", "iPhone 11 Pro", b"Apple iOS\0\0\x01MM" + directory(entries, 14, ">"), ">")


def samsung() -> bytes:
    entries = [
        (1, 7, b"0100"),
        (2, 4, [0x2000]),
        (0xA003, 3, [1]),
        (0xA018, 10, [(1, 250)]),
        (0xA019, 10, [(28, 10)]),
    ]
    return photograph("SAMSUNG", "NX300", directory(entries, 0))


def sigma() -> bytes:
    entries = [
        (2, 2, b"40603345\0"),
        (3, 2, b"SINGLE\0"),
        (5, 2, b"AF-S\0"),
        (0x0C, 2, b"Expo:+0.3\0"),
        (0x0D, 2, b"Cont:-0.2\0"),
    ]
    return photograph("SIGMA", "SIGMA SD14", b"SIGMA\0\0\0\x01\0" + directory(entries, _NOTE_AT + 10))


def casio() -> bytes:
    entries = [
        (2, 3, [320, 240]),
        (8, 3, [1]),
        (0x0D, 3, [1]),
        (0x19, 3, [0]),
        (0x2001, 2, b"0712090900\0"),
        (0x2002, 3, [320, 240]),
    ]
    return photograph(
        "CASIO COMPUTER CO.,LTD", "EX-Z1000", b"QVC\0\0\0" + directory(entries, _NOTE_AT + 6, ">"), ">"
    )


def minolta() -> bytes:
    settings = struct.pack(">40I", 0, 0, 0, 0, 0, 1, 1, 0, 0, 72, 64, 0, 0, 6, *([0] * 26))
    return photograph(
        "Minolta Co., Ltd.",
        "DiMAGE 7",
        directory([(0, 7, b"MLT0"), (3, 7, settings), (0x18, 4, [0])], _NOTE_AT, ">"),
        ">",
    )


def kodak() -> bytes:
    body = (
        b"KDK INFO"
        b"CX6330  "
        + bytes((3, 0))
        + struct.pack(">HHH", 2032, 1524, 2004)
        + bytes((5, 6, 7, 8, 9, 0))
        + bytes(80)
    )
    return photograph("EASTMAN KODAK COMPANY", "KODAK CX6330", body, ">")


def ricoh() -> bytes:
    entries = [(1, 2, b"RDC\0"), (2, 7, b"0207")]
    return photograph("RICOH", "Caplio GX", b"Ricoh\0\0\0" + directory(entries, _NOTE_AT + 8))


def dji() -> bytes:
    entries = [(1, 2, b"DJI\0"), (3, 11, [1.5]), (4, 11, [-2.25]), (5, 11, [0.0])]
    return photograph("DJI", "FC300S", directory(entries, _NOTE_AT))


def reconyx() -> bytes:
    words = [0xF101, 4, 1, 0, 0x2015, 0x0317, 0x54, 3, 15, 4, 19, 15, 14, 13, 4, 19, 2016]  # … second to year
    return photograph("RECONYX", "HC500 HYPERFIRE", struct.pack(f"<{len(words)}H", *words) + bytes(40))


PHOTOGRAPHS = {
    "canon": canon, "canon-moved": canon_moved, "nikon": nikon, "sony": sony, "fujifilm": fujifilm, "olympus": olympus,
    "panasonic": panasonic, "pentax": pentax, "apple": apple, "samsung": samsung, "sigma": sigma, "casio": casio, "minolta": minolta,
    "kodak": kodak, "ricoh": ricoh, "dji": dji, "reconyx": reconyx,
}  # fmt: skip

"""Photographs with the application segments that few cameras and programs write, made by their layouts; ExifTool is the judge.

exiftool.org/TagNames/JPEG.html and the tables that it names. Values are of the tags' own types.
"""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING

from extractor_service.formats.reading.tagset import raw_table
from tests.golden import images
from tests.golden.made_notes import _value
from tests.golden.made_raws import _block
from tests.golden.makernotes import directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_JPEG = b"\xff\xd8\xff\xdb" + bytes(range(60))


def files(kind: str, count: int = 8) -> Iterator[bytes]:
    """`count` photographs with segments of a kind of `KINDS`."""
    for seed in range(count):
        rng = random.Random(f"{kind} {seed}")
        yield images.bare_jpeg(KINDS[kind](rng))


def _exif(make: str) -> tuple[int, bytes]:
    return 0xE1, b"Exif\0\0II*\0\x08\0\0\0" + directory([(0x010F, 2, make.encode() + b"\0")], 8, "<")


def _infiray(rng: random.Random) -> list[tuple[int, bytes]]:
    head = bytearray(_block("containers", "InfiRay::Version", 80, rng, "<"))
    head[4:10] = b"IJPEG\0"
    tables = {
        0xE4: "Factory",
        0xE5: "Picture",
        0xE6: "MixMode",
        0xE7: "OpMode",
        0xE8: "Isothermal",
        0xE9: "Sensor",
    }
    pixels = [(0xE3, bytes(100)), (0xE3, bytes(50))]
    blocks = [
        (marker, _block("containers", f"InfiRay::{name}", 800, rng, "<")) for marker, name in tables.items()
    ]
    return [(0xE2, bytes(head)), *pixels, *blocks]


def _dji(rng: random.Random) -> list[tuple[int, bytes]]:
    number = rng.randrange(3)
    data = bytearray(_block("others", f"DJI::ThermalParams{('', '2', '3')[number]}", 200, rng, "<"))
    if number == 0:
        data[:4] = b"\xaa\x55\x12\x06"
    elif number == 1:
        data[32:36] = b"\x2c\x01\x20\0"
    else:
        data[:4] = b"\xaa\x55\x38\0"
        data = bytearray(32) + data
    return [_exif("DJI"), (0xE3, bytes(300)), (0xE3, bytes(200)), (0xE4, bytes(data)), (0xE5, bytes(64))]


def _qualcomm(rng: random.Random) -> list[tuple[int, bytes]]:
    entries = b""
    kinds = ("B", "b", "H", "h", "I", "i", "f", "d")
    keys = [key for key in raw_table("qualcomm", "Qualcomm::Main") if isinstance(key, str)]
    for key in rng.sample(keys, 100):
        kind, count = rng.randrange(8), rng.choice((1, 1, 1, 3))
        value = struct.pack(f"<{count}{kinds[kind]}", *(rng.randrange(90) for _ in range(count)))
        entries += struct.pack("<HB", len(value), len(key)) + key.encode() + bytes((kind, 1, 0, 1, 0)) + value
    return [(0xE7, b"\x1aQualcomm Camera Attributes" + entries)]


def _scalado(rng: random.Random) -> list[tuple[int, bytes]]:
    rows = [
        (b"WDTH", -rng.randrange(1, 900)),
        (b"HGHT", rng.randrange(1, 900)),
        (b"QUAL", rng.randrange(0, 100)),
        (b"XXXX", 3),
    ]
    entries = b"".join(key + struct.pack(">Ii", 1, value) for key, value in rows)
    return [
        (
            0xE4,
            b"SCALADO\0"
            + struct.pack(">HHI", 1, 0, len(entries) + 12)
            + b"SPMO"
            + struct.pack(">II", 5, len(entries))
            + entries,
        )
    ]


def _stim(rng: random.Random) -> list[tuple[int, bytes]]:
    crop = {key: _block("containers", f"Stim::Crop{'XY'[key - 7]}", 12, rng, "<") for key in (7, 8)}
    entries: list[tuple] = [
        (0, 7, b"0100"),
        (2, 3, [rng.randrange(2)]),
        (3, 3, [1]),
        (4, 5, [(3, 2)]),
        (5, 4, [640]),
        (6, 4, [480]),
    ]
    entries += [(key, 7, data) for key, data in crop.items()]
    entries += [
        (9, 3, [rng.randrange(2)]),
        (10, 3, [1]),
        (11, 3, [255]),
        (12, 4, [500]),
        (13, 4, [2000]),
        (16, 3, [1]),
        (17, 4, [3]),
    ]
    return [(0xE3, b"Stim\0\0II*\0\x08\0\0\0" + directory(entries, 8, "<"))]


def _hp(rng: random.Random) -> list[tuple[int, bytes]]:
    def entry(key: bytes, data: bytes, kind: int = 1) -> bytes:
        return key + struct.pack("<II", kind, len(data)) + data

    inner = (
        entry(b"FWRV", b"R1.02\0")
        + entry(b"CMSN", b"CN%04d\0" % rng.randrange(9999))
        + entry(b"LTEM", b"\1\2\3\4")
    )
    folder = entry(b"LSLV", inner, 0x10001)
    return [(0xE6, b"TDHD" + struct.pack("<II", 1, len(folder) + 20) + folder + bytes(20))]


def _texts(rng: random.Random) -> list[tuple[int, bytes]]:
    return [
        (0xE0, b"Ocad$Rev: %d $\0" % rng.randrange(9999)),
        (0xE2, b"urn:iso:std:iso:ts:21496:-1\0" + bytes(8)),
        (0xE5, b"ssuniqueid\0" + bytes(rng.randrange(256) for _ in range(32))),
        (0xEA, b"UNICODE\0" + "Größe".encode("utf-16-be")),
        (0xEF, b"Q %02d" % rng.randrange(100)),
        (0xEB, b"HDR_RI ver=11, ln0=-3.5, ln1=2.25, s2n=12, alp=1.0, bet=1.0, cor=1, ~\0" + _JPEG),
    ]


def _blocks(rng: random.Random) -> list[tuple[int, bytes]]:
    spiff = bytearray(_block("containers", "JPEG::SPIFF", 26, rng, ">"))
    return [
        (0xE0, b"AVI1" + bytes((rng.randrange(3),)) + bytes(11)),
        (0xE6, b"NITF\0" + _block("containers", "JPEG::NITF", 18, rng, ">")),
        (0xE8, b"SPIFF\0" + bytes(spiff[:26])),
        (0xED, b"Adobe_CM" + struct.pack(">H", rng.randrange(4)) + bytes(6)),
        (
            0xE6,
            b"EPPIM\0MM\0*\0\0\0\x08" + directory([(0xC4A5, 7, b"PrintIM\0" + b"0250" + bytes(12))], 8, ">"),
        ),
        (0xE1, _qvci(rng)),
        (0xEA, b"AROT\0\0" + struct.pack(">I", 4) + bytes(16)),
    ]


def _qvci(rng: random.Random) -> bytes:
    """Of one Casio camera of 1999."""
    data = bytearray(b"QVCI\0".ljust(140, b"\0"))
    data[44] = rng.randrange(1, 5)
    data[77:97] = f"1999.{rng.randrange(1, 13):02d}.11.12.13.14".encode().ljust(20, b"\0")
    data[98:105], data[114:123], data[124:133] = b"QV-7000", b"99081200\0", b"ABC12345\0"
    return bytes(data)


def _kodak(rng: random.Random) -> list[tuple[int, bytes]]:
    def entries(table: str) -> list[tuple]:
        rows = raw_table("kodak", f"Kodak::{table}").items()
        return [
            (key, *_value(each[0], rng, ">")) for key, each in rows if isinstance(key, int) and key < 0x10000
        ]

    own = [each for each in entries("Meta") if each[0] not in {0xC353, 0xC354}]
    texts = [(key, 7, b"ASCII\0\0\0Somebody") for key in (0xC353, 0xC354)]
    effects, borders = entries("SpecialEffects"), entries("Borders")
    first = directory(sorted([*own, *texts, (0xC36E, 4, [3000]), (0xC36F, 4, [5000])]), 8, ">")
    tiff = (b"MM\0*\0\0\0\x08" + first).ljust(3000, b"\0") + directory(effects, 3000, ">")
    return [(0xE3, b"Meta\0\0" + tiff.ljust(5000, b"\0") + directory(borders, 5000, ">"))]


def _previews(rng: random.Random) -> list[tuple[int, bytes]]:
    marker = rng.choice((0xE2, 0xE3))
    first = rng.choice((b"", b"QVGA\0", b"BGTH")) if marker == 0xE2 else b""
    rest = [(0xE2, bytes(40))] if marker == 0xE2 else [(0xE4, bytes(40)), (0xE5, bytes(30))]
    return [(marker, first + _JPEG), *rest[: rng.randrange(3)]]


def _thumbnails(rng: random.Random) -> list[tuple[int, bytes]]:
    jfif = b"JFIF\0\1\2\1\0\x48\0\x48" + bytes((4, 3)) + bytes(rng.randrange(256) for _ in range(36))
    extension = rng.choice((b"\x10" + _JPEG, b"\x13\x04\x03" + bytes(36), b"\x11\x08\x08" + bytes(768 + 64)))
    return [(0xE0, jfif), (0xE0, b"JFXX\0" + extension)]


def _flashpix(rng: random.Random) -> list[tuple[int, bytes]]:
    def named(text: str) -> bytes:
        return text.encode("utf-16-le") + b"\0\0"

    sets = [_properties(rng, name) for name in ("ImageInfo", "Image", "Extensions")]
    streams = [("/\5Image Info", sets[0]), ("/\5Image Contents", sets[1]), ("/\5Extension List", sets[2]),
               ("/\5Screen Nail_bd0100609719a180", bytes(28) + bytes(100) + _JPEG), ("/Audio Stream 000000", bytes(28) + bytes(50))]  # fmt: skip
    listed = b"".join(struct.pack(">IB", len(data), 0) + named(name) for name, data in streams)
    folder = struct.pack(">IB", 0xFFFFFFFF, 0) + named("/folder") + bytes(range(16))
    segments = [(0xE2, b"FPXR\0\0\1" + struct.pack(">H", len(streams) + 1) + listed + folder)]
    for index, (_, data) in enumerate(streams):
        half = len(data) // 2
        parts = ((0, data[:half]), (half, data[half:])) if index % 2 else ((0, data),)
        segments += [(0xE2, b"FPXR\0\0\2" + struct.pack(">HI", index, at) + part) for at, part in parts]
    return segments


def _properties(rng: random.Random, name: str) -> bytes:
    """A property set of some of a table's numbers and texts."""
    keys = [
        key
        for key, rows in raw_table("documents", f"FlashPix::{name}").items()
        if isinstance(key, int) and rows[0][3] == "" and key > 2
    ]
    directory_, values = b"", b""
    chosen = sorted(rng.sample(keys, min(12, len(keys))))
    start = 8 + 8 * len(chosen)
    for key in chosen:
        if rng.random() < 0.3:
            value = struct.pack("<II", 31, 5) + "Text".encode("utf-16-le") + b"\0\0\0\0"
        else:
            value = struct.pack("<II", 3, rng.randrange(1, 20))
        directory_ += struct.pack("<II", key, start + len(values))
        values += value
    body = struct.pack("<II", 8 + len(directory_) + len(values), len(chosen)) + directory_ + values
    return (
        b"\xfe\xff\0\0"
        + bytes(4)
        + bytes(16)
        + struct.pack("<I", 1)
        + bytes(16)
        + struct.pack("<I", 48)
        + body
    )


KINDS: dict[str, Callable[[random.Random], list[tuple[int, bytes]]]] = {
    "infiray": _infiray, "dji": _dji, "qualcomm": _qualcomm, "scalado": _scalado, "stim": _stim, "hp": _hp, "texts": _texts, "blocks": _blocks,
    "previews": _previews, "thumbnails": _thumbnails, "kodak": _kodak, "flashpix": _flashpix,
}  # fmt: skip
"""By the name of what they are about."""

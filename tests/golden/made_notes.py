"""Photographs with made maker notes: every tag of a maker's main table, with values of its own kinds, by seed.

What cameras of 30 years have written is in no corpus. These notes have the layouts that are described in public
(exiftool.org/TagNames, exiv2.org/makernote.html) and values within the tags' own labels; ExifTool is the judge of what they
mean. Blocks within a note are filled with small numbers.
"""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.formats.reading.tagset import raw_table
from tests.golden.makernotes import _NOTE_AT, _WIDTHS, directory, photograph

if TYPE_CHECKING:
    from collections.abc import Iterator

_KINDS = {"int8u": 1, "string": 2, "int16u": 3, "int32u": 4, "rational64u": 5, "int8s": 6, "undef": 7, "int16s": 8, "int32s": 9, "rational64s": 10, "float": 11}  # fmt: skip
_NUMBERS, _DIGITS = (
    frozenset({"ExposureTime2"}),
    ("2500", "0100", "16666"),
)  # numbers that are written as texts
_CODES = {1: "B", 3: "H", 4: "I", 5: "II", 6: "b", 8: "h", 9: "i", 10: "ii", 11: "f"}


class Maker(NamedTuple):
    """One layout of a maker's notes."""

    make: str
    models: tuple[str, ...]
    before: bytes
    """What stands before the directory."""
    from_note: int | None
    """Where offsets count from within the note; None: from the TIFF header."""
    order: str
    module: str
    table: str


MAKERS = {
    "canon": Maker("Canon", ("Canon EOS 5D Mark III", "Canon EOS R5", "Canon PowerShot G10", "Canon EOS 40D", "Canon EOS-1D Mark IV"), b"", None, "<", "canon", "Canon::Main"),
    "nikon": Maker("NIKON CORPORATION", ("NIKON D70", "NIKON D850", "NIKON Z 6"), b"Nikon\0\x02\x10\0\0MM\0*\0\0\0\x08", 10, ">", "nikon", "Nikon::Main"),
    "nikon2": Maker("NIKON", ("E950", "E700"), b"Nikon\0\x01\0", None, "<", "nikon", "Nikon::Type2"),
    "sony": Maker("SONY", ("DSLR-A100", "DSLR-A700", "ILCE-7M3", "DSC-RX100"), b"SONY DSC \0\0\0", None, "<", "sony", "Sony::Main"),
    "olympus": Maker("OLYMPUS CORPORATION", ("E-M1MarkII", "E-510"), b"OLYMPUS\0II\x03\0", 0, "<", "olympus", "Olympus::Main"),
    "panasonic": Maker("Panasonic", ("DMC-GH4", "DMC-FZ28", "DC-S1"), b"Panasonic\0\0\0", None, "<", "panasonic", "Panasonic::Main"),
    "pentax": Maker("PENTAX", ("PENTAX K-3", "PENTAX K10D", "PENTAX *ist DS"), b"PENTAX \0MM", 0, ">", "pentax", "Pentax::Main"),
    "pentax-aoc": Maker("PENTAX Corporation", ("PENTAX K100D", "PENTAX Optio S"), b"AOC\0MM", None, ">", "pentax", "Pentax::Main"),
    "fujifilm": Maker("FUJIFILM", ("X-T3", "FinePix S5Pro"), b"FUJIFILM\x0c\0\0\0", 0, "<", "fujifilm", "FujiFilm::Main"),
    "casio": Maker("CASIO COMPUTER CO.,LTD", ("EX-Z1000", "EX-S600"), b"QVC\0\0\0", None, ">", "casio", "Casio::Type2"),
    "casio1": Maker("CASIO", ("QV-3000EX", "QV-8000SX"), b"", None, ">", "casio", "Casio::Main"),
    "minolta": Maker("Minolta Co., Ltd.", ("DiMAGE 7", "DiMAGE A2"), b"", None, ">", "minolta", "Minolta::Main"),
    "samsung": Maker("SAMSUNG", ("NX300", "NX1"), b"", 0, "<", "others", "Samsung::Type2"),
    "ricoh": Maker("RICOH", ("GR DIGITAL 2", "Caplio RR30"), b"Ricoh\0\0\0", None, ">", "others", "Ricoh::Main"),
    "sigma": Maker("SIGMA", ("SIGMA SD14", "SIGMA DP2 Quattro"), b"SIGMA\0\0\0\x01\0", None, "<", "others", "Sigma::Main"),
    "sanyo": Maker("SANYO Electric Co.,Ltd.", ("SR662", "S1"), b"SANYO\0\x01\0", None, "<", "others", "Sanyo::Main"),
    "apple": Maker("Apple", ("iPhone 11 Pro",), b"Apple iOS\0\0\x01MM", 0, ">", "others", "Apple::Main"),
    "motorola": Maker("Motorola", ("Moto G (5S)",), b"MOT\0\0\0MM", 0, ">", "others", "Motorola::Main"),
    "ge": Maker("General Imaging Co.", ("A1235",), b"GE\0\0" + bytes(14), None, "<", "others", "GE::Main"),
    "jvc": Maker("JVC", ("GR-DV3000",), b"JVC ", None, "<", "others", "JVC::Main"),
    "leica": Maker("Leica Camera AG", ("LEICA M8",), b"LEICA\0\0\0", 0, "<", "panasonic", "Panasonic::Leica2"),
}  # fmt: skip


def files(name: str, count: int = 12) -> Iterator[bytes]:
    """`count` photographs of a maker."""
    maker = MAKERS[name]
    for seed in range(count):
        yield photograph_of(maker, maker.models[seed % len(maker.models)], random.Random(f"{name} {seed}"))


def photograph_of(maker: Maker, model: str, rng: random.Random) -> bytes:
    """One photograph: a random third of the tags, so that they don't hide one another."""
    entries = []
    for tag, rows in raw_table(maker.module, maker.table).items():
        if not isinstance(tag, int) or not 0 <= tag < 0x10000 or rng.random() > 0.4 or tag == 0x0E00:
            continue
        row = rng.choice(rows)
        entries.append((tag, *_value(row, rng, maker.order)))
    if maker.table == "Samsung::Type2":
        entries = [(1, 7, b"0100"), *(each for each in entries if each[0] != 1)]
    start = len(maker.before)
    base = _NOTE_AT if maker.from_note is None else -maker.from_note
    note = maker.before + directory(entries, base + start, maker.order)
    return photograph(maker.make, model, note, maker.order)


def _value(row: tuple, rng: random.Random, order: str) -> tuple[int, bytes]:
    name, kind, count, _, labels = row[:5]
    stored = _KINDS.get(kind, 3)
    if stored == 2:
        texts = [key for key in labels if isinstance(key, str)] if isinstance(labels, dict) else []
        return 2, (
            rng.choice(texts)
            if texts and rng.random() < 0.8
            else rng.choice(_DIGITS if name in _NUMBERS else ("A1", "Text", "0100", "ON  "))
        ).encode("latin-1", "replace") + b"\0"
    if stored == 7:
        return 7, bytes(rng.choice((0x30, 0x31, 0x32)) for _ in range(4)) if count <= 4 else bytes(
            rng.choice((0x10, 0x24, 0x35, 0x50))
            for _ in range(count)  # digits, where a maker writes digits
        )
    count = max(1, min(count, 64))
    numbers = []
    for place in range(count):
        part = labels[place] if isinstance(labels, tuple) and place < len(labels) else labels
        keys = [key for key in part if isinstance(key, int)] if isinstance(part, dict) else []
        numbers.append(rng.choice(keys) if keys and rng.random() < 0.8 else rng.randrange(1, 100))
    width = 8 * _WIDTHS.get(stored, 1)
    code = _CODES[stored]
    if len(code) == 2:
        return stored, struct.pack(
            order + code * count,
            *(part for each in numbers for part in (abs(each), rng.choice((1, 10, 100)))),
        )
    if code == "f":
        return stored, struct.pack(order + code * count, *map(float, numbers))
    bits = min(width, 32)
    wrapped = [each % (1 << bits) for each in numbers]
    return stored, struct.pack(order + code.upper() * count, *wrapped)


def kodaks() -> dict[str, bytes]:
    """A photograph of each of Kodak's layouts that is a block, by its table."""
    return {
        table: photograph("EASTMAN KODAK COMPANY", model, note, "<")
        for table, (model, note) in _KODAKS.items()
    }


def _kodak(table: str, head: bytes, size: int) -> bytes:
    rng = random.Random(table)
    data = bytearray(rng.randrange(1, 40) for _ in range(size))
    order = "<" if table in {"Kodak::Type7", "Kodak::Type9"} else ">"
    for key, rows in raw_table("kodak", table).items():
        _, kind, count, _, labels = rows[0][:5]
        stored, packed = _value(("", kind, count, "", labels), rng, order)
        if isinstance(key, int) and stored != 2:
            data[key : key + len(packed)] = packed
        elif isinstance(key, int):
            data[key : key + count] = b"TEXT 1".ljust(count, b"\0")[:count]
    data[: len(head)] = head
    return bytes(data[:size])


_KODAKS = {
    "Kodak::Type2": ("DC265", _kodak("Kodak::Type2", b"\x01\0\0\0\0\0\x04\0Eastman Kodak\0", 160)),
    "Kodak::Type3": ("DC280", _kodak("Kodak::Type3", b"", 12) + b"\x07\xd0" + _kodak("Kodak::Type3", b"", 120)[14:]),
    "Kodak::Type5": ("CX4230", _kodak("Kodak::Type5", b"\0\x1a\x18\0", 80)),
    "Kodak::Type6": ("DX3215", _kodak("Kodak::Type6", b"", 80)),
    "Kodak::Type7": ("C140", _kodak("Kodak::Type7", b"KCXFG91A1234 ", 64)),
    "Kodak::Type9": ("C1013", _kodak("Kodak::Type9", b"IIII\x02\0", 220)[:20] + b"2009/05/06 07:08:09\0" + _kodak("Kodak::Type9", b"", 220)[40:]),
}  # fmt: skip

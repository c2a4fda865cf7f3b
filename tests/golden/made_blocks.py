"""Photographs with one made block each: every structure that tags of maker notes hold, by the generated facts.

Values stand at the places and in the types of the listing (exiftool.org/TagNames), first bytes and lengths are those that the
structure is told by; ExifTool is the judge of what they mean.
"""

from __future__ import annotations

import random
import re
import struct
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.formats.reading import binary, meanings
from extractor_service.formats.reading.tagset import find_table, module_of, raw_table
from tests.golden.made_notes import MAKERS, Maker
from tests.golden.makernotes import _NOTE_AT, directory, photograph

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD_BYTES = 18  # of a directory with one entry
_KINDS = {"int8u": 1, "int16u": 3, "int32u": 4, "int16s": 8, "int32s": 9, "undef": 7}


class Made(NamedTuple):
    """A photograph, and what is in its note."""

    table: str
    data: bytes


def files(name: str, count: int = 2) -> Iterator[Made]:
    """`count` photographs of every structure in a maker's main table."""
    maker = MAKERS[name]
    for tag, rows in find_table("structures", maker.table).items():
        if not isinstance(tag, int) or not 0 <= tag < 0x10000 or tag == 0x0E00:
            continue
        for place, row in enumerate(rows):
            inner = meanings.Inner(*row)
            if inner.kind != "block" or not inner.table:
                continue
            for seed in range(count):
                rng = random.Random(f"{name} {tag} {place} {seed}")
                model = _model(maker, inner)
                data = _data(maker, inner, rng)
                note = maker.before + directory([(tag, 7, data)], _base(maker), maker.order)
                yield Made(inner.table, photograph(maker.make, model, note, maker.order))


def _base(maker: Maker) -> int:
    return (_NOTE_AT if maker.from_note is None else -maker.from_note) + len(maker.before)


def _model(maker: Maker, inner: meanings.Inner) -> str:
    """One that the structure's condition asks for."""
    for condition in inner.conditions[:1]:
        for what, sign, pattern in condition:
            if what == "Model" and sign == "=~":
                return sample(str(pattern))
    return maker.models[0]


def sample(pattern: str) -> str:
    """A text that a simple expression finds."""
    text = re.sub(r"\(\?\w\)|\\b|[$^]", "", pattern)
    text = re.sub(r"\[(.)[^\]]*\]", r"\1", text)
    while "(" in text:
        text = re.sub(r"\(([^()|]*)[^()]*\)\??", r"\1", text)
    text = re.sub(r".\?", "", text.split("|", 1)[0])
    return re.sub(r"\\(.)", r"\1", text)


def _data(maker: Maker, inner: meanings.Inner, rng: random.Random) -> bytes:
    big_endian = inner.order == "BE" if inner.order else maker.order == ">"
    order, unit = ">" if big_endian else "<", binary.CODES[inner.unit][1]
    module = module_of(inner.table)
    rows = {
        key: each[0]
        for key, each in raw_table(module, inner.table).items()
        if isinstance(key, int) and key >= 0
    }
    masked = {
        int(key.partition(".")[0])
        for key in raw_table(module, inner.table)
        if isinstance(key, str) and key[0].isdigit()
    }
    size = max(
        [(key + 4) * unit + 8 * max(1, row[2]) for key, row in rows.items()]
        + [(key + 4) * unit for key in masked]
        + [32]
    )
    size = min(size, 20_000)
    data = bytearray(rng.randrange(1, 60) for _ in range(size))
    for key, (_, kind, count, _, labels, *_) in rows.items():
        at = key * unit
        if kind in {"string", "undef"}:
            data[at : at + count] = bytes(rng.choice(b"ABCDEF0123") for _ in range(count))
            continue
        code, width = binary.CODES.get(kind, binary.CODES[inner.unit])
        if code in {"s"}:
            continue
        for place in range(max(1, count)):
            keys = [each for each in labels if isinstance(each, int)] if isinstance(labels, dict) else []
            value = rng.choice(keys) if keys and rng.random() < 0.8 else rng.randrange(1, 90)
            value &= (1 << 8 * struct.calcsize(f"<{code[0]}")) - 1
            packed = struct.pack(
                order + code.lower() if code in "fd" else order + code.upper(),
                *([float(value) if code in "fd" else value] * len(code)),
            )
            data[at + place * width : at + (place + 1) * width] = packed
    if inner.table == "Ricoh::ImageInfo":  # a preview that lies behind the values
        at = _base(maker) + _HEAD_BYTES + 60
        data = data[:60].ljust(60, b"\0") + b"\xff\xd8\xff\xdb" + bytes(84)
        data[28:32] = struct.pack(order + "HH", at, 88)
        size = len(data)
    length = size
    for condition in inner.conditions[:1]:
        for what, sign, wanted in condition:
            if what == "head" and sign == "=~":
                head = re.sub(r"\\x(..)", lambda found: chr(int(found[1], 16)), str(wanted))
                first = sample(head).encode("latin-1")
                data[: len(first)] = first
            elif what == "count" and isinstance(wanted, int):
                length = {"==": wanted, ">=": max(wanted, size), ">": max(wanted + 1, size), "<": min(wanted - 1, size), "<=": min(wanted, size)}.get(sign, size)  # fmt: skip
    return bytes(data[:length]).ljust(length, b"\0")

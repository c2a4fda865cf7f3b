"""Photographs of Reconyx's trail cameras: the five layouts of their notes, with values at the listed places.

Layouts by exiftool.org/TagNames/Reconyx.html; no camera's own file of three of them is in any corpus.
"""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING

from extractor_service.formats.reading import meanings
from tests.golden import made_blocks
from tests.golden.made_notes import Maker
from tests.golden.makernotes import photograph

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORDS = struct.pack("<6H", 5, 4, 3, 2, 1, 2024)  # second, minute, hour, month (or day), day (or month), year
_STAMP = struct.pack("<5BH", 5, 4, 3, 2, 1, 2024)
# By table: where it was taken, in bytes.
_TAKEN = {"HyperFire": (22, _WORDS), "HyperFire2": (62, _WORDS), "MicroFire": (78, _WORDS), "UltraFire": (59, _STAMP), "HyperFire4K": (47, _STAMP)}  # fmt: skip
# By table: the first bytes, what the ids of the table count in, the camera.
LAYOUTS = {
    "HyperFire": (b"\x01\xf1\x03\0", "int16u", "HC500 HYPERFIRE"),
    "HyperFire2": (b"RECONYXH2\0", "int8u", "HYPERFIRE 2 COVERT"),
    "HyperFire4K": (b"RECONYXHF4K\0", "int8u", "HYPERFIRE 4K"),
    "MicroFire": (b"RECONYXMF\0", "int8u", "MICROFIRE"),
    "UltraFire": (b"RECONYXUF\0", "int8u", "ULTRAFIRE"),
}


def files(count: int = 4) -> Iterator[bytes]:
    """`count` photographs of each layout."""
    maker = Maker("RECONYX", (), b"", 0, "<", "others", "")
    for table, (head, unit, model) in LAYOUTS.items():
        for seed in range(count):
            inner = meanings.Inner((), f"Reconyx::{table}", "block", unit, "LE", 0)
            data = bytearray(made_blocks._data(maker, inner, random.Random(f"{table} {seed}")))
            data[: len(head)] = head
            at, taken = _TAKEN[table]
            data[at : at + len(taken)] = taken[:-2] + struct.pack("<H", 2000 + seed)
            yield photograph(maker.make, model, bytes(data), "<")

"""What readers of programs share: where fields go, and signs of packing."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractor_service.document import Document, Value

SECTION, EXE = "program", "exe"
"""Our own facts; and ExifTool's, by its names."""
MOST_SECTIONS = 500  # of a program; objects of one section a function have more
MOST_NAMES = 1000  # libraries or exports that are listed
SAMPLE_BYTES = 64 * 1024  # of a section, to see how random it is
_PACKERS = {
    "UPX0": "UPX", "UPX1": "UPX", "UPX!": "UPX", ".aspack": "ASPack", ".adata": "ASPack", ".MPRESS1": "MPRESS", ".petite": "Petite", "pec1": "PECompact",
    ".themida": "Themida", ".vmp0": "VMProtect", ".vmp1": "VMProtect", ".enigma1": "Enigma", "FSG!": "FSG", ".nsp0": "NsPack",
}  # fmt: skip
_PACKED_BITS = 7.2  # of a byte: compressed or encrypted code has more, machine code 6 to 6.6


def add(document: Document, name: str, value: Value, text: str = "", at: int | None = None, size: int = 4, unit: str = "") -> None:  # fmt: skip
    """A fact of our own."""
    origin = ByteRange(at, size) if at is not None else None
    document.add(SECTION, Field(name, value, text, unit, group="Program", origin=origin))


def packer(names: Sequence[str]) -> str:
    """The packer that names its sections so; "" for none that is known."""
    return next((_PACKERS[each] for each in names if each in _PACKERS), "")


def entropy(data: bytes) -> float:
    """Bits a byte says, from 0 to 8 (Shannon)."""
    if not data:
        return 0.0
    size = len(data)
    return -sum(count / size * math.log2(count / size) for count in Counter(data).values())


def is_packed(bits: float) -> bool:
    """Whether code of that entropy is hardly code."""
    return bits >= _PACKED_BITS

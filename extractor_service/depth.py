"""How deep a file is read, and how much a document of that depth may have."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


@dataclass(frozen=True)
class DocumentLimits:
    """How much one module may add. Part of the cache key where they differ from the defaults."""

    max_fields: int = 50_000
    max_value_bytes: int = 64 * 1024
    """Longer texts and byte strings are cut to this."""
    max_total_bytes: int = 2_500_000
    """Rough size of all fields, so that a document fits into a unary reply of 3 MiB."""
    max_items: int = 256
    """Values of a list, or items of a sequence, that are kept: a thousand frames repeat themselves."""
    max_spent_bytes: int = 16 * 1024 * 1024
    """Bytes of embedded structures: a file may point at the same bytes a million times."""


class Depth(Enum):
    """How deep a file is read; the numbers are those of the wire enum."""

    FAST = 1
    """What head and tail say."""
    STANDARD = 2
    FULL = 3
    """Lists and long documents in full."""

    @property
    def limits(self) -> DocumentLimits:
        """How much a document of that depth may have."""
        return _FULL if self is Depth.FULL else _STANDARD


_STANDARD: Final = DocumentLimits()
_FULL: Final = DocumentLimits(
    max_fields=300_000,
    max_value_bytes=1024 * 1024,
    max_total_bytes=16 * 1024 * 1024,  # takes a worker some 200 MiB, of the 512 that it may have by default
    max_items=1_000_000,
    max_spent_bytes=64 * 1024 * 1024,
)

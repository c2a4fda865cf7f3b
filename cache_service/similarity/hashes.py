"""Perceptual hashes as values."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cache_service.entries.entry import Entry, Key


class HashKind(IntEnum):
    """Kinds; the numbers are those of the wire enum."""

    PHASH = 1
    DHASH = 2
    AHASH = 3
    PDQ = 4

    @property
    def length_bytes(self) -> int:
        """Of its bits."""
        return 32 if self is HashKind.PDQ else 8

    @property
    def usual_distance(self) -> int:
        """Within which pictures are taken for alike: by Meta for PDQ, by common use for the others."""
        return 31 if self is HashKind.PDQ else 8

    @property
    def most_distance(self) -> int:
        """Beyond it hashes of any two pictures agree by chance: half of the bits, less six deviations."""
        return 90 if self is HashKind.PDQ else 24


class Hashed(NamedTuple):
    """A content's hashes, with the key and the facts by which its result is invalidated; the entry's value is empty."""

    key: Key
    entry: Entry
    bits: dict[HashKind, bytes]

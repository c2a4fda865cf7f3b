"""Hashers by the names of digest algorithms, all with the two methods of `hashlib`'s."""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING, Protocol

import xxhash
from blake3 import blake3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Hasher(Protocol):
    """Takes bytes piece by piece."""

    def update(self, data: bytes | memoryview, /) -> object:
        """Takes the next piece."""
        ...

    def hexdigest(self) -> str:
        """The digest of all pieces so far, in lower-case hexadecimal."""
        ...


class Crc32:
    """CRC-32 of ISO 3309, as ZIP and PNG have it."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes | memoryview, /) -> None:
        """Takes the next piece."""
        self._value = zlib.crc32(data, self._value)

    def hexdigest(self) -> str:
        """Eight digits."""
        return f"{self._value:08x}"


HASHERS: dict[str, Callable[[], Hasher]] = {
    "sha256": hashlib.sha256,
    "md5": lambda: hashlib.md5(usedforsecurity=False),
    "sha512": hashlib.sha512,
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "crc32": Crc32,
    "blake3": blake3,
    "xxh3": xxhash.xxh3_64,
}
"""The slowest first, so that threads which share them end together; SHA-256 is the slowest where the processor has no instructions for it."""


def make_hashers(algorithms: Iterable[str]) -> dict[str, Hasher]:
    """A new hasher for each algorithm, in the order of `HASHERS`."""
    wanted = set(algorithms)
    if unknown := wanted - HASHERS.keys():
        raise KeyError(*unknown)
    return {name: make() for name, make in HASHERS.items() if name in wanted}

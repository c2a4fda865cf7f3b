"""Damaged variants of good files, the same ones for the same seed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PER_FAMILY = 180
_INTERESTING = (
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\x80\0\0\0",
    b"\0\0\xff\xff",
    b"\x01\0\0\0",
)


def mutants(name: str, data: bytes, count: int = PER_FAMILY) -> Iterator[bytes]:
    """`count` variants of `data`: bytes changed, numbers made extreme, parts cut out, repeated, or cut off."""
    rng = random.Random(f"metaextract {name}")
    for number in range(count):
        mutant = bytearray(data)
        kind = number % 6
        if kind == 0:
            del mutant[rng.randrange(1, len(mutant)) :]
        elif kind == 1:
            for _ in range(rng.randrange(1, 16)):
                mutant[rng.randrange(len(mutant))] = rng.randrange(256)
        elif kind == 2:
            for _ in range(rng.randrange(1, 6)):
                place = rng.randrange(max(1, len(mutant) - 4))
                mutant[place : place + 4] = rng.choice(_INTERESTING)
        elif kind == 3:
            start = rng.randrange(len(mutant))
            del mutant[start : start + rng.randrange(1, 64)]
        elif kind == 4:
            start, length = rng.randrange(len(mutant)), rng.randrange(1, 256)
            mutant[start:start] = mutant[start : start + length] * rng.randrange(1, 4)
        else:
            head = min(len(mutant), 256)
            for _ in range(rng.randrange(1, 8)):
                mutant[rng.randrange(head)] ^= 1 << rng.randrange(8)
        yield bytes(mutant)

"""Changes bytes as file formats hate it."""

from __future__ import annotations

import random

_NUMBERS = (0, 1, 2, 3, 4, 7, 8, 16, 32, 64, 127, 128, 255, 256, 511, 512, 1000, 1024, 4095, 4096, 32767, 32768, 65535, 65536,
            2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64 - 8)  # fmt: skip
_TEXTS = (
    b"\0",
    b"\xff",
    b"\r\n",
    b"<",
    b"&#0;",
    b"{",
    b"[",
    b"..",
    b"/",
    b"-1",
    b"1e309",
    b"nan",
    b"\xe2\x80\xae",
    b" ",
    b"=",
)
_MAX_STACKED = 6


class Mutator:
    """The same ones for the same seed."""

    def __init__(self, seed: object, max_bytes: int) -> None:
        self._random = random.Random(repr(seed))
        self._max_bytes = max_bytes

    def mutant(self, data: bytes, other: bytes) -> bytes:
        """`data` with a few changes, maybe with a part of `other`."""
        rng, mutant = self._random, bytearray(data)
        for _ in range(rng.randint(1, _MAX_STACKED)):
            self._change(mutant, other)
            if not mutant:
                mutant = bytearray(rng.randbytes(rng.randint(1, 16)))
        return bytes(mutant[: self._max_bytes])

    def _change(self, data: bytearray, other: bytes) -> None:
        rng = self._random
        size, kind = len(data), rng.randrange(10)
        # Headers decide more than what comes after.
        at = rng.randrange(max(1, size if rng.random() < 0.5 else min(size, 512)))
        width = rng.choice((1, 2, 4, 8))
        order = rng.choice(("little", "big"))
        if kind == 0:
            data[at : at + 1] = bytes((rng.randrange(256),))
        elif kind == 1:
            data[at : at + 1] = bytes((data[at] ^ (1 << rng.randrange(8)),)) if size else b"\0"
        elif kind == 2:
            number = rng.choice(_NUMBERS) & ((1 << 8 * width) - 1)
            data[at : at + width] = number.to_bytes(width, order)
        elif kind == 3:
            number = int.from_bytes(data[at : at + width], order) + rng.randint(-16, 16)
            data[at : at + width] = (number & ((1 << 8 * width) - 1)).to_bytes(width, order)
        elif kind == 4:
            del data[at : at + rng.choice((1, 2, 4, 8, rng.randint(1, 256)))]
        elif kind == 5:
            length = rng.choice((1, 4, 8, rng.randint(1, 256)))
            data[at:at] = data[at : at + length] * rng.choice((1, 2, 16))
        elif kind == 6 and other:
            start = rng.randrange(len(other))
            data[at : at + rng.choice((0, 64))] = other[start : start + rng.randint(1, 512)]
        elif kind == 7:
            data[at:at] = rng.choice(_TEXTS) * rng.choice((1, 1, 8, 300))
        elif kind == 8:
            del data[at:]
        else:
            start, length = rng.randrange(max(1, size)), rng.choice((4, 8, 16, 64))
            data[at : at + length] = data[start : start + length]

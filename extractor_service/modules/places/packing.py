"""A packed file: tables, and records of the cells of a grid over the earth. Mapped, so that workers share what they touch.

Layout, little-endian: 8 bytes of magic; a 32-bit number of tables; of each its 32-bit length; 32-bit numbers of runs and of bytes of
records; the tables; the runs; the records. A run is the 32-bit number of its first cell and the 32-bit offset of the record that all
its cells share; it ends where the next begins. Cells go by rows from the south-west. Numbers in records are zigzag varints.
"""

from __future__ import annotations

import mmap
import struct
from bisect import bisect_right
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

UNITS = 100_000
"""Of a degree: about a metre."""
CELL_UNITS = UNITS // 2  # half a degree: a border has some hundred corners in it
COLUMNS, ROWS = 360 * UNITS // CELL_UNITS, 180 * UNITS // CELL_UNITS
_NOTHING = 0xFFFFFFFF  # instead of a record's place: a cell without one
_DATA = Path(__file__).parent / "data"
_MAGIC_BYTES = 8  # see the layout


def pack(magic: bytes, tables: Sequence[bytes], cells: Mapping[int, bytes]) -> bytes:
    """The file of these tables and cells; equal neighbours share a record."""
    records, runs = bytearray(), bytearray()
    known: dict[bytes, int] = {}
    last: int | None = None
    for cell in range(COLUMNS * ROWS):
        record = cells.get(cell)
        offset = _NOTHING
        if record is not None:
            if record not in known:
                known[record] = len(records)
                records += record
            offset = known[record]
        if offset != last:
            runs += struct.pack("<II", cell, offset)
            last = offset
    head = magic + struct.pack(f"<I{len(tables)}I", len(tables), *map(len, tables))
    return head + struct.pack("<II", len(runs) // 8, len(records)) + b"".join(tables) + runs + records


class Packed:
    """A packed file, open."""

    def __init__(self, name: str, magic: bytes) -> None:
        """Maps `name` of the data; raises OSError or ValueError."""
        with (_DATA / name).open("rb") as file:
            # Private, since a jailed worker may share nothing; pages that nobody writes are shared all the same.
            self._map = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
        view = memoryview(self._map)
        if view[:_MAGIC_BYTES] != magic:
            raise ValueError(f"{name} isn't what it should be")
        (count,) = struct.unpack_from("<I", view, _MAGIC_BYTES)
        lengths = struct.unpack_from(f"<{count}I", view, _MAGIC_BYTES + 4)
        at = _MAGIC_BYTES + 4 + 4 * count
        run_count, _ = struct.unpack_from("<II", view, at)
        at += 8
        self.tables: list[bytes] = []
        for length in lengths:
            self.tables.append(bytes(view[at : at + length]))
            at += length
        self._runs = _Pairs(view, at, run_count)
        self._records = view[at + 8 * run_count :]

    def record(self, column: int, row: int) -> Numbers | None:
        """The record of a cell; None where it has none."""
        index = bisect_right(self._runs, row * COLUMNS + column % COLUMNS) - 1
        offset = self._runs.offset(index)
        return None if offset == _NOTHING else Numbers(self._records, offset)


class _Pairs:
    """The first cells of the runs, as a sequence that isn't copied out of the map."""

    def __init__(self, view: memoryview, at: int, count: int) -> None:
        self._view = view
        self._at = at
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> int:
        (cell,) = struct.unpack_from("<I", self._view, self._at + 8 * index)
        return int(cell)

    def offset(self, index: int) -> int:
        """Of the run's record."""
        (offset,) = struct.unpack_from("<I", self._view, self._at + 8 * index + 4)
        return int(offset)


class Numbers:
    """Takes zigzag varints and texts, one after the other."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: memoryview, at: int) -> None:
        self._data = data
        self._at = at

    def take(self) -> int:
        """The next number."""
        data, at = self._data, self._at
        byte = data[at]
        value, shift = byte & 127, 7
        while byte & 128:
            at += 1
            byte = data[at]
            value |= (byte & 127) << shift
            shift += 7
        self._at = at + 1
        return value >> 1 ^ -(value & 1)

    def text(self) -> str:
        """The next text, behind its length."""
        length = self.take()
        data = bytes(self._data[self._at : self._at + length])
        self._at += length
        return data.decode("utf-8", "replace")

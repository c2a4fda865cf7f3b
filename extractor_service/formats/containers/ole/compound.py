"""The compound file: a file system in a file, read by ranges. Microsoft, MS-CFB 2.2 (header) to 2.6 (directory).

Sectors of the allocation table are read as a chain needs them, so that a stream costs itself and no more.
"""

from __future__ import annotations

import struct
from array import array
from collections import OrderedDict
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.reading.reader import TruncatedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Document
    from extractor_service.formats.reading.reader import Reader

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENTRY = struct.Struct("<64sHBBIII16sIQQIQ")
_MOST_ENTRIES = 20_000  # of the directory: a mail with hundreds of attachments has thousands
_MOST_SECTORS = 1_000_000  # of one chain: 512 MiB
_MOST_DEPTH = 32  # storages in storages: mails in mails in mails
_KEPT_SECTORS = 64  # of the allocation table, 32 KiB
_LAST_USABLE = 0xFFFFFFFA  # MAXREGSECT; above are marks
_NONE = 0xFFFFFFFF  # no stream (MS-CFB specification, 2.6.1)
_FIRST_DIFAT = 109  # sectors of the table that the header itself names
STORAGE, STREAM, ROOT = 1, 2, 5


class Entry(NamedTuple):
    """One line of the directory."""

    path: str
    """Names from the root on, with "/" between."""
    name: str
    kind: int
    start: int
    size_bytes: int
    class_id: bytes


class CompoundFile:
    """One compound file; trouble becomes Problems of `section`."""

    def __init__(self, reader: Reader, document: Document, section: str) -> None:
        """Reads the header.

        Raises:
            CorruptFileError: there is none.
        """
        header = reader.exact(0, 512)
        if header[:8] != MAGIC:
            raise CorruptFileError("no compound file header")
        self._reader, self._document, self._section = reader, document, section
        version, order, shift, mini_shift = struct.unpack_from("<HHHH", header, 26)
        if shift not in {9, 12} or mini_shift != 6 or order != 0xFFFE:
            document.problem(
                section, ProblemKind.DAMAGED, f"sectors of 2^{shift} bytes, order {order:#x}", 24
            )
            shift, mini_shift = (12 if version == 4 else 9), 6
        self._shift: int = shift
        self.sector_bytes = 1 << self._shift
        self._mini_bytes = 1 << mini_shift
        self._table_count, self._directory_at = struct.unpack_from("<II", header, 44)
        self._cutoff, self._mini_at, self._mini_count, self._difat_at, self._difat_count = struct.unpack_from("<IIIII", header, 56)  # fmt: skip
        self._header_difat: tuple[int, ...] = struct.unpack_from("<109I", header, 76)
        self._sectors: OrderedDict[int, array[int]] = OrderedDict()
        self._most_sectors = min(_MOST_SECTORS, reader.length // self.sector_bytes + 2)

    @cached_property
    def entries(self) -> list[Entry]:
        """All storages and streams below the root, children behind their storage, in the order of the tree."""
        lines = self._lines
        if not lines:
            raise CorruptFileError("no directory")
        found: list[Entry] = []
        seen = {0}
        # (number, path of its storage); siblings are a tree by name
        waiting = [(lines[0][6], "")]
        while waiting and len(found) < _MOST_ENTRIES:
            number, folder = waiting.pop()
            if number >= len(lines) or number in seen:
                if number != _NONE and number in seen:
                    self._document.problem(self._section, ProblemKind.DAMAGED, "the directory runs in a circle")  # fmt: skip
                continue
            seen.add(number)
            raw, length, kind, _, left, right, child, class_id, _, _, _, start, size = lines[number]
            name = raw[: max(0, min(length, 64) - 2)].decode("utf-16-le", "replace")
            path = f"{folder}{name}"
            if self._shift == 9:
                size &= 0xFFFFFFFF  # the high half of small sectors may hold anything (2.6.3)
            if kind in {STORAGE, STREAM}:
                found.append(Entry(path, name, kind, start, size, class_id))
            waiting.append((right, folder))
            if kind == STORAGE and path.count("/") < _MOST_DEPTH:
                waiting.append((child, path + "/"))
            waiting.append((left, folder))
        return found

    @cached_property
    def by_path(self) -> dict[str, Entry]:
        """Entries by path."""
        return {each.path: each for each in self.entries}

    @property
    def class_id(self) -> bytes:
        """The root's, which tells programs apart."""
        return self._lines[0][7] if self._lines else bytes(16)

    def stream(self, path: str) -> Stream | None:
        """The stream of that path."""
        entry = self.by_path.get(path)
        return Stream(self, entry) if entry is not None and entry.kind == STREAM else None

    def content(self, entry: Entry, most_bytes: int) -> bytes:
        """The first bytes of a stream; what is cut is a Problem."""
        try:
            return Stream(self, entry).read_range(0, min(entry.size_bytes, most_bytes))
        except TruncatedError as error:
            self._document.problem(
                self._section, ProblemKind.TRUNCATED, f"stream {entry.path[:80]!r}: {error}", error.offset
            )
            return b""

    def places(self, entry: Entry) -> Iterator[tuple[int, int]]:
        """Where the parts of a stream lie in the file: (offset, length), neighbours joined."""
        if entry.size_bytes >= self._cutoff:
            yield from self._runs(entry.start)
            return
        root = self._lines[0] if self._lines else None
        mini = list(self._runs(root[11])) if root else []
        size, at, length = self._mini_bytes, 0, 0
        for number in self._mini_chain(entry.start):
            here = _within(mini, number * size)
            if length and here == at + length:
                length += size
                continue
            if length:
                yield at, length
            at, length = here, size
        if length:
            yield at, length

    def _place(self, sector: int) -> int:
        return (sector + 1) << self._shift

    @cached_property
    def _lines(self) -> list[tuple]:  # type: ignore[type-arg] # what the struct says
        lines: list[tuple] = []  # type: ignore[type-arg]
        for sector in self._chain(self._directory_at):
            data = self._reader.some(self._place(sector), self.sector_bytes)
            lines += [_ENTRY.unpack_from(data, at) for at in range(0, len(data) - 127, 128)]
            if len(lines) >= _MOST_ENTRIES:
                self._document.problem(self._section, ProblemKind.LIMIT, f"of the directory {len(lines)} entries were read")  # fmt: skip
                break
        return lines

    def _chain(self, sector: int) -> Iterator[int]:
        """Sectors that follow each other."""
        for at, length in self._runs(sector):
            first = (at >> self._shift) - 1
            yield from range(first, first + (length >> self._shift))

    def _runs(self, sector: int) -> Iterator[tuple[int, int]]:
        """Where sectors that follow each other lie, neighbours joined; a circle ends by the file's own size."""
        size = self.sector_bytes
        per = size // 4
        number, table = -1, array("I")
        at = length = 0
        for _ in range(self._most_sectors):
            if sector > _LAST_USABLE:
                break
            here = sector + 1 << self._shift
            if length and here == at + length:
                length += size
            else:
                if length:
                    yield at, length
                at, length = here, size
            if sector // per != number:
                number = sector // per
                table = self._table_sector(number)
            inner = sector % per
            sector = table[inner] if inner < len(table) else _NONE
        else:
            self._document.problem(self._section, ProblemKind.DAMAGED, "a chain of sectors has no end")
        if length:
            yield at, length

    def _table_sector(self, number: int) -> array[int]:
        known = self._sectors.get(number)
        if known is not None:
            return known
        place = self._difat(number)
        data = b"" if place > _LAST_USABLE else self._reader.some(self._place(place), self.sector_bytes)
        return self._keep(number, data)

    def _keep(self, number: int, data: bytes) -> array[int]:
        values = array("I")
        values.frombytes(data[: len(data) // 4 * 4])
        self._sectors[number] = values
        if len(self._sectors) > _KEPT_SECTORS:
            self._sectors.popitem(last=False)
        return values

    @cached_property
    def _difat_chain(self) -> list[int]:
        """Sectors that name sectors of the allocation table, as far as the header doesn't."""
        found: list[int] = []
        sector = self._difat_at
        most = min(self._difat_count, self._most_sectors)
        while sector <= _LAST_USABLE and len(found) < most and self._place(sector) < self._reader.length:
            found.append(sector)
            sector = int.from_bytes(
                self._reader.some(self._place(sector) + self.sector_bytes - 4, 4), "little"
            )
        return found

    def _difat(self, number: int) -> int:
        """Where the allocation table's own sector stands (2.5)."""
        if number < _FIRST_DIFAT:
            return self._header_difat[number]
        per = self.sector_bytes // 4 - 1
        steps, inner = divmod(number - _FIRST_DIFAT, per)
        chain = self._difat_chain
        if steps >= len(chain):
            return _NONE
        sector = chain[steps]
        data = self._reader.some(self._place(sector) + 4 * inner, 4) if sector <= _LAST_USABLE else b""
        return int.from_bytes(data, "little") if len(data) == 4 else _NONE

    @cached_property
    def _mini_table(self) -> array[int]:
        values = array("I")
        for sector in self._chain(self._mini_at):
            data = self._reader.some(self._place(sector), self.sector_bytes)
            values.frombytes(data[: len(data) // 4 * 4])
            if len(values) > _MOST_SECTORS:
                break
        return values

    def _mini_chain(self, sector: int) -> Iterator[int]:
        table = self._mini_table
        for _ in range(len(table) + 1):
            if sector >= len(table):
                return
            yield sector
            sector = table[sector]
        self._document.problem(self._section, ProblemKind.DAMAGED, "a chain of small sectors has no end")

    def exact(self, offset: int, length: int) -> bytes:
        """Bytes of the file; raises TruncatedError."""
        return self._reader.exact(offset, length)


def _within(places: list[tuple[int, int]], offset: int) -> int:
    for at, length in places:
        if offset < length:
            return at + offset
        offset -= length
    return 1 << 62  # beyond any file: what is read there is truncated


class Stream:
    """A stream as a source of its own; raises TruncatedError where the file lacks its bytes."""

    def __init__(self, file: CompoundFile, entry: Entry) -> None:
        self._file, self.entry = file, entry
        self.size_bytes = entry.size_bytes
        self._places = file.places(entry)
        self._known: list[tuple[int, int, int]] = []
        """(offset in the stream, offset in the file, length) of the parts met so far."""
        self._met = 0

    def read_range(self, offset: int, length: int) -> bytes:
        """The bytes from `offset` on; see `ByteSource`."""
        length = min(length, self.size_bytes - offset)
        parts: list[bytes] = []
        while length > 0:
            place = self._find(offset)
            if place is None:
                raise TruncatedError(offset, length, self._met)
            at, available = place
            size = min(length, available)
            parts.append(self._file.exact(at, size))
            offset, length = offset + size, length - size
        return b"".join(parts)

    def origin(self) -> int | None:
        """Where its first byte stands in the file."""
        place = self._find(0)
        return place[0] if place is not None else None

    def _find(self, offset: int) -> tuple[int, int] | None:
        while offset >= self._met:
            following = next(self._places, None)
            if following is None:
                return None
            self._known.append((self._met, *following))
            self._met += following[1]
        for begin, at, length in reversed(self._known):
            if begin <= offset < begin + length:
                return at + offset - begin, begin + length - offset
        return None

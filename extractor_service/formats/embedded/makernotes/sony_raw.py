"""What Sony keeps beside the maker note in raw files (ARW, SR2): levels of white and black, corrections of the lens.

A directory that DNGPrivateData points to says where another lies, how long it is, and by what key it is enciphered
(exiftool.org/TagNames/Sony.html, "SR2Private"). The cipher is public since 2006, in Dave Coffin's dcraw (`sony_decrypt`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ProblemKind
from extractor_service.formats.embedded.makernotes.base import Limits, Notes
from extractor_service.formats.embedded.makernotes.sony import VENDOR
from extractor_service.formats.reading import ifd
from extractor_service.formats.reading.reader import Reader, TruncatedError

if TYPE_CHECKING:
    from typing import Literal

    from extractor_service.formats.embedded.walk import Walk

_FACTOR = 48_828_125  # 5^11: of the congruence that the first four words come from
_PERIOD, _STEP = 127, 63  # each word is that of 127 before, and that of 63 before, exclusively or-ed
_WORD, _LOW = 4, 0xFFFFFFFF
_DATA_IFD, _MOST_DIRECTORIES = 0x74C0, 20
_ENTRY_BYTES = 12  # of a directory (TIFF 6.0, section 2)


class _Opened:
    """A `ByteSource` of deciphered bytes at the place where they stand in the file, and nothing before."""

    def __init__(self, data: bytes, start: int) -> None:
        self._data, self._start = data, start

    @property
    def size_bytes(self) -> int:
        """Up to their end."""
        return self._start + len(self._data)

    def read_range(self, offset: int, length: int) -> bytes:
        """As `ByteSource.read_range`."""
        before = min(length, max(0, self._start - offset))
        inner = max(0, offset - self._start)
        return bytes(before) + self._data[inner : inner + length - before]


def decipher(data: bytes, key: int) -> bytes:
    """`data`, enciphered or not, the other way round; what is behind its last whole word stays."""
    words = []
    for _ in range(4):
        key = key * _FACTOR + 1 & _LOW
        words.append(key)
    words[3] = words[3] << 1 & _LOW | (words[0] ^ words[2]) >> 31
    for place in range(4, _PERIOD):
        mixed, carried = words[place - 4] ^ words[place - 2], words[place - 3] ^ words[place - 1]
        words.append(mixed << 1 & _LOW | carried >> 31)
    pad = bytearray(b"".join(each.to_bytes(_WORD) for each in words))
    size = len(data) // _WORD * _WORD
    period, step = _PERIOD * _WORD, _STEP * _WORD
    while len(pad) < period + size:  # as many words at once as don't depend on one another
        end = len(pad)
        first = int.from_bytes(pad[end - period : end - period + step])
        second = int.from_bytes(pad[end - step : end])
        pad += (first ^ second).to_bytes(step)
    opened = int.from_bytes(data[:size]) ^ int.from_bytes(pad[period : period + size])
    return opened.to_bytes(size) + data[size:]


def parse(walk: Walk, offset: int) -> None:
    """Adds the fields of the directory at `offset`, and of the one that it points to."""
    reader = walk.directories.reader
    notes = Notes(walk, VENDOR, reader)
    notes.directory(offset, notes.table("Sony::SR2Private"), {}, "SR2")
    start, length, key = (notes.values.get(f"SR2SubIFD{name}") for name in ("Offset", "Length", "Key"))
    if not (isinstance(start, int) and isinstance(length, int) and isinstance(key, int) and start and length):
        return
    try:
        data = reader.exact(start, min(length, Limits.max_block_bytes))
    except TruncatedError as error:
        notes.problem(ProblemKind.TRUNCATED, f"SR2SubIFD is cut: {error}", start)
        return
    notes.document.spend(len(data))
    opened = decipher(data, key & _LOW)
    if not _is_directory(opened, big_endian=reader.big_endian):
        notes.problem(ProblemKind.DAMAGED, "the key doesn't open SR2SubIFD", start)
        return
    # Counted from its own beginning, so that what points before it points nowhere.
    place = reader.base + start
    inner = Notes(
        walk, VENDOR, Reader(_Opened(opened, place), base=place, big_endian=reader.big_endian), -start
    )
    inner.directory(0, inner.table("Sony::SR2SubIFD"), {_DATA_IFD: _data_directories}, "SR2SubIFD")


def _is_directory(data: bytes, *, big_endian: bool) -> bool:
    """Whether a directory begins `data`: with a wrong key it is noise, in which hardly any type exists."""
    order: Literal["big", "little"] = "big" if big_endian else "little"
    count = int.from_bytes(data[:2], order)
    if not 0 < count <= (len(data) - 2) // _ENTRY_BYTES:
        return False
    places = range(4, 4 + count * _ENTRY_BYTES, _ENTRY_BYTES)
    return all(int.from_bytes(data[at : at + 2], order) in ifd.SIZES for at in places)


def _data_directories(notes: Notes, entry: ifd.Entry) -> None:
    """Directories of how colours were set."""
    value = notes.directories.value(entry, _MOST_DIRECTORIES * _WORD)
    for number, offset in enumerate(value if isinstance(value, list) else [value]):
        if isinstance(offset, int):
            group = f"SR2DataIFD{number or ''}"
            at = offset + notes.directories.shift
            notes.directory(at, notes.table("Sony::SR2DataIFD"), {}, group, depth=1)

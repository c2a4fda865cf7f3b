"""EBML: elements with identities and lengths of varying width. RFC 8794."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from extractor_service.formats.reading.reader import TruncatedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.formats.reading.reader import Reader

MAX_ELEMENTS = 50_000  # of one parent
_HEAD_BYTES = 12  # four of the identity, eight of the length
_SMALL_BYTES = 4096  # lies in one block, or in two
_WIDTHS = bytes(
    9 - byte.bit_length() if byte else 0 for byte in range(256)
)  # of a number, by its first byte; 0 for none
_MASKS = tuple((1 << 7 * width) - 1 for width in range(9))  # of what a number holds beside the marker


class Element(NamedTuple):
    """One element; `offset` and `length` are those of its content."""

    identity: int
    """Without the marker of its width, as tables have it."""
    offset: int
    length: int
    is_sized: bool
    """False for a length that is unknown: the content goes on to the parent's end, or to what can't be its child."""


def element(reader: Reader, at: int, end: int) -> Element:
    """The element at `at`, within a parent that ends at `end`.

    Raises:
        TruncatedError: there is none.
    """
    return _head(reader.some(at, min(_HEAD_BYTES, end - at)), 0, at, end, reader)


def _head(data: bytes, place: int, at: int, end: int, reader: Reader) -> Element:
    """The element at `at`, whose head stands at `place` of `data`."""
    held = len(data) - place
    width = _WIDTHS[data[place]] if held > 0 else 0
    taken = _WIDTHS[data[place + width]] if width and width < held else 0
    start = place + width
    if not taken or width + taken > held:
        raise TruncatedError(reader.base + at, 2, reader.base + at + max(0, held))
    identity = int.from_bytes(data[place:start]) & _MASKS[width]
    size = int.from_bytes(data[start : start + taken]) & _MASKS[taken]
    content = at + width + taken
    if size == _MASKS[taken]:
        return Element(identity, content, max(0, end - content), is_sized=False)
    return tuple.__new__(Element, (identity, content, size, True))  # its own constructor takes twice as long


def walk(reader: Reader, start: int, end: int) -> Iterator[Element]:
    """The elements between `start` and `end`; the last one is cut where it reaches beyond, and then TruncatedError raised."""
    at, length = start, end - start
    # Small parents at once: asking for every head took a quarter of a file's time.
    data = reader.some(start, length) if 0 < length <= _SMALL_BYTES else b""
    for _ in range(MAX_ELEMENTS):
        if at + 2 > end:
            return
        if not data:
            found = element(reader, at, end)
        else:
            place = at - start
            first, second, third = data[place : place + 3] if place + 3 <= len(data) else b"\0\0\0"
            # What most are, without a call: names of one byte or two, and a length of one.
            if first >= 0x80 and 0x80 <= second < 0xFF:
                found = tuple.__new__(Element, (first & 0x7F, at + 2, second & 0x7F, True))
            elif 0x40 <= first < 0x80 and 0x80 <= third < 0xFF:
                identity = (first & 0x3F) << 8 | second
                found = tuple.__new__(Element, (identity, at + 3, third & 0x7F, True))
            else:
                found = _head(data, place, at, end, reader)
        behind = found[1] + found[2]
        if behind > end:
            yield found._replace(length=max(0, end - found.offset))
            raise TruncatedError(reader.base + at, found.length, reader.base + end)
        yield found
        at = behind


def unsigned(data: bytes) -> int:
    """A number of any width, 0 for no bytes."""
    return int.from_bytes(data)


def signed(data: bytes) -> int:
    """The same in two's complement."""
    return int.from_bytes(data, signed=True)

"""EBML: elements with identities and lengths of varying width. RFC 8794."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from extractor_service.formats.reading.reader import TruncatedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.formats.reading.reader import Reader

MAX_ELEMENTS = 50_000  # of one parent
_HEAD_BYTES = 12  # four of the identity, eight of the length
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
    rest = end - at
    data = reader.some(at, min(rest, _HEAD_BYTES))
    width = _WIDTHS[data[0]] if data else 0
    behind = data[width] if width and width < len(data) else 0
    taken = _WIDTHS[behind]
    if not taken or width + taken > len(data):
        raise TruncatedError(reader.base + at, 2, reader.base + at + len(data))
    identity = int.from_bytes(data[:width]) & _MASKS[width]
    size = int.from_bytes(data[width : width + taken]) & _MASKS[taken]
    start = at + width + taken
    if size == _MASKS[taken]:
        return Element(identity, start, max(0, end - start), is_sized=False)
    return Element(identity, start, size, is_sized=True)


def walk(reader: Reader, start: int, end: int) -> Iterator[Element]:
    """The elements between `start` and `end`; the last one is cut where it reaches beyond, and then TruncatedError raised."""
    at = start
    for _ in range(MAX_ELEMENTS):
        if at + 2 > end:
            return
        found = element(reader, at, end)
        if found.offset + found.length > end:
            yield found._replace(length=max(0, end - found.offset))
            raise TruncatedError(reader.base + at, found.length, reader.base + end)
        yield found
        at = found.offset + found.length


def unsigned(data: bytes) -> int:
    """A number of any width, 0 for no bytes."""
    return int.from_bytes(data)


def signed(data: bytes) -> int:
    """The same in two's complement."""
    return int.from_bytes(data, signed=True)

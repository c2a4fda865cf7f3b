"""CBOR, as far as metadata has it: one item of bounded depth, size and count. RFC 8949."""

from __future__ import annotations

import struct
from typing import Final

from extractor_service.formats.reading.cbor_values import DateText, Tagged

MAX_DEPTH: Final = 32  # of arrays and maps in one another; C2PA's own have six
# Of one structure: a hash of boxes has one for each table, a list of actions one for each step
MAX_ITEMS: Final = 100_000
_BREAK: Final = object()
_SIMPLE: Final[dict[int, object]] = {20: False, 21: True, 22: None, 23: None}
_FLOATS: Final = {25: ">e", 26: ">f", 27: ">d"}
_ENDLESS: Final = 31


class CborError(Exception):
    """The bytes aren't CBOR, or more of it than is taken."""


def decode(data: bytes) -> object:
    """The item that `data` begins with: int, float, bool, None, str, bytes, list, dict or `Tagged`; dates are their texts.

    Raises:
        CborError: see there.
    """
    return _Decoder(data).item(0)


def sequence(data: bytes) -> list[object]:
    """The items one behind the other that fill `data` (RFC 8742); zeros at the end are padding. Raises as `decode` does."""
    decoder, items, end = _Decoder(data), [], len(data.rstrip(b"\0"))
    while decoder.is_more and decoder.at < end:
        items.append(decoder.item(0))
    return items


class _Decoder:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._items = 0

    @property
    def at(self) -> int:
        """Where the next item begins."""
        return self._at

    @property
    def is_more(self) -> bool:
        """Whether bytes are left."""
        return self._at < len(self._data)

    def item(self, depth: int) -> object:
        value = self._item(depth)
        if value is _BREAK:
            raise CborError(f"a break at {self._at}")
        return value

    def _item(self, depth: int) -> object:
        self._items += 1
        if depth > MAX_DEPTH or self._items > MAX_ITEMS:
            raise CborError(f"deeper than {MAX_DEPTH} levels or more than {MAX_ITEMS} items")
        first = self._take(1)[0]
        major, info = first >> 5, first & 31
        if major == 7:
            return self._simple(info)
        count = self._count(info)
        if major == 0 and count is not None:
            return count
        if major == 1 and count is not None:
            return -1 - count
        if major in {2, 3}:
            data = self._take(count) if count is not None else self._pieces(major, depth)
            return data if major == 2 else data.decode("utf-8", "replace")
        if major == 4:
            return self._array(count, depth)
        if major == 5:
            return self._map(count, depth)
        if major == 6 and count is not None:
            value = self.item(depth + 1)
            if isinstance(value, str):
                return value if count else DateText(value)
            return Tagged(count, value)
        raise CborError(f"no item at {self._at}")

    def _simple(self, info: int) -> object:
        if info == _ENDLESS:
            return _BREAK
        if info in _FLOATS:
            packed = _FLOATS[info]
            (value,) = struct.unpack(packed, self._take(struct.calcsize(packed)))
            return value
        if info == 24:
            info = self._take(1)[0]
        if info not in _SIMPLE:
            raise CborError(f"simple value {info}")
        return _SIMPLE[info]

    def _count(self, info: int) -> int | None:
        if info < 24:
            return info
        if info == _ENDLESS:
            return None
        if info > 27:
            raise CborError(f"a length of kind {info}")
        return int.from_bytes(self._take(1 << info - 24))

    def _take(self, count: int) -> bytes:
        data = self._data[self._at : self._at + count]
        if len(data) < count:
            raise CborError(f"{count} bytes at {self._at} lie beyond the end")
        self._at += count
        return data

    def _pieces(self, major: int, depth: int) -> bytes:
        pieces = []
        while (piece := self._item(depth + 1)) is not _BREAK:
            if not isinstance(piece, bytes if major == 2 else str):
                raise CborError("a piece of another kind")
            pieces.append(piece if isinstance(piece, bytes) else piece.encode())
        return b"".join(pieces)

    def _array(self, count: int | None, depth: int) -> list[object]:
        values: list[object] = []
        while count is None or len(values) < count:
            value = self._item(depth + 1)
            if value is _BREAK and count is None:
                break
            if value is _BREAK:
                raise CborError("a break too early")
            values.append(value)
        return values

    def _map(self, count: int | None, depth: int) -> dict[object, object]:
        values: dict[object, object] = {}
        done = 0
        while count is None or done < count:
            key = self._item(depth + 1)
            if key is _BREAK and count is None:
                break
            if isinstance(key, bool) or not isinstance(key, (str, int, bytes)):
                raise CborError(f"a key of kind {type(key).__name__}")
            values[key] = self.item(depth + 1)
            done += 1
        return values

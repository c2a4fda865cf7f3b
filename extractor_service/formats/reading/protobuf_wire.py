"""Protobuf messages without their classes: fields by number, nested ones by place. protobuf.dev, "Encoding"."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5


_MOST_FIELDS: Final = 500_000  # of one message in memory, where each takes dozens of bytes


def walk(read: Callable[[int, int], bytes], at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Number, value and length of each field between two places: of bytes the place and the length, of numbers the value and -1.

    `read(offset, length)` gives bytes, fewer at the end. Raises ValueError on what is no message.
    """
    while at < end:
        head = read(at, min(20, end - at))
        tag, used = _varint(head, 0)
        number, kind = tag >> 3, tag & 7
        if not number:
            raise ValueError(f"a field without a number at {at}")
        if kind == _VARINT:
            value, used = _varint(head, used)
            yield number, value, -1
            at += used
        elif kind == _BYTES:
            size, used = _varint(head, used)
            begin = at + used
            if begin + size > end:
                raise ValueError(f"{size} bytes at {begin} are cut")
            yield number, begin, size
            at = begin + size
        elif kind in {_FIXED_64, _FIXED_32}:
            width = 8 if kind == _FIXED_64 else 4
            yield number, int.from_bytes(read(at + used, width), "little"), -1
            at += used + width
        else:
            raise ValueError(f"a field of kind {kind} at {at}")


def fields(data: bytes) -> dict[int, list[int | bytes]]:
    """All fields of a message in memory: numbers and bytes by number, in order. Raises ValueError on what is no message."""
    found: dict[int, list[int | bytes]] = {}
    at, end, left = 0, len(data), _MOST_FIELDS
    while at < end:
        left -= 1
        if not left:
            raise ValueError(f"a message of more than {_MOST_FIELDS} fields")
        tag = data[at]
        at += 1
        if tag > 0x7F:
            tag, at = _varint(data, at - 1)
        kind = tag & 7
        if not tag >> 3:
            raise ValueError(f"a field without a number at {at}")
        value: int | bytes
        if kind in {_VARINT, _BYTES}:
            size = data[at] if at < end else 0xFF
            at += 1
            if size > 0x7F:
                size, at = _varint(data, at - 1)
            value = size
            if kind == _BYTES:
                if at + size > end:
                    raise ValueError(f"{size} bytes at {at} are cut")
                value = data[at : at + size]
                at += size
        elif kind in {_FIXED_64, _FIXED_32}:
            width = 8 if kind == _FIXED_64 else 4
            value = int.from_bytes(data[at : at + width], "little")
            at += width
        else:
            raise ValueError(f"a field of kind {kind} at {at}")
        if tag >> 3 in found:
            found[tag >> 3].append(value)
        else:
            found[tag >> 3] = [value]
    return found


def packed(values: list[int | bytes]) -> list[int]:
    """Repeated numbers, packed or not."""
    found: list[int] = []
    for each in values:
        if isinstance(each, int):
            found.append(each)
            continue
        at = 0
        while at < len(each):
            value, at = _varint(each, at)
            found.append(value)
    return found


def number(told: dict[int, list[int | bytes]], field: int, default: int = 0) -> int:
    """The last number of that field."""
    value = told.get(field, [default])[-1]
    return value if isinstance(value, int) else default


def text(told: dict[int, list[int | bytes]], field: int) -> str:
    """The last text of that field."""
    value = told.get(field, [b""])[-1]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def messages(told: dict[int, list[int | bytes]], field: int) -> Iterator[dict[int, list[int | bytes]]]:
    """The messages of that field."""
    for each in told.get(field, ()):
        if isinstance(each, bytes):
            yield fields(each)


def zigzag(value: int) -> int:
    """A signed number of `sint32` and `sint64`."""
    return value >> 1 ^ -(value & 1)


def signed(value: int) -> int:
    """A signed number of `int32` and `int64`."""
    return value - (1 << 64) if value >> 63 else value


def double(value: int) -> float:
    """The number of a 64-bit field."""
    number: float = struct.unpack("<d", value.to_bytes(8, "little"))[0]
    return number


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("a number is cut")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7

"""Messages as bytes: parts that are encoded already are joined, and nothing is built only to be written.

Protobuf writes fields in the order of their numbers, so a message is its encoded parts one after the other
(protobuf.dev/programming-guides/encoding).
"""

from __future__ import annotations

from typing import Final

LENGTH_DELIMITED: Final = 2  # the wire type of messages, texts and bytes
_LENGTH_BYTES: Final = 5  # most of a length, which is below 2 GiB
ONE_BYTE: Final = [bytes((number,)) for number in range(0x80)]
"""Numbers below 128, as they are written; for the hottest loops, which ask here before `varint`."""


def varint(number: int) -> bytes:
    """A number as protobuf writes it; from 0 on."""
    if number < 0x80:
        return ONE_BYTE[number]
    if number < 0x4000:
        return bytes((number & 0x7F | 0x80, number >> 7))
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """A number and the place behind it; the place is 0 where none of at most five bytes, as lengths have, ends within `data`."""
    number = 0
    for index in range(at, min(at + _LENGTH_BYTES, len(data))):
        byte = data[index]
        number |= (byte & 0x7F) << 7 * (index - at)
        if byte < 0x80:
            return number, index + 1
    return 0, 0


def part(field_number: int, data: bytes) -> bytes:
    """A message, text or bytes as a field of another message, whose number is below 16."""
    return ONE_BYTE[field_number << 3 | LENGTH_DELIMITED] + varint(len(data)) + data

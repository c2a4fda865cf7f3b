"""Messages as bytes: parts that are encoded already are joined, and nothing is built only to be written.

Protobuf writes fields in the order of their numbers, so a message is its encoded parts one after the other
(protobuf.dev/programming-guides/encoding).
"""

from __future__ import annotations

LENGTH_DELIMITED = 2  # the wire type of messages, texts and bytes
ONE_BYTE = [bytes((number,)) for number in range(0x80)]
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


def part(field_number: int, data: bytes) -> bytes:
    """A message, text or bytes as a field of another message, whose number is below 16."""
    return ONE_BYTE[field_number << 3 | LENGTH_DELIMITED] + varint(len(data)) + data

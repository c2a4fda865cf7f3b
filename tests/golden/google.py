"""A note as Google's cameras keep it in XMP: a protocol buffer, compressed, enciphered, in base64."""

from __future__ import annotations

import base64
import struct
import zlib

from tests.support.protobuf import varint

_MASK = (1 << 64) - 1


def encipher(data: bytes) -> bytes:
    """Word by word with the generator's states, written apart from the reader's; ExifTool 13.59 reads the result."""
    state, out = 0x2515606B4A7791CD, bytearray()
    for start in range(0, len(data), 8):
        state = (state ^ state >> 12) & _MASK
        state = (state ^ state << 25) & _MASK
        state = (state ^ state >> 27) * 0x2545F4914F6CDD1D & _MASK
        word = data[start : start + 8].ljust(8, b"\0")
        out += (int.from_bytes(word, "little") ^ state).to_bytes(8, "little")
    return bytes(out[: len(data)])


def record(number: int, value: float | bytes) -> bytes:
    """One record: an integer, a 32-bit real number, or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def note(content: bytes, version: int = 3, level: int = 0) -> bytes:
    """The note around a protocol buffer; level 0 comes out the same from every zlib."""
    deflater = zlib.compressobj(level, wbits=31)
    packed = deflater.compress(content) + deflater.flush()
    packed = packed[:9] + b"\xff" + packed[10:]  # the operating system, which differs by zlib
    return b"HDRP" + bytes((version,)) + encipher(packed)


def content() -> bytes:
    """A record of each kind that has a name."""
    device = b"".join(record(number, f"text {number}".encode()) for number in (1, 2, 3, 4, 5, 6, 7))
    device += record(8, 1_700_000_000_123) + record(9, b"camera") + record(10, b"9.1")
    device += record(12, record(1, 0.5) + record(2, 250.0)) + record(13, record(1, 50.0) + record(2, 800.0))
    return b"".join(
        (
            record(1, record(1, b"payload.dng") + record(2, b"\1\2\3")),
            record(2, b"time log"),
            record(3, b"summary"),
            record(9, record(3, 7) + record(36, record(1, 1_700_000_000))),
            record(12, device + record(14, 444.5)),
        )
    )


def sidecar(data: bytes | None = None) -> bytes:
    """An XMP sidecar with the note."""
    text = base64.b64encode(note(content()) if data is None else data).decode()
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:GCamera="http://ns.google.com/photos/1.0/camera/"'
        f' GCamera:HdrPlusMakernote="{text}"/></rdf:RDF></x:xmpmeta>'
    ).encode()

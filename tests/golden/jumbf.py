"""Stores of content credentials as their specification has them, in every container that holds one.

ISO/IEC 19566-5 (boxes), C2PA specification 2.4 (sections 11.1 and A.3: where each container has the store). Nothing is signed: what is true of a
store, the provenance module's tests say.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING

from tests.golden import images

if TYPE_CHECKING:
    from collections.abc import Callable

TYPE_END = bytes.fromhex("00110010800000aa00389b71")
_C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
PICTURE = b"\xff\xd8\xff\xdb" + bytes(60) + b"\xff\xd9"


def box(kind: bytes, content: bytes) -> bytes:
    """One box."""
    return struct.pack(">I", len(content) + 8) + kind + content


def described(kind: bytes, label: str, *inner: bytes, salt: bytes = b"") -> bytes:
    """A superbox of a type, with a label."""
    private = box(b"c2sh", salt) if salt else b""
    toggles = bytes((3 | (16 if salt else 0),))
    return box(
        b"jumb",
        box(b"jumd", kind + TYPE_END + toggles + label.encode() + b"\0" + private) + b"".join(inner),
    )


def cbor(value: object) -> bytes:
    """The value as CBOR: text, bytes, whole numbers, booleans, None, lists, dicts, and (tag, value)."""
    if value is None or isinstance(value, bool):
        return {None: b"\xf6", True: b"\xf5", False: b"\xf4"}[value]
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(map(cbor, value))
    if isinstance(value, dict):
        return _head(5, len(value)) + b"".join(cbor(key) + cbor(inner) for key, inner in value.items())
    if isinstance(value, tuple):
        return _head(6, value[0]) + cbor(value[1])
    raise TypeError(value)


def _head(major: int, count: int) -> bytes:
    if count < 24:
        return bytes([major << 5 | count])
    width = 0 if count < 256 else 1 if count < 65536 else 2
    return bytes([major << 5 | 24 + width]) + count.to_bytes(1 << width)


def store() -> bytes:
    """A manifest with a claim, assertions in CBOR and JSON, a thumbnail and a signature."""
    actions = {"actions": [{"action": "c2pa.edited", "when": "2026-11-28T10:00:00Z"}], "pad": bytes(100)}
    assertions = described(
        b"c2as",
        "c2pa.assertions",
        described(b"cbor", "c2pa.actions", box(b"cbor", cbor(actions)), salt=bytes(range(16))),
        described(b"json", "stds.exif", box(b"json", json.dumps({"exif:Make": "Maker", "number": 2.5}).encode())),
        described(b"\x40\xcb\x0c\x32", "c2pa.thumbnail.claim.jpeg", box(b"bfdb", b"\0image/jpeg\0"), box(b"bidb", PICTURE)),
    )  # fmt: skip
    claim = described(
        b"c2cl",
        "c2pa.claim",
        box(
            b"cbor",
            cbor(
                {
                    "dc:title": "A picture",
                    "dc:format": "image/jpeg",
                    "alg": "sha256",
                    "hash": bytes(32),
                    "nothing": None,
                }
            ),
        ),
    )
    manifest = described(b"c2ma", "urn:uuid:1", assertions, claim)
    return described(b"c2pa", "c2pa", manifest)


def jpeg(part_bytes: int = 300, *, swapped: bool = False) -> bytes:
    """In APP11, cut into segments."""
    whole = store()
    head = struct.pack("<I", len(whole)) + b"bmuj" if swapped else whole[:8]
    content = whole[8:]
    parts = [content[start : start + part_bytes] for start in range(0, len(content), part_bytes)]
    return images.bare_jpeg(
        [
            (0xEB, b"JP" + struct.pack(">HI", 1, number) + head + part)
            for number, part in enumerate(parts, start=1)
        ]
    )


def png() -> bytes:
    """In the chunk caBX."""
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)), (b"caBX", store()), (b"IDAT", zlib.compress(b"\0\0")), (b"IEND", b""))  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def webp() -> bytes:
    """In the chunk C2PA."""
    extended = b"VP8X" + struct.pack("<I", 10) + bytes(10)
    chunk = b"C2PA" + struct.pack("<I", len(store())) + store() + bytes(len(store()) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(extended + chunk)) + b"WEBP" + extended + chunk


def gif() -> bytes:
    """In an application extension, in blocks of 255 bytes."""
    data = store()
    blocks = b"".join(
        bytes((len(data[at : at + 255]),)) + data[at : at + 255] for at in range(0, len(data), 255)
    )
    return (
        b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0) + b"\x21\xff\x0bC2PA_GIF\x01\0\0" + blocks + b"\0;"
    )


def mp4() -> bytes:
    """In a box of its identifier, for a manifest."""
    content = _C2PA_UUID + bytes(4) + b"manifest\0" + bytes(8) + store()
    return (
        box(b"ftyp", b"isom\0\0\0\0isom")
        + box(b"uuid", content)
        + box(b"moov", box(b"mvhd", bytes(100)))
        + box(b"mdat", b"")
    )


CONTAINERS: dict[str, Callable[[], bytes]] = {
    "credentials.jpg": jpeg,
    "credentials.png": png,
    "credentials.webp": webp,
    "credentials.gif": gif,
    "credentials.mp4": mp4,
}
"""By the name of a file."""

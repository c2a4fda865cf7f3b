"""Samples by other programs (`python -m tests.tools.documents` and `tests.tools.science` make them anew), and RAR archives by their specification."""

from __future__ import annotations

import zlib
from functools import partial
from pathlib import Path
from struct import pack
from typing import TYPE_CHECKING

from tests.support.protobuf import varint

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).parents[1] / "samples/documents"
SCIENCE = Path(__file__).parents[1] / "samples/science"


def _block(body: bytes, data: bytes = b"") -> bytes:
    sized = varint(len(body)) + body
    return pack("<I", zlib.crc32(sized)) + sized + data


def rar5() -> bytes:
    """A stored file with a time, and a link to it."""
    data = b"Night train\n"
    head = _block(varint(1) + varint(0) + varint(0))

    def member(name: bytes, content: bytes, extra: bytes = b"") -> bytes:
        fields = (
            varint(6)
            + varint(len(content))
            + varint(0o100644)
            + pack("<II", 1_700_000_000, zlib.crc32(content))
        )
        fields += varint(0) + varint(1) + varint(len(name)) + name
        flags = 2 | bool(extra)
        body = varint(2) + varint(flags) + (varint(len(extra)) if extra else b"") + varint(len(content))
        return _block(body + fields + extra, content)

    link = varint(5) + varint(1) + varint(0) + varint(8) + b"note.txt"
    parts = member("größe.txt".encode(), data) + member(b"link", b"", varint(len(link)) + link)
    return b"Rar!\x1a\x07\x01\0" + head + parts + _block(varint(5) + varint(0) + varint(0))


def rar4() -> bytes:
    """A stored file, made on Windows (technote.txt)."""
    data, name = b"Night train\n", b"docs\\note.txt"
    stamp = (2023 - 1980) << 25 | 11 << 21 | 14 << 16 | 22 << 11 | 13 << 5 | 10
    fields = (
        pack("<IIBIIBBHI", len(data), len(data), 2, zlib.crc32(data), stamp, 20, 0x30, len(name), 32) + name
    )

    def block(kind: int, flags: int, body: bytes) -> bytes:
        head = pack("<BHH", kind, flags, 7 + len(body)) + body
        return pack("<H", zlib.crc32(head) & 0xFFFF) + head

    parts = block(0x73, 0, bytes(6)) + block(0x74, 0x8000, fields) + data + block(0x7B, 0x4000, b"")
    return b"Rar!\x1a\x07\0" + parts


FOREIGN: dict[str, Callable[[], bytes]] = {
    **{
        path.name: partial(Path.read_bytes, path)
        for folder in (FOLDER, SCIENCE)
        for path in sorted(folder.iterdir())
        if path.suffix != ".rst"
    },
    "five.rar": rar5,
    "four.rar": rar4,
}

"""Raw files and what else has a format of its own beside a known one, byte by byte."""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING

from tests.golden import images
from tests.golden.containers import ico

if TYPE_CHECKING:
    from collections.abc import Callable


def _tiff() -> bytes:
    return images.tiff(images.exif_directories())


def cr2() -> bytes:
    """Canon's mark behind the TIFF header, and the first directory behind that: a copy of the one at the end."""
    mark = b"CR\x02\0" + bytes(4)
    room = bytes(2 + 12 * len(images.exif_directories()[0]) + 4)
    data = images.tiff(images.exif_directories(), pixels=mark + room)
    first = int.from_bytes(data[4:8], "little")
    directory = data[first : first + len(room)]
    return data[:4] + struct.pack("<I", 16) + mark + directory + data[16 + len(room) :]


def orf() -> bytes:
    return b"IIRO" + _tiff()[4:]


def rw2() -> bytes:
    return b"IIU\0" + _tiff()[4:]


def cr3() -> bytes:
    def box(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data) + 8) + kind + data

    main, _ = images.exif_directories()
    canon = box(b"CNCV", b"CanonCR3_001/00.09.00/00.00.00") + box(b"CMT1", images.tiff([main]))
    uuid = box(b"uuid", bytes.fromhex("85c0b687820f11e08111f4ce462b6a48") + canon)
    return box(b"ftyp", b"crx \0\0\0\1crx isom") + box(b"moov", uuid) + box(b"mdat", bytes(32))


def jxl_codestream() -> bytes:
    """640 x 480, in 10 bits each."""
    bits = 0 | 1 << 1 | (480 - 1) << 3 | 0 << 16 | 1 << 19 | (640 - 1) << 21
    return b"\xff\x0a" + bits.to_bytes(8, "little") + bytes(16)


def cur() -> bytes:
    return b"\0\0\x02\0" + ico()[4:]


def _comments(*texts: str) -> bytes:
    packed = b"".join(struct.pack("<I", len(text.encode())) + text.encode() for text in texts)
    return struct.pack("<I", 6) + b"golden" + struct.pack("<I", len(texts)) + packed


def flac() -> bytes:
    """One second of 44.1 kHz, stereo, 16 bit: RFC 9639, 8.2 (STREAMINFO) and 8.6 (Vorbis comment)."""
    stream = struct.pack(">HH3s3s", 4096, 4096, b"\0\0\x0e", b"\0\x10\0")
    stream += (44100 << 44 | 1 << 41 | 15 << 36 | 44100).to_bytes(8, "big") + bytes(16)
    comments = _comments("TITLE=Golden song", "ARTIST=Ada")
    return (
        b"fLaC\0" + len(stream).to_bytes(3, "big") + stream
        + b"\x84" + len(comments).to_bytes(3, "big") + comments + bytes(64)
    )  # fmt: skip


def ogg(start: int = 0) -> bytes:
    """Vorbis: an identification page, a comment page, and a last page at one second (Vorbis I, 4.2)."""

    def page(kind: int, position: int, number: int, data: bytes) -> bytes:
        lacing = bytes([255] * (len(data) // 255) + [len(data) % 255])
        head = b"OggS\0" + struct.pack("<BqIIIB", kind, position, 7, number, 0, len(lacing)) + lacing
        checksum = 0
        for byte in head + data:
            checksum ^= byte << 24
            for _ in range(8):
                checksum = (checksum << 1 ^ (0x04C11DB7 if checksum & 0x80000000 else 0)) & 0xFFFFFFFF
        return head[:22] + struct.pack("<I", checksum) + head[26:] + data

    identity = b"\x01vorbis" + struct.pack("<IBIiiiBB", 0, 2, 44100, 0, 128_000, 0, 0xB8, 1)
    comments = b"\x03vorbis" + _comments("TITLE=Golden song", "ARTIST=Ada") + b"\x01"
    return (
        page(2, 0, 0, identity)
        + page(0, 0, 1, comments)
        + page(0, start + 1024, 2, bytes(40))
        + page(4, start + 44100, 3, bytes(40))
    )


def _made(kind: str, seed: int = 0) -> Callable[[], bytes]:
    """Of those that `made_raws` makes with every tag; made when asked for, since it needs the tag tables."""

    def make() -> bytes:
        from tests.golden import made_raws

        return made_raws.KINDS[kind](random.Random(f"{kind} {seed}"))

    return make


RAWS = {
    "minolta.mrw": _made("mrw"), "foveon.x3f": _made("x3f"), "heaps.jpg": _made("ciff.jpg"), "own-tags.rw2": _made("rw2"), "directories.raf": _made("raf"),
    "canon.cr2": cr2, "olympus.orf": orf, "panasonic.rw2": rw2, "canon.cr3": cr3, "bare.jxl": jxl_codestream, "hotspot.cur": cur,
    "song.flac": flac, "song.ogg": ogg,
}  # fmt: skip

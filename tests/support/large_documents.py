"""Documents of sizes that users have and tests can't commit, sparse on the disk: written by their specifications."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_STAMP = 0x58210000  # 2024-01-01, as MS-DOS packs it


def write_zip(path: Path, members: int, size_bytes: int = 0) -> None:
    """A ZIP64 archive of stored members, each of `size_bytes` that nobody wrote (APPNOTE 4.3)."""
    with path.open("wb") as file:
        directory = bytearray()
        for number in range(members):
            name, at = b"f%07d" % number, file.tell()
            extra = struct.pack("<HHQQ", 1, 16, size_bytes, size_bytes)
            sizes = (0xFFFFFFFF, 0xFFFFFFFF) if size_bytes else (0, 0)
            extra = extra if size_bytes else b""
            file.write(
                struct.pack("<4sHHHIIIIHH", b"PK\3\4", 45, 0, 0, _STAMP, 0, *sizes, len(name), len(extra))
                + name
                + extra
            )
            if size_bytes:
                file.seek(size_bytes, 1)
            place = 0xFFFFFFFF if at > 0xFFFFFFFE else at
            central = extra + (struct.pack("<Q", at) if place != at else b"")
            if central:
                central = struct.pack("<HH", 1, len(central) - (4 if extra else 0)) + (
                    central[4:] if extra else central
                )
            directory += (
                struct.pack(
                    "<4sBBHHHIIIIHHHHHII",
                    b"PK\1\2",
                    45,
                    3,
                    45,
                    0,
                    0,
                    _STAMP,
                    0,
                    *sizes,
                    len(name),
                    len(central),
                    0,
                    0,
                    0,
                    0,
                    place,
                )
                + name
                + central
            )
        at = file.tell()
        file.write(directory)
        file.write(
            struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, members, members, len(directory), at)
        )
        file.write(struct.pack("<4sIQI", b"PK\6\7", 0, at + len(directory), 1))
        file.write(struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0))


def write_tar(path: Path, members: int, size_bytes: int = 0) -> None:
    """A POSIX archive; all its members have the same length (pax, "ustar Interchange Format")."""
    with path.open("wb") as file:
        for number in range(members):
            file.write(_tar_header(b"f%07d" % number, size_bytes))
            if size_bytes:
                file.seek(-(-size_bytes // 512) * 512, 1)
        file.write(bytes(1024))


def _tar_header(name: bytes, size_bytes: int) -> bytes:
    header = bytearray(512)
    header[: len(name)] = name
    header[100:148] = b"0000644\0" + b"0001750\0" * 2 + b"%011o\0" % size_bytes + b"14530000000\0"
    header[148:157] = b" " * 8 + b"0"
    header[257:265] = b"ustar\x0000"
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def write_pdf(path: Path, objects: int, size_bytes: int) -> None:
    """Two pages, information, so many other objects, and a stream of `size_bytes` (ISO 32000-2, 7.5)."""
    bodies = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R 4 0 R]/Count 2/MediaBox[0 0 595 842]>>",
        b"<</Type/Page/Parent 2 0 R>>",
        b"<</Type/Page/Parent 2 0 R/Rotate 90>>",
        b"<</Title(Large)/CreationDate(D:20240506070809Z)>>",
    ]
    with path.open("wb") as file:
        file.write(b"%PDF-1.7\n")
        offsets = []
        for number in range(objects):
            offsets.append(file.tell())
            body = bodies[number] if number < len(bodies) else b"<</X %d>>" % number
            file.write(b"%d 0 obj\n%s\nendobj\n" % (number + 1, body))
        offsets.append(file.tell())
        file.write(b"%d 0 obj\n<</Length %d>>\nstream\n" % (objects + 1, size_bytes))
        file.seek(size_bytes, 1)
        file.write(b"\nendstream\nendobj\n")
        at = file.tell()
        file.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(offsets) + 1))
        file.write(b"".join(b"%010d 00000 n \n" % each for each in offsets))
        file.write(
            b"trailer\n<</Size %d/Root 1 0 R/Info 5 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(offsets) + 1, at)
        )


def write_mailbox(path: Path, size_bytes: int) -> None:
    """20,000 short mails, and zeros behind them (RFC 4155)."""
    mail = (
        b"From ada@example.org Sat Jan  3 01:05:34 2015\nFrom: Ada <ada@example.org>\nSubject: Hi\n\n"
        + b"x" * 70
        + b"\n\n"
    )
    with path.open("wb") as file:
        file.write(mail * 20_000)
        file.truncate(size_bytes)


def write_7z(path: Path, size_bytes: int) -> None:
    """One stored file and its database, unpacked (7zFormat.txt)."""
    name = "disk.img".encode("utf-16-le") + b"\0\0"
    size = b"\xff" + size_bytes.to_bytes(8, "little")
    database = (
        b"\1\4\6\0\1\x09"
        + size
        + b"\0\7\x0b\1\0\1\1\0\x0c"
        + size
        + b"\0\0\5\1\x11"
        + bytes((len(name) + 1, 0))
        + name
        + b"\0\0"
    )
    start = struct.pack("<QQI", size_bytes, len(database), zlib.crc32(database))
    with path.open("wb") as file:
        file.write(b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<I", zlib.crc32(start)) + start)
        file.seek(size_bytes, 1)
        file.write(database)

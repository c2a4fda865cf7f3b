"""MP3, MP4, WAV and PDF samples."""

from __future__ import annotations

import io
import struct


def mp3() -> bytes:
    """ID3v2.3 tags and 40 silent frames of MPEG 1 layer III, 128 kbit/s, 44.1 kHz."""

    def frame(identity: bytes, text: str) -> bytes:
        data = b"\x03" + text.encode()
        return identity + struct.pack(">IH", len(data), 0) + data

    frames = (
        frame(b"TIT2", "Golden song")
        + frame(b"TPE1", "Ada")
        + frame(b"TALB", "First")
        + frame(b"TRCK", "1/9")
    )
    size = len(frames)
    synchsafe = bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))
    audio = (b"\xff\xfb\x90\x64" + bytes(413)) * 40
    return b"ID3\x03\0\0" + synchsafe + frames + audio


def mp4(*, payload: bytes = b"\0" * 64) -> bytes:
    """A movie of 2.5 s, one video track of 320 x 240, with the index behind the data."""

    def box(kind: bytes, *parts: bytes) -> bytes:
        data = b"".join(parts)
        return struct.pack(">I", len(data) + 8) + kind + data

    matrix = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    created = 3_792_000_000  # 2024-02-28 21:20:00 UTC
    mvhd = box(
        b"mvhd",
        struct.pack(">IIIII", 0, created, created, 1000, 2500),
        struct.pack(">IHH8x", 0x10000, 0x100, 0),
        matrix,
        bytes(24),
        struct.pack(">I", 2),
    )
    tkhd = box(
        b"tkhd",
        struct.pack(">IIII4xI8x", 3, created, created, 1, 2500),
        struct.pack(">HHHH", 0, 0, 0, 0),
        matrix,
        struct.pack(">II", 320 << 16, 240 << 16),
    )
    mdhd = box(b"mdhd", struct.pack(">IIIIIHH", 0, created, created, 1000, 2500, 0x55C4, 0))
    hdlr = box(b"hdlr", struct.pack(">II4s12x", 0, 0, b"vide"), b"VideoHandler\0")
    moov = box(b"moov", mvhd, box(b"trak", tkhd, box(b"mdia", mdhd, hdlr)))
    return box(b"ftyp", b"isom", struct.pack(">I", 512), b"isomiso2") + box(b"mdat", payload) + moov


def wav() -> bytes:
    """Half a second of silence, 8 kHz, 16 bit, mono."""
    data = bytes(8000)
    fmt = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    info = b"INFOINAM" + struct.pack("<I", 8) + b"Silence\0"
    body = b"WAVEfmt " + struct.pack("<I", 16) + fmt + b"LIST" + struct.pack("<I", len(info)) + info
    body += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def pdf() -> bytes:
    """Two empty pages with document information."""
    import pikepdf

    buffer = io.BytesIO()
    with pikepdf.new() as document:
        document.add_blank_page(page_size=(300, 400))
        document.add_blank_page(page_size=(300, 400))
        document.docinfo["/Title"] = "Golden document"
        document.docinfo["/Author"] = "Ada"
        document.docinfo["/Producer"] = "generator"
        document.docinfo["/CreationDate"] = "D:20240229010203+11'00'"
        document.Root.Lang = pikepdf.String("en")
        document.save(buffer, static_id=True, deterministic_id=False)
    return buffer.getvalue()

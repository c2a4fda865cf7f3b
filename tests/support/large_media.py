"""Sparse films and sounds of any size, whose headers are real: a fragmented MP4, a Matroska file without an index, RF64."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from tests.golden import films

if TYPE_CHECKING:
    from pathlib import Path

_TICKS = 1000  # a second


def _box(kind: bytes, *parts: bytes) -> bytes:
    data = b"".join(parts)
    return struct.pack(">I", len(data) + 8) + kind + data


def write_fragmented(path: Path, seconds: int, size_bytes: int, *, index: bool = False) -> None:
    """Fragments of two seconds at 25 pictures a second, no duration in the header; with `index`, where they begin (mfra)."""
    fragments, samples = seconds // 2, 50
    matrix = struct.pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    mvhd = _box(b"mvhd", bytes(12), struct.pack(">IIIH", _TICKS, 0, 1 << 16, 1 << 8), bytes(10), matrix, bytes(24), struct.pack(">I", 2))  # fmt: skip
    size = struct.pack(">II", 1280 << 16, 720 << 16)
    tkhd = _box(b"tkhd", struct.pack(">I", 3), bytes(8), struct.pack(">II", 1, 0), bytes(20), matrix, size)
    mdhd = _box(b"mdhd", bytes(12), struct.pack(">IIHH", _TICKS, 0, 0x55C4, 0))
    hdlr = _box(b"hdlr", bytes(8), b"vide", bytes(12), b"Video\0")
    picture = struct.pack(">HHII", 1280, 720, 72 << 16, 72 << 16) + struct.pack(">IH32sHh", 0, 1, b"", 24, -1)
    avc1 = _box(b"avc1", bytes(6), struct.pack(">H", 1), bytes(16), picture)
    empty = [_box(kind, bytes(8)) for kind in (b"stts", b"stsc", b"stco")]
    stbl = _box(b"stbl", _box(b"stsd", struct.pack(">II", 0, 1), avc1), *empty, _box(b"stsz", bytes(12)))
    minf = _box(b"minf", _box(b"vmhd", bytes(12)), stbl)
    trak = _box(b"trak", tkhd, _box(b"mdia", mdhd, hdlr, minf))
    mvex = _box(b"mvex", _box(b"trex", struct.pack(">6I", 0, 1, 1, 2 * _TICKS // samples, 0, 0)))
    starts = []
    with path.open("wb") as file:
        file.write(_box(b"ftyp", b"iso6", struct.pack(">I", 0), b"iso6mp41"))
        file.write(_box(b"moov", mvhd, trak, mvex))
        for number in range(fragments):
            starts.append(file.tell())
            at = struct.pack(">IQ", 1 << 24, number * 2 * _TICKS)
            sizes = struct.pack(f">{samples}I", *([1000] * samples))
            trun = _box(b"trun", struct.pack(">III", 0x201, samples, 0), sizes)
            traf = _box(b"traf", _box(b"tfhd", struct.pack(">II", 0x20000, 1)), _box(b"tfdt", at), trun)
            file.write(_box(b"moof", _box(b"mfhd", struct.pack(">II", 0, number + 1)), traf))
            length = size_bytes // fragments
            file.write(struct.pack(">I4s", length, b"mdat"))
            file.seek(length - 8, 1)
        if index:
            entries = b"".join(
                struct.pack(">QQ3B", at * 2 * _TICKS, start, 1, 1, 1) for at, start in enumerate(starts)
            )
            tfra = _box(b"tfra", struct.pack(">IIII", 1 << 24, 1, 0, len(starts)), entries)
            file.write(_box(b"mfra", tfra, _box(b"mfro", struct.pack(">II", 0, len(tfra) + 24))))
        else:
            file.truncate(file.tell())


def write_matroska(path: Path, seconds: int, size_bytes: int, *, duration: bool, start: int = 0) -> None:
    """Clusters of five seconds behind the headers of a small film, without Cues; the duration stands in Info, or nowhere."""
    whole = films.matroska()
    end = whole.index(b"\x1f\x43\xb6\x75")  # the first Cluster
    head = whole[:end]
    seek = head.index(b"\x11\x4d\x9b\x74\x01")  # points at what isn't there any more: Void
    length = int.from_bytes(head[seek + 5 : seek + 12]) + 3
    head = head[:seek] + b"\xec\x01" + length.to_bytes(7) + head[seek + 9 :]
    if not duration:
        head = head.replace(b"\x44\x89", b"\xec\x90", 1)
    segment = head.index(b"\x18\x53\x80\x67") + 4
    clusters = seconds // 5
    with path.open("wb") as file:
        # The Segment's size is unknown, as in a file that was written live.
        file.write(head[:segment] + b"\x01\xff\xff\xff\xff\xff\xff\xff" + head[segment + 8 :])
        for number in range(clusters):
            time = struct.pack(">BBI", 0xE7, 0x84, (start + 5 * number) * 1000)
            block = b"\xa3" + b"\x01" + (size_bytes // clusters).to_bytes(7) + b"\x81\x00\x00\x80"
            body = len(time) + len(block) - 4 + size_bytes // clusters
            file.write(b"\x1f\x43\xb6\x75\x01" + body.to_bytes(7) + time + block)
            file.seek(size_bytes // clusters - 4, 1)
        file.truncate(file.tell())


def write_rf64(path: Path, size_bytes: int) -> None:
    """48 kHz, 24 bit, stereo; titles behind the sound."""
    frames = size_bytes // 6
    title = b"Long take\0"
    info = b"INFOINAM" + struct.pack("<I", len(title)) + title
    with path.open("wb") as file:
        file.write(
            b"RF64\xff\xff\xff\xffWAVEds64"
            + struct.pack("<IQQQI", 28, frames * 6 + 100, frames * 6, frames, 0)
        )
        file.write(b"fmt " + struct.pack("<IHHIIHH", 16, 1, 2, 48000, 288000, 6, 24))
        file.write(b"data\xff\xff\xff\xff")
        file.seek(frames * 6, 1)
        file.write(b"LIST" + struct.pack("<I", len(info)) + info)

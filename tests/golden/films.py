"""Films by the specifications that the readers cite: headers, tags, and hardly any pictures."""

from __future__ import annotations

import uuid
from struct import pack

from tests.golden.sounds import FORMAT, chunk


def element(identity: int, *parts: bytes) -> bytes:
    """An element of EBML; its length in eight bytes."""
    data = b"".join(parts)
    return identity.to_bytes((identity.bit_length() + 7) // 8) + b"\x01" + len(data).to_bytes(7) + data


def _number(identity: int, value: int) -> bytes:
    return element(identity, value.to_bytes(max(1, (value.bit_length() + 7) // 8)))


def matroska(doc_type: bytes = b"matroska") -> bytes:
    """Two and a half seconds of H.264 and Opus, with a chapter, an attached picture and tags behind the cluster."""
    header = element(0x1A45DFA3, element(0x4282, doc_type), _number(0x4287, 4), _number(0x4285, 2))
    info = element(
        0x1549A966, _number(0x2AD7B1, 1_000_000), element(0x4489, pack(">d", 2500)), element(0x7BA9, b"Golden film"),
        element(0x4461, pack(">q", 730_000_000 * 10**9)), element(0x4D80, b"by hand"), element(0x5741, b"by hand"),
    )  # fmt: skip
    picture = element(
        0xE0, _number(0xB0, 640), _number(0xBA, 360), _number(0x54B0, 854), _number(0x54BA, 360)
    )
    configuration = element(0x63A2, bytes((1, 100, 0, 31, 255, 224, 0)))
    video = element(
        0xAE, _number(0xD7, 1), _number(0x73C5, 11), _number(0x83, 1), element(0x86, b"V_MPEG4/ISO/AVC"), configuration,
        _number(0x23E383, 40_000_000), picture,
    )  # fmt: skip
    sound = element(0xE1, element(0xB5, pack(">f", 48000)), _number(0x9F, 2))
    audio = element(
        0xAE,
        _number(0xD7, 2),
        _number(0x73C5, 12),
        _number(0x83, 2),
        element(0x22B59C, b"fre"),
        element(0x86, b"A_OPUS"),
        sound,
    )
    tracks = element(0x1654AE6B, video, audio)
    atom = element(
        0xB6,
        _number(0x73C4, 1),
        _number(0x91, 0),
        _number(0x92, 10**9),
        element(0x80, element(0x85, b"One"), element(0x437C, b"eng")),
    )
    chapters = element(0x1043A770, element(0x45B9, atom))
    attached = element(
        0x61A7,
        element(0x466E, b"cover.jpg"),
        element(0x4660, b"image/jpeg"),
        element(0x465C, bytes(20)),
        _number(0x46AE, 7),
    )
    attachments = element(0x1941A469, attached)
    simple = element(0x67C8, element(0x45A3, b"ARTIST"), element(0x4487, b"Ada"))
    about = element(
        0x7373,
        element(0x63C0, _number(0x63C5, 12)),
        element(0x67C8, element(0x45A3, b"BPS"), element(0x4487, b"64000")),
    )
    tags = element(0x1254C367, element(0x7373, element(0x63C0), simple), about)
    cluster = element(0x1F43B675, _number(0xE7, 0), element(0xA3, b"\x81\0\0\x80" + bytes(64)))

    def seek(identity: int, position: int) -> bytes:
        return element(0x4DBB, element(0x53AB, identity.to_bytes(4)), element(0x53AC, position.to_bytes(8)))

    before = info + tracks + chapters
    size = len(element(0x114D9B74, seek(0x1254C367, 0), seek(0x1941A469, 0)))
    at = size + len(before) + len(cluster)
    head = element(0x114D9B74, seek(0x1254C367, at + len(attachments)), seek(0x1941A469, at))
    return header + element(0x18538067, head, before, cluster, attachments, tags)


def avi() -> bytes:
    """Two seconds of pictures and sound, with a name and a camera's date."""
    header = pack("<14I", 40_000, 200_000, 0, 0x10, 50, 0, 2, 0, 320, 240, 0, 0, 0, 0)
    video = b"vidsH264" + pack("<IHHIIIIIIII4H", 0, 0, 0, 0, 1, 25, 0, 50, 0, 0xFFFFFFFF, 0, 0, 0, 320, 240)
    bitmap = pack("<IiiHH4sIiiII", 40, 320, 240, 1, 24, b"H264", 0, 0, 0, 0, 0)
    audio = b"auds\0\0\0\0" + pack(
        "<IHHIIIIIIII4H", 0, 0, 0, 0, 1, 48_000, 0, 96_000, 0, 0xFFFFFFFF, 4, 0, 0, 0, 0
    )
    streams = chunk(
        b"LIST", b"strl" + chunk(b"strh", video) + chunk(b"strf", bitmap) + chunk(b"strn", b"Pictures\0")
    )
    streams += chunk(b"LIST", b"strl" + chunk(b"strh", audio) + chunk(b"strf", FORMAT))
    dated = chunk(b"IDIT", b"Sat Mar 04 05:06:07 2023\n\0")
    body = b"AVI " + chunk(b"LIST", b"hdrl" + chunk(b"avih", header) + streams + dated)
    body += chunk(b"LIST", b"INFO" + chunk(b"INAM", b"Golden film\0") + chunk(b"ISFT", b"by hand\0"))
    body += chunk(b"LIST", b"movi" + chunk(b"00dc", bytes(64)))
    return chunk(b"RIFF", body)


def _object(name: str, data: bytes) -> bytes:
    return uuid.UUID(name).bytes_le + pack("<Q", 24 + len(data)) + data


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-le") + b"\0\0"


def asf() -> bytes:
    """Three seconds of WMV and WMA, with descriptions of both kinds."""
    sent = uuid.UUID("75B22636-668E-11CF-A6D9-00AA0062CE6C")
    properties = pack(
        "<16sQQQQQQIIII",
        sent.bytes_le,
        5000,
        133_224_000_000_000_000,
        10,
        40_000_000,
        30_000_000,
        1000,
        2,
        1400,
        1400,
        128_000,
    )
    texts = [_utf16("Golden film"), _utf16("Ada"), _utf16("2023"), _utf16(""), _utf16("")]
    words = pack("<5H", *map(len, texts)) + b"".join(texts)
    name, value = _utf16("WM/AlbumTitle"), _utf16("First")
    number = _utf16("IsVBR")
    more = pack("<HH", 2, len(name)) + name + pack("<HH", 0, len(value)) + value
    more += pack("<H", len(number)) + number + pack("<HHI", 2, 4, 1)
    none = uuid.UUID("20FB5700-5B55-11CF-A8FD-00805F5C442B").bytes_le
    bitmap = pack("<IiiHH4sIiiII", 40, 320, 240, 1, 24, b"WMV2", 0, 0, 0, 0, 0)
    picture = pack("<IIBH", 320, 240, 2, len(bitmap)) + bitmap
    video = (
        uuid.UUID("BC19EFC0-5B4D-11CF-A8FD-00805F5C442B").bytes_le
        + none
        + pack("<QIIHI", 0, len(picture), 0, 1, 0)
        + picture
    )
    sound = pack("<HHIIHHH", 0x161, 2, 44_100, 8000, 4, 16, 0)
    audio = (
        uuid.UUID("F8699E40-5B4D-11CF-A8FD-00805F5C442B").bytes_le
        + none
        + pack("<QIIHI", 0, len(sound), 0, 2, 0)
        + sound
    )
    objects = [
        _object("8CABDCA1-A947-11CF-8EE4-00C00C205365", properties), _object("75B22633-668E-11CF-A6D9-00AA0062CE6C", words),
        _object("D2D0A440-E307-11D2-97F0-00A0C95EA850", more), _object("B7DC0791-A9B7-11CF-8EE6-00C00C205365", video),
        _object("B7DC0791-A9B7-11CF-8EE6-00C00C205365", audio),
    ]  # fmt: skip
    header = pack("<IBB", len(objects), 1, 2) + b"".join(objects)
    return _object("75B22630-668E-11CF-A6D9-00AA0062CE6C", header) + _object(
        "75B22636-668E-11CF-A6D9-00AA0062CE6C", bytes(64)
    )


def flv() -> bytes:
    """Metadata, a picture of H.264 and a sound of AAC."""

    def text(value: str) -> bytes:
        return pack(">H", len(value)) + value.encode()

    values = {"duration": 1.5, "width": 320.0, "height": 240.0, "framerate": 25.0, "videocodecid": 7.0}
    script = b"\x02" + text("onMetaData") + b"\x08" + pack(">I", len(values) + 1)
    script += b"".join(text(key) + b"\0" + pack(">d", value) for key, value in values.items())
    script += text("title") + b"\x02" + text("Golden film") + b"\0\0\x09"

    def packet(kind: int, data: bytes) -> bytes:
        return pack(">I", kind << 24 | len(data)) + bytes(7) + data + pack(">I", 11 + len(data))

    picture = b"\x17\0\0\0\0" + bytes((1, 100, 0, 31, 255, 224, 0)) + bytes(8)
    return (
        b"FLV\1\5"
        + pack(">II", 9, 0)
        + packet(18, script)
        + packet(9, picture)
        + packet(8, b"\xaf\0\x12\x10")
        + packet(9, b"\x27\1" + bytes(30))
    )


_SEQUENCE = b"\0\0\1\xb3" + pack(">I", 352 << 20 | 288 << 8 | 0x33) + pack(">I", 2000 << 14 | 0x2000)
_EXTENSION = b"\0\0\1\xb5" + bytes.fromhex("148a00010000")
_SOUND = (b"\xff\xfd\x84\x04" + bytes(380)) * 3  # layer II, 128 kbit/s at 48 kHz


def _time(ticks: int) -> bytes:
    ticks %= 1 << 33
    return bytes(
        (
            0x21 | ticks >> 29 & 0xE,
            ticks >> 22 & 0xFF,
            ticks >> 14 & 0xFE | 1,
            ticks >> 7 & 0xFF,
            ticks << 1 & 0xFE | 1,
        )
    )


def _packet(identity: int, ticks: int, data: bytes) -> bytes:
    head = b"\x80\x80\x05" + _time(ticks)
    return b"\0\0\1" + bytes((identity,)) + pack(">H", len(head) + len(data)) + head + data


def program(start: int = 90_000) -> bytes:
    """Pictures and sound of two seconds, from that time on, in 90 kHz."""
    pack_head = b"\0\0\1\xba" + bytes.fromhex("44000400040101898ff8")
    first = _packet(0xE0, start, _SEQUENCE + _EXTENSION + bytes(64)) + _packet(0xC0, start, _SOUND)
    last = _packet(0xE0, start + 180_000 - 3600, b"\0\0\1\0" + bytes(32))
    last += _packet(0xC0, start + 170_000, _SOUND)
    return pack_head + first + pack_head + last + b"\0\0\1\xb9"


def transport(start: int = 90_000) -> bytes:
    """The same two streams in packets of 188 bytes, with the tables that name them."""

    def packets(identity: int, data: bytes, clock: int | None = None) -> bytes:
        made, begins = b"", True
        while data or begins:
            field = b""
            if clock is not None and begins:
                field = b"\x10" + ((clock << 15) | 0x7E00).to_bytes(6)
            room = 184 - (len(field) + 1 if field else 0)
            part, data = data[:room], data[room:]
            if len(part) < room:
                missing = room - len(part)
                field = (field or (b"\0" if missing > 1 else b"")) + b"\xff" * (
                    missing - (0 if field else min(2, missing))
                )
                has_field = True
            else:
                has_field = bool(field)
            flags = 0x10 | (0x20 if has_field else 0)
            made += b"\x47" + pack(">H", (0x4000 if begins else 0) | identity) + bytes((flags,))
            made += (bytes((len(field),)) + field if has_field else b"") + part
            begins = False
        return made

    def table(kind: int, number: int, data: bytes) -> bytes:
        body = pack(">HBBB", number, 0xC1, 0, 0) + data
        return b"\0" + bytes((kind,)) + pack(">H", 0xB000 | len(body) + 4) + body + bytes(4)

    programs = table(0, 1, pack(">HH", 1, 0xE100))
    language = b"\x0a\x04fra\0"
    streams = pack(">BHH", 2, 0xE101, 0xF000) + pack(">BHH", 3, 0xE102, 0xF000 | len(language)) + language
    program_map = table(2, 1, pack(">HH", 0xE101, 0xF000) + streams)
    first = packets(0x101, _packet(0xE0, start, _SEQUENCE + _EXTENSION + bytes(64)), 90_000) + packets(
        0x102, _packet(0xC0, start, _SOUND)
    )
    last = packets(0x101, _packet(0xE0, start + 176_400, b"\0\0\1\0" + bytes(32)), 270_000) + packets(
        0x102, _packet(0xC0, start + 170_000, _SOUND)
    )
    return packets(0, programs) + packets(0x100, program_map) + first + last


FILMS = {
    "chapters.mkv": matroska, "camera.avi": avi, "words.asf": asf, "script.flv": flv, "two-streams.mpg": program, "two-streams.ts": transport,
}  # fmt: skip

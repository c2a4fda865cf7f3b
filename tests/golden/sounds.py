"""Sound by the specifications that the readers cite: small, silent, with a text where the format has any."""

from __future__ import annotations

from struct import pack

from tests.golden import media


def _padded(data: bytes) -> bytes:
    return data + bytes(len(data) % 2)


def chunk(kind: bytes, data: bytes, *, big_endian: bool = False) -> bytes:
    """A chunk of RIFF or IFF."""
    return kind + pack(">I" if big_endian else "<I", len(data)) + _padded(data)


FORMAT = pack("<HHIIHH", 1, 2, 48000, 192000, 4, 16)


def rf64() -> bytes:
    """A quarter of a second in a file whose lengths stand in 64 bits (EBU Tech 3306)."""
    data = bytes(48_000)
    body = b"WAVE" + chunk(b"ds64", pack("<QQQI", 0, len(data), 12000, 0)) + chunk(b"fmt ", FORMAT)
    text = b"Night train".ljust(256, b"\0") + b"Recorder".ljust(32, b"\0") + b"REF1".ljust(32, b"\0")
    bext = text + b"2023-03-0405:06:07" + pack("<IIH", 9600, 0, 1) + bytes(64 + 190) + b"A=PCM\r\n"
    return b"RF64\xff\xff\xff\xff" + body + chunk(b"bext", bext) + b"data\xff\xff\xff\xff" + data


def w64() -> bytes:
    """A quarter of a second of Sony's Wave64."""
    tail = bytes.fromhex("f3acd3118cd100c04f8edb8a")
    data = bytes(48_000)
    form = b"fmt " + tail + pack("<Q", 24 + 16) + FORMAT
    sound = b"data" + tail + pack("<Q", 24 + len(data)) + data
    head = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")
    return head + pack("<Q", 40 + len(form) + len(sound)) + b"wave" + tail + form + sound


def aiff(*, is_compressed: bool = False) -> bytes:
    """A second at 8 kHz, with name, annotation and a comment."""
    rate = pack(">HQ", 16383 + 12, 8000 << 51)  # 80 bits: the mantissa's first bit is written
    common = pack(">HIH", 1, 8000, 16) + rate
    if is_compressed:
        common += b"sowt" + b"\x0cLittle endian"[:13]
    parts = chunk(b"COMM", common, big_endian=True) + chunk(b"NAME", b"Quiet", big_endian=True)
    parts += chunk(b"ANNO", b"made by hand", big_endian=True)
    parts += chunk(b"COMT", pack(">HIHH", 1, 3_792_000_000, 0, 4) + b"Note", big_endian=True)
    parts += chunk(b"SSND", bytes(8 + 16000), big_endian=True)
    form = (b"AIFC" if is_compressed else b"AIFF") + parts
    return b"FORM" + pack(">I", len(form)) + form


def caf() -> bytes:
    """A quarter of a second at 44.1 kHz, with a title."""
    info = pack(">I", 1) + b"title\0Quiet\0"
    parts = b"desc" + pack(">q", 32) + pack(">d4sIIIII", 44100, b"lpcm", 2, 4, 1, 2, 16)
    parts += b"info" + pack(">q", len(info)) + info + b"data" + pack(">q", 4 + 44_100) + bytes(4 + 44_100)
    return b"caff\0\1\0\0" + parts


def aac() -> bytes:
    """Forty frames of 1,024 samples, two channels at 44.1 kHz."""
    length = 64
    head = bytes((0xFF, 0xF1, 0x50, 0x80 | length >> 11, length >> 3 & 0xFF, (length & 7) << 5 | 0x1F, 0xFC))
    return (head + bytes(length - 7)) * 40


def loas() -> bytes:
    """Forty frames of 1,024 samples, two channels at 48 kHz, each with its configuration (ISO/IEC 14496-3, 1.7)."""
    element = bytes((0x20, 0x00, 0x11, 0x90)) + bytes(56)
    return (bytes((0x56, 0xE0 | len(element) >> 8, len(element) & 0xFF)) + element) * 40


def amr() -> bytes:
    """Fifty frames of speech at 12.2 kbit/s: a second."""
    return b"#!AMR\n" + (b"\x3c" + bytes(31)) * 50


def amr_wide() -> bytes:
    """Fifty frames of 16 kHz at 6.6 kbit/s."""
    return b"#!AMR-WB\n" + (b"\x04" + bytes(17)) * 50


def dsf() -> bytes:
    """A twentieth of a second at 2.8 MHz, with an ID3 tag behind it."""
    song = media.mp3()
    tag = song[: 10 + sum(byte << 7 * (3 - at) for at, byte in enumerate(song[6:10]))]
    sound = bytes(35_280)
    form = b"fmt " + pack("<QIIIIIIQII", 52, 1, 0, 2, 2, 2_822_400, 1, 141_120, 4096, 0)
    data = b"data" + pack("<Q", 12 + len(sound)) + sound
    at = 28 + len(form) + len(data)
    return b"DSD " + pack("<QQQ", 28, at + len(tag), at) + form + data + tag


def dff() -> bytes:
    """The same in Philips' container, with artist and title."""

    def long_chunk(kind: bytes, data: bytes) -> bytes:
        return kind + pack(">Q", len(data)) + _padded(data)

    properties = b"SND " + long_chunk(b"FS  ", pack(">I", 2_822_400))
    properties += long_chunk(b"CHNL", pack(">H", 2) + b"SLFTSRGT") + long_chunk(
        b"CMPR", b"DSD \x0enot compressed"
    )
    words = long_chunk(b"DIAR", pack(">I", 3) + b"Ada") + long_chunk(b"DITI", pack(">I", 5) + b"Quiet")
    parts = long_chunk(b"FVER", pack(">I", 0x01050000)) + long_chunk(b"PROP", properties)
    parts += long_chunk(b"DIIN", words) + long_chunk(b"DSD ", bytes(35_280))
    return b"FRM8" + pack(">Q", 4 + len(parts)) + b"DSD " + parts


def ape_tag(*items: tuple[str, str]) -> bytes:
    """An APEv2 tag with a footer alone."""
    body = b"".join(
        pack("<II", len(text.encode()), 0) + key.encode() + b"\0" + text.encode() for key, text in items
    )
    return body + b"APETAGEX" + pack("<IIII8x", 2000, len(body) + 32, len(items), 0)


def ape() -> bytes:
    """Four seconds by the header, with a tag behind it."""
    descriptor = b"MAC " + pack("<HHIIIIIII", 3990, 0, 52, 24, 0, 0, 0, 0, 0) + bytes(16)
    header = pack("<HHIIIHHI", 2000, 0, 73728, 29_184, 3, 16, 2, 44_100)
    return descriptor + header + bytes(400) + ape_tag(("Title", "Quiet"), ("Artist", "Ada"), ("Year", "2021"))


def wavpack() -> bytes:
    """A second at 44.1 kHz in one block."""
    flags = 1 | 9 << 23 | 0x800 | 0x1000  # two bytes a sample, stereo, first and last of the group
    return b"wvpk" + pack("<IHBBIIIII", 24 + 200, 0x410, 0, 0, 44_100, 0, 44_100, flags, 0) + bytes(200)


def musepack() -> bytes:
    """A hundred frames of stream version 7, with a tag behind it."""
    head = (
        b"MP+\x07"
        + pack("<I", 100)
        + pack("<I", 10 << 20 | 28 << 24)
        + bytes(8)
        + pack("<I", 1152 << 20)
        + bytes(4)
    )
    return head + bytes(200) + ape_tag(("Title", "Quiet"), ("Track", "3/9"))


def tta() -> bytes:
    """A second of True Audio."""
    return b"TTA1" + pack("<HHHIII", 1, 2, 16, 44_100, 44_100, 0) + bytes(200)


def midi() -> bytes:
    """Four quarter notes, the last two at half the speed: 0.5 + 0.5 + 1 + 1 seconds."""
    events = b"\0\xff\x03\x04Tune\0\xff\x58\x04\x03\x02\x18\x08\0\xff\x59\x02\xfe\x00"
    events += b"\0\x90\x40\x40\x83\x40\x80\x40\x00\xff\x51\x03\x0f\x42\x40\x83\x40\xff\x2f\x00"
    events = events.replace(b"\x80\x40\x00\xff", b"\x80\x40\x00\x00\xff")
    track = b"MTrk" + pack(">I", len(events)) + events
    return b"MThd" + pack(">IHHH", 6, 0, 1, 240) + track


def au() -> bytes:
    """A second of µ-law at 8 kHz, with a note."""
    return b".snd" + pack(">5I", 32, 8000, 1, 8000, 1) + b"Quiet\0\0\0" + bytes(8000)


SOUNDS = {
    "long.rf64": rf64, "sony.w64": w64, "quiet.aiff": aiff, "quiet.aifc": lambda: aiff(is_compressed=True), "quiet.caf": caf,
    "frames.aac": aac, "sound.loas": loas, "speech.amr": amr, "speech.awb": amr_wide, "bits.dsf": dsf, "bits.dff": dff, "quiet.ape": ape,
    "quiet.wv": wavpack, "quiet.mpc": musepack, "quiet.tta": tta, "tune.mid": midi, "quiet.au": au,
}  # fmt: skip

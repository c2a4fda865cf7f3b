"""Photographs with what programs write behind them: FotoStation, Photo Mechanic, recipes of Canon's Digital Photo Professional.

Made by the layouts of exiftool.org/TagNames (FotoStation, PhotoMechanic, CanonVRD), every tag with a value of its own type; ExifTool is the judge.
"""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING

from extractor_service.formats.reading.tagset import raw_table
from tests.golden import images
from tests.golden.made_raws import _block
from tests.golden.makernotes import _NOTE_AT, directory, photograph

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_IPTC = b"\x1c\x02\x00\0\2\0\4\x1c\x02\x05\0\4Name\x1c\x02\x19\0\3one\x1c\x02\x19\0\3two"
_MARK = b"CANON OPTIONAL DATA\0"


def files(kind: str, count: int = 8) -> Iterator[bytes]:
    """`count` photographs with a trailer of a kind of `KINDS`."""
    for seed in range(count):
        yield KINDS[kind](random.Random(f"{kind} {seed}"))


def fotostation(rng: random.Random) -> bytes:
    """IPTC, edits and a preview, each with its foot."""
    edits = bytearray(_block("iptc", "FotoStation::SoftEdit", 48, rng, ">", 4))
    edits[20:24] = b"\x11\x22\x22\x11"
    edits[16:20] = struct.pack(">i", rng.choice((0, 9000, 18000, 27000)))
    preview = b"\xff\xd8\xff\xdb" + bytes(60)
    records = ((1, _IPTC), (2, bytes(edits)), (3, preview), (4, preview + b"\1"))
    behind = b"".join(
        data + struct.pack(">HI", kind, len(data) + 10) + b"\xa1\xb2\xc3\xd4" for kind, data in records
    )
    return with_iptc() + behind


def photo_mechanic(rng: random.Random) -> bytes:
    """Datasets of words."""
    data = b""
    for key, rows in raw_table("photoshop", "PhotoMechanic::SoftEdit").items():
        labels = rows[0][4]
        keys = [each for each in labels if isinstance(each, int)] if isinstance(labels, dict) else []
        value = rng.choice(keys) if keys else rng.randrange(8)
        data += b"\x1c\x02" + bytes((key,)) + b"\0\4" + struct.pack(">I", value)
    return with_iptc() + data + struct.pack(">I", len(data)) + b"cbipcbbl"


def recipe(rng: random.Random) -> bytes:
    """Versions 1 to 3: fixed places, stamps, more of them, and XMP."""
    first = bytearray(_block("canon_vrd", "CanonVRD::Ver1", 0x272, rng, ">"))
    first[2:4] = struct.pack(">H", rng.choice((100, 200, 320, 330, 350)))
    stamps = struct.pack(">I", 0)
    second = bytearray(_block("canon_vrd", "CanonVRD::Ver2", 512, rng, ">", 2))
    second[176:178] = b"\0\0"
    # The lens optimizer: whether it is on, and how long its data are behind 20 bytes of values.
    second[440:442], second[446:450] = struct.pack(">H", rng.randrange(2)), struct.pack(">I", 10)
    edits = bytes(first) + struct.pack(">I", len(stamps)) + stamps + bytes(second)
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="3"/></rdf:RDF></x:xmpmeta>'
    return _canon([(0xFFFF00F4, struct.pack(">I", len(edits)) + edits), (0xFFFF00F6, packet)])


def recipe_4(rng: random.Random) -> bytes:
    """Version 4: a directory of numbered values."""
    values, entries = b"", b""
    rows = [key for key in raw_table("canon_vrd", "CanonVRD::DR4") if isinstance(key, int)]
    blocks = {0x20400: ("ToneCurve", "I", 160), 0x20A00: ("GammaInfo", "d", 17), 0xF0100: ("CropInfo", "i", 12), 0xF0510: ("StampInfo", "I", 1), 0xF0511: ("DustInfo", "I", 1)}  # fmt: skip
    start = 36 + 28 * (len(rows) + len(blocks))
    for key in sorted([*rows, *blocks]):
        if key in blocks:
            _, code, count = blocks[key]
            kind, data = 255, struct.pack(f"<{count}{code}", *(rng.randrange(1, 9) for _ in range(count)))
        else:
            kind, code = rng.choice(((1, "I"), (9, "i"), (13, "d")))
            count = 4 if key == 131365 else 1
            data = struct.pack(f"<{count}{code}", *(rng.randrange(1, 9) for _ in range(count)))
        flags = (rng.randrange(2), rng.randrange(2), 0)
        entries += struct.pack("<7I", key, kind, *flags, start + len(values), len(data))
        values += data
    header = b"IIII" + struct.pack("<7I", 0x40004, 6, 0x80000285, 3, 4, 5, len(rows) + len(blocks)) + bytes(4)
    directory_ = header + entries + values + bytes(4)
    return _canon([(0xFFFF00F7, struct.pack(">I", len(directory_)) + directory_)])


def _canon(blocks: list[tuple[int, bytes]]) -> bytes:
    content = b"".join(struct.pack(">II", kind, len(data)) + data for kind, data in blocks)
    head = _MARK + struct.pack(">II", 0x10000, len(content))
    foot = _MARK + struct.pack(">I", len(content)) + bytes(38) + b"\xff\xd9"
    note = directory([(0x00D0, 4, [len(content)])], _NOTE_AT, "<")
    return photograph("Canon", "Canon EOS 40D", note, "<") + head + content + foot


def with_iptc() -> bytes:
    """A picture whose IPTC has a name and two keywords."""
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(_IPTC)) + _IPTC + bytes(len(_IPTC) % 2)
    return images.bare_jpeg([(0xED, b"Photoshop 3.0\0" + resource)])


KINDS: dict[str, Callable[[random.Random], bytes]] = {
    "fotostation": fotostation,
    "photo_mechanic": photo_mechanic,
    "recipe": recipe,
    "recipe_4": recipe_4,
}
"""By the name of the trailer."""

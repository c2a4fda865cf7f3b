"""Maker notes: which maker's they are, by their first bytes and the camera's make, and who reads them.

Signatures by exiv2.org/makernote.html and exiftool.org/TagNames. Readers are loaded when their notes are first met:
their tables are large.
"""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING, Final

from extractor_service.document import ByteRange
from extractor_service.formats.reading import fields
from extractor_service.formats.reading.damage import Surviving

if TYPE_CHECKING:
    from extractor_service.formats.embedded.walk import Walk
    from extractor_service.formats.reading.ifd import Entry

_PACKAGE: Final = "extractor_service.formats.embedded.makernotes."
# (first bytes, reader); longer ones before shorter ones
_SIGNATURES: Final[tuple[tuple[bytes, str], ...]] = (
    (b"Apple iOS\0", "apple"), (b"Nikon\0", "nikon"), (b"OM SYSTEM\0\0\0", "olympus:om_system"), (b"OLYMPUS\0", "olympus:new"),
    (b"OLYMP\0", "olympus:old"), (b"EPSON\0", "olympus:old"), (b"CAMER\0", "olympus:old"), (b"MINOL\0", "olympus:old"),
    (b"SONY DSC ", "sony"), (b"SONY CAM ", "sony"), (b"SONY MOBILE", "sony"), (b"\0\0SONY PIC\0", "sony:pic"), (b"VHAB     \0", "sony"),
    (b"Panasonic\0", "panasonic"), (b"MKE", "panasonic:type2"), (b"LEICA", "panasonic:leica"),
    (b"AOC\0", "pentax"), (b"PENTAX \0", "pentax:new"), (b"SAMSUNG\0", "pentax:new"), (b"RICOH\0II", "ricoh:pentax_layout"), (b"RICOH\0MM", "ricoh:pentax_layout"),
    (b"GE\0\0", "small:ge"), (b"GENIC\0", "small:ge"), (b"FUJIFILM", "fujifilm"), (b"GENERALE", "fujifilm"), (b"QVC\0", "casio:type2"), (b"DCI\0", "casio:type2"),
    (b"KDK INFO", "kodak"), (b"KDK", "kodak"), (b"SIGMA\0", "sigma"), (b"FOVEON\0", "sigma"), (b"SANYO\0", "small:sanyo"),
    (b"RECONYX", "small:reconyx"), (b"\x01\xf1", "small:reconyx"), (b"HDRP", "google"), (b"Ricoh", "ricoh"), (b"RICOH", "ricoh"), (b"JVC ", "small:jvc"), (b"VER:", "small:jvc_text"),
    (b"\xff\xff\xff\xff", ""), (b"[ae_dbg_info:", "small:dji_text"), (b"DJI", "small:dji"), (b"MLT0", ":none"), (b"MMMMRaw", "phaseone"),
)  # fmt: skip
# Layouts that no fixed bytes tell, of cameras that several makers sold.
_PATTERNS: Final = (
    (re.compile(rb"IIII.waR", re.DOTALL), "phaseone"),
    (re.compile(rb"\x01\0[\0\x01]\0\0\0\x04\0[a-zA-Z]{4}|.{8}Eastman ", re.DOTALL), "kodak:other"),
    (re.compile(rb"IIII[\x02\x03]\0", re.DOTALL), "kodak:other"),
)
# By make where the notes begin with the directory itself.
_MAKES: Final[tuple[tuple[str, str], ...]] = (
    ("CANON", "canon"), ("NIKON", "nikon:plain"), ("CASIO", "casio"), ("MINOLTA", "minolta"), ("KONICA", "minolta"), ("SONY", "sony:plain"),
    ("PENTAX", "pentax:plain"), ("ASAHI", "pentax:plain"), ("SAMSUNG", "samsung"), ("RICOH", "ricoh"), ("PENTAX RICOH", "ricoh"), ("DJI", "small:dji"), ("SANYO", "small:sanyo_plain"),
    ("HASSELBLAD", ":none"), ("LEICA", "panasonic:leica_plain"), ("EASTMAN KODAK", "kodak:other"), ("KODAK", "kodak:other"), ("JK IMAGING", "kodak:other"), ("OLYMPUS", "olympus:plain"),
    ("FLIR", "small:flir"), ("MOTOROLA", "small:motorola"), ("GOOGLE", ":none"),
)  # fmt: skip


def parse(walk: Walk, offset: int, length: int) -> None:
    """Adds the fields of the note at `offset`; a note of an unknown maker is described by its length."""
    reader = walk.directories.reader
    head = reader.some(offset, min(length, 16))
    name = next((target for signature, target in _SIGNATURES if head.startswith(signature)), None)
    if name is None:
        name = next((target for pattern, target in _PATTERNS if pattern.match(head)), None)
    if name is None:
        make = walk.make.upper()
        name = next((target for start, target in _MAKES if make.startswith(start)), "")
    if not name or name.endswith(":none"):
        _unknown(walk, offset, length)
        return
    module, _, function = name.partition(":")
    before = walk.document.field_count
    with Surviving(walk.document, "makernotes", f"{module}'s note", walk.base + offset):
        getattr(importlib.import_module(_PACKAGE + module), function or "parse")(walk, offset, length)
    if walk.document.field_count == before:
        _unknown(walk, offset, length)


def _unknown(walk: Walk, offset: int, length: int) -> None:
    origin = ByteRange(walk.base + offset, length)
    fields.add_binary(walk.document, "exif", "ExifIFD", "MakerNoteUnknown", length, origin)


def adobe(walk: Walk, offset: int, length: int) -> None:
    """Reads Adobe's copy of the maker note in a DNG. Blocks have a name, a length, a byte order and an old offset."""
    reader = walk.directories.reader
    place, end = offset + 6, offset + length
    for _ in range(50):
        if place + 8 > end:
            return
        name = reader.exact(place, 4)
        size = int.from_bytes(reader.exact(place + 4, 4))
        if name == b"MakN" and size > 6:
            from extractor_service.formats.reading import ifd  # noqa: PLC0415 - rare

            order, original = reader.exact(place + 8, 2), int.from_bytes(reader.exact(place + 10, 4))
            start = place + 14
            # Offsets count from the old file: where the note now stands is known, and where it stood.
            window = reader.view(reader.base + start - original, None, big_endian=order == b"MM")
            inner = type(walk)(ifd.Directories(window), walk.document, walk.embedded, walk.kind)
            inner.make, inner.model = walk.make, walk.model
            parse(inner, original, size - 6)
            return
        place += 8 + size + size % 2


def sony_raw(walk: Walk, offset: int) -> None:
    """Reads what Sony's raw files keep beside the maker note."""
    from extractor_service.formats.embedded.makernotes import sony_raw as reader  # noqa: PLC0415 - rare

    reader.parse(walk, offset)


def kodak_ifd(walk: Walk, entry: Entry) -> bool:
    """Kodak's directories in TIFF tags of its own."""
    from extractor_service.formats.embedded.makernotes import kodak  # noqa: PLC0415

    return kodak.tiff_directory(walk, entry)

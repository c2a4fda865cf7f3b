"""Minolta and Konica Minolta MRW: blocks before the raw picture, one of which is a whole TIFF structure.

By Dalibor Jelínek's description (www.dalibor.cz/software/minolta-raw-mrw-file-format) and exiftool.org/TagNames/MinoltaRaw.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.embedded import exif
from extractor_service.formats.embedded.makernotes.base import SECTION, Block, Notes
from extractor_service.formats.embedded.makernotes.tables import Vendor
from extractor_service.formats.embedded.walk import Walk
from extractor_service.formats.reading import ifd
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.reader import Reader, TruncatedError
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

_MAX_BLOCKS = 64  # cameras write five; more is a loop of empty ones
_BLOCKS = {b"\0PRD": "MinoltaRaw::PRD", b"\0WBG": "MinoltaRaw::WBG", b"\0RIF": "MinoltaRaw::RIF"}
_TIFF = b"\0TTW"
_WHITE_BALANCES = (
    "Auto", "Daylight", "Cloudy", "Tungsten", "Flash/Fluorescent", "Fluorescent", "Shade", "User 1", "User 2", "User 3", "Temperature",
)  # fmt: skip


def _white_balance(value: Value) -> str:
    """The kind in the lower four bits; in the upper ones 8 and how far it was shifted."""
    if not isinstance(value, int):
        return ""
    kind, shift = value & 15, value >> 4
    text = _WHITE_BALANCES[kind] if kind < len(_WHITE_BALANCES) else f"Unknown ({kind})"
    return f"{text} ({shift - 8})" if 6 <= shift <= 12 else text


_ISO_TEXTS = {0: "Auto", 174: "80 (Zone Matching Low)", 184: "200 (Zone Matching High)"}


def _iso_text(value: Value) -> str:
    if not isinstance(value, int):
        return ""
    return _ISO_TEXTS.get(value) or f"{int(2 ** ((value - 48) / 8) * 100 + 0.5)}"


_VENDOR = Vendor(
    "raw",
    "MinoltaRaw",
    {"RIF.WBMode": Conversion(None, _white_balance), "RIF.ISOSetting": Conversion(None, _iso_text)},
)


def parse(source: ByteSource, document: Document) -> None:
    """The TIFF structure with EXIF and maker notes, then what the other blocks say of the raw picture."""
    reader = Reader(source)
    reader = Reader(source, big_endian=reader.some(3, 1) != b"I")
    try:
        end = 8 + reader.u32(4)
        blocks = _blocks(reader, end)
    except TruncatedError as error:
        raise CorruptFileError("the header is cut") from error
    make = model = ""
    for name, at, size in blocks:
        if name == _TIFF:
            walk = exif.parse(source, document, at, size)
            make, model = (walk.make, walk.model) if walk is not None else ("", "")
    # The other blocks mean different things on different cameras, which the TIFF structure names.
    outer = Walk(ifd.Directories(reader), document, exif.EMBEDDED, "mrw")
    outer.make, outer.model = make, model
    notes = Notes(outer, _VENDOR, reader)
    notes.values["MinoltaPRD"] = 1
    for name, at, size in blocks:
        table = _BLOCKS.get(name)
        if table is not None:
            with Surviving(document, SECTION, f"block {name[1:].decode()}", at):
                notes.block(reader.exact(at, min(size, 4096)), Block(table), at)
    if blocks and sum(blocks[-1][1:]) != end:
        document.problem(SECTION, ProblemKind.DAMAGED, "the blocks don't end where the raw picture begins", 4)
    if not document.sections:
        raise CorruptFileError("no block could be read")


def _blocks(reader: Reader, end: int) -> list[tuple[bytes, int, int]]:
    """Name, place and size of each block as far as the file goes."""
    blocks: list[tuple[bytes, int, int]] = []
    place = 8
    while place + 8 <= min(end, reader.length) and len(blocks) < _MAX_BLOCKS:
        name, size = reader.exact(place, 4), reader.u32(place + 4)
        blocks.append((name, place + 8, size))
        place += 8 + size
    return blocks

"""Reads EXIF for every format that holds a TIFF structure. It has a walk, and readers of what is inside its values.

Those readers (XMP, IPTC, Photoshop, ICC, maker notes) are loaded when first met: their tables are large.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.embedded.walk import SECTION, Embedded, Walk
from extractor_service.formats.reading import fields, ifd
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.reader import TruncatedError
from extractor_service.sources.descriptor import BytesSource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Literal

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

_MAX_EMBEDDED_BYTES: Final = 64 * 1024  # longer binary values are described, not kept
_BLOCK_BYTES: Final = 512  # what a block costs beside its bytes
_WORDS: Final = 4  # the type LONG
_POINTER_BYTES: Final = 4  # Sony's, which is said to be as many bytes
_MAKER_NOTE: Final = 37500  # EXIF 2.32 section 4.6.5


def _guarded(reader: Callable[[Walk, ifd.Entry, str], bool]) -> Callable[[Walk, ifd.Entry, str], bool]:
    def guarded(walk: Walk, entry: ifd.Entry, group: str) -> bool:
        place = (entry.tag, entry.offset, entry.size_bytes)
        if place in walk.blocks:  # read before, through another directory
            return True
        walk.blocks.add(place)
        walk.document.spend(_BLOCK_BYTES + min(entry.size_bytes, _MAX_EMBEDDED_BYTES))
        with Surviving(walk.document, SECTION, f"{group} tag {entry.tag}", walk.base + entry.offset):
            return reader(walk, entry, group)
        return True

    return guarded


def _xmp(walk: Walk, entry: ifd.Entry, group: str) -> bool:
    from extractor_service.formats.embedded import xmp  # noqa: PLC0415

    del group
    packet = walk.block(entry)
    if packet:
        xmp.parse(packet, walk.document, ByteRange(walk.base + entry.offset, entry.size_bytes))
    return True


def _icc(walk: Walk, entry: ifd.Entry, group: str) -> bool:
    from extractor_service.formats.embedded import icc  # noqa: PLC0415

    del group
    packet = walk.block(entry)
    if packet:
        icc.parse(packet, walk.document, walk.base + entry.offset)
    return True


def _iptc(walk: Walk, entry: ifd.Entry, group: str) -> bool:
    from extractor_service.formats.embedded import iptc  # noqa: PLC0415

    del group
    data = walk.block(entry)
    if entry.kind == _WORDS and not walk.directories.reader.big_endian and iptc.is_swapped(data):
        data = iptc.swapped(data)  # as words of that order are: no damage
    iptc.parse(data, walk.document, walk.base + entry.offset, is_standard=bool(walk.kind))
    return True


def _photoshop(walk: Walk, entry: ifd.Entry, group: str) -> bool:
    from extractor_service.formats.embedded import photoshop  # noqa: PLC0415

    del group
    reader = walk.directories.reader.view(walk.base + entry.offset, entry.size_bytes, big_endian=True)
    photoshop.resources(reader, walk.document, parse_bytes)
    return True


def _layers(walk: Walk, entry: ifd.Entry, group: str) -> bool:
    """Photoshop's layers; the tag stays, as bytes of that length."""
    from extractor_service.formats.embedded import photoshop_layers  # noqa: PLC0415

    del group
    reader = walk.directories.reader.view(walk.base + entry.offset, entry.size_bytes, big_endian=True)
    photoshop_layers.in_tiff(reader, walk.document)
    return False


def _credentials(walk: Walk, entry: ifd.Entry, group: str) -> bool:
    from extractor_service.formats.embedded import jumbf_fields  # noqa: PLC0415

    del group
    reader = walk.directories.reader.view(walk.base + entry.offset, entry.size_bytes, big_endian=True)
    jumbf_fields.parse(reader, walk.document)
    return True


def _maker_note(walk: Walk, entry: ifd.Entry, group: str) -> bool:
    del group
    if walk.maker_note is None and entry.size_bytes > 6:
        walk.maker_note = (entry.offset, entry.size_bytes)
    return True


def _print_im(walk: Walk, entry: ifd.Entry, group: str) -> bool:
    del group
    from extractor_service.formats.embedded import printim  # noqa: PLC0415

    printim.parse(
        walk.directories.reader.some(entry.offset, min(entry.size_bytes, 16)),
        walk.document,
        walk.base + entry.offset,
    )
    return True


def _private(walk: Walk, entry: ifd.Entry, group: str) -> bool:
    """DNG private data: Adobe keeps the raw file's maker note in there (DNG 1.7, DNGPrivateData), Sony a place."""
    if walk.kind == "arw" and entry.size_bytes == _POINTER_BYTES:
        from extractor_service.formats.embedded.makernotes import registry as makernotes  # noqa: PLC0415

        order: Literal["big", "little"] = "big" if walk.directories.reader.big_endian else "little"
        makernotes.sony_raw(walk, int.from_bytes(entry.inline, order))
        return True
    head = walk.directories.reader.some(entry.offset, 14)
    if head[:12] == b"Adobe\0MakN\0\0" or head[:10] == b"Adobe\0MakN":
        from extractor_service.formats.embedded.makernotes import registry as makernotes  # noqa: PLC0415

        makernotes.adobe(walk, entry.offset, entry.size_bytes)
        return True
    if head[:5] in {b"PENTA", b"SAMSU", b"RICOH"} and walk.maker_note is None:
        walk.maker_note = (entry.offset, entry.size_bytes)
        return True
    if entry.size_bytes > _MAX_EMBEDDED_BYTES or group:
        fields.add_binary(
            walk.document,
            SECTION,
            group,
            "DNGPrivateData",
            entry.size_bytes,
            ByteRange(walk.base + entry.offset, entry.size_bytes),
        )
    return True


def _kodak(walk: Walk, entry: ifd.Entry, group: str) -> bool:
    del group
    from extractor_service.formats.embedded.makernotes import registry as makernotes  # noqa: PLC0415

    return makernotes.kodak_ifd(walk, entry)


def _maker_note_of(walk: Walk, offset: int, length: int) -> None:
    from extractor_service.formats.embedded.makernotes import registry as makernotes  # noqa: PLC0415

    makernotes.parse(walk, offset, length)


def _geo_keys(values: Mapping[int, Value], document: Document) -> None:
    from extractor_service.formats.embedded import geotiff  # noqa: PLC0415

    geotiff.parse(values, document)


_BLOCKS: Final[Mapping[int, Callable[[Walk, ifd.Entry, str], bool]]] = {
    700: _guarded(_xmp),
    33723: _guarded(_iptc),
    34377: _guarded(_photoshop),
    34675: _guarded(_icc),
    37724: _guarded(_layers),
    _MAKER_NOTE: _maker_note,
    50341: _guarded(_print_im),
    50740: _guarded(_private),
    52545: _guarded(_credentials),
    33424: _guarded(_kodak),
    65024: _guarded(_kodak),
}


EMBEDDED: Final = Embedded(_BLOCKS, _maker_note_of, _geo_keys)
"""What a TIFF structure may contain: the one seam between the walk and the readers of other standards."""


def parse(
    source: ByteSource,
    document: Document,
    base: int,
    length: int | None,
    kind: str = "",
    section: str = SECTION,
    embedded: Embedded = EMBEDDED,
) -> Walk | None:
    """Adds the fields of the TIFF structure at `base`; trouble becomes Problems of section "exif".

    `kind` names a raw format whose directories hold previews under other names ("cr2", "nef", "arw", "pef", "dng" …),
    `embedded` what its tags contain.
    """
    try:
        directories = ifd.Directories.at(source, base, length, lenient=not kind)
    except (ifd.NotTiffError, TruncatedError) as error:
        document.problem(SECTION, ProblemKind.DAMAGED, f"no TIFF header: {error}", base)
        return None
    byte_order = "MM" if directories.reader.big_endian else "II"
    if section == SECTION:
        text = "Big-endian (Motorola, MM)" if byte_order == "MM" else "Little-endian (Intel, II)"
        document.add("file", Field("ExifByteOrder", byte_order, text, origin=ByteRange(base, 2)))
    walk = Walk(directories, document, embedded, kind, section)
    walk.run()
    return walk


def parse_bytes(data: bytes, document: Document) -> None:
    """Adds the fields of a TIFF structure that isn't at one place of the file. Places count from its beginning."""
    parse(BytesSource(data), document, 0, len(data))

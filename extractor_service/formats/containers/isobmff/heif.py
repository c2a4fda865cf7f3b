"""HEIF, HEIC, AVIF and CR3: items and their properties, with EXIF, XMP and ICC inside.

ISO/IEC 23008-12 (HEIF) section 6 to 9, ISO/IEC 14496-12 sections 8.11 (meta box), AV1-ISOBMFF section 2.3; Canon CR3 by
the public description of its boxes (github.com/lclevy/canon_cr3).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Document, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.isobmff import film, heif_properties, inside, manifest, track
from extractor_service.formats.embedded import exif, xmp
from extractor_service.formats.reading import boxes, fields
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.tagset import Tag, build, raw_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Value
    from extractor_service.sources.base import ByteSource

SECTION = "quicktime"
_MAX_ITEMS = 20_000  # of iloc and ipma: a tile is an item, 20,000 of 512 px squared are 5 gigapixels
_MAX_EXTENTS = 20_000  # of all items together: an item may claim 65,535; the other places stay unknown
_MAX_PACKET_BYTES = 8 * 1024 * 1024  # of XMP: what the parser of packets takes at most
_ITEM_BYTES = 4096  # what an item costs beside its bytes
_CANON_UUID = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")

_PREVIEW_UUID = bytes.fromhex("eaf42b5e1c984b88b9fbb7dc406e4d16")
_XMP_TYPE = b"application/rdf+xml"
_TIFF_HEADERS = frozenset({b"II*\0", b"MM\0*"})
# EXIF's orientation by the axis of `imir` (None: not mirrored) and quarter turns of `irot`, anticlockwise.
_ORIENTATIONS: dict[int | None, tuple[int, int, int, int]] = {
    None: (1, 8, 3, 6),
    0: (2, 7, 4, 5),
    1: (4, 5, 2, 7),
}
_HANDLERS = {
    "pict": "Picture",
    "vide": "Video Track",
    "soun": "Audio Track",
    "meta": "NRT Metadata",
    "auxv": "Auxiliary Video",
}


@lru_cache(maxsize=8)
def _table(name: str) -> dict[int | str, Tag]:
    return build(raw_table("containers", f"QuickTime::{name}"), {})


def parse(source: ByteSource, document: Document) -> None:
    """Brands, items with their properties, and the metadata items."""
    reader = Reader(source)
    walk = _Walk(reader, document)
    with Surviving(document, SECTION, "the file"):
        walk.top()
    if not document.sections:
        raise CorruptFileError("no box could be read")
    walk.items()


def picture_extents(source: ByteSource) -> list[tuple[int, int]]:
    """Offsets and lengths of what pictures are made of, in the order of items: not EXIF, XMP and other text."""
    walk = _Walk(Reader(source), Document())
    walk.top()
    return list(walk.pictures())


class _Walk:
    """One walk over the boxes; metadata items are read when all of their tables are known."""

    def __init__(self, reader: Reader, document: Document) -> None:
        self._reader = reader
        self._document = document
        self._kinds: dict[int, tuple[bytes, bytes]] = {}
        self._places: dict[int, list[tuple[int, int]]] = {}
        self._in_idat: set[int] = set()
        self._primary: int | None = None
        self._properties: list[boxes.Box] = []
        self._associations: dict[int, list[int]] = {}
        self._idat: boxes.Box | None = None
        self._brand = ""

    def top(self) -> None:
        reader = self._reader
        for box in boxes.walk(reader, 0, reader.length):
            kind, offset, length = box
            with Surviving(self._document, SECTION, "box", offset, kind):
                self._box(kind, offset, length)
            if kind == b"mdat":
                self._add("MediaDataSize", length, ByteRange(offset - 8, 8))
                self._add("MediaDataOffset", offset, ByteRange(offset - 8, 8))

    def _box(self, kind: bytes, offset: int, length: int) -> None:
        if kind == b"ftyp":
            self._brand = film.file_type(self._reader, boxes.Box(kind, offset, length), self._document)
        elif kind == b"meta":
            self._meta(offset + 4, offset + length)
        elif kind == b"moov":
            self._movie(offset, offset + length)
        elif kind == b"uuid":
            self._uuid(offset, length)
        elif kind == b"mpvd":  # developer.android.com, "Motion Photo format" 1.0
            place = ByteRange(offset, length)
            fields.add_binary(self._document, SECTION, "QuickTime", "MotionPhotoVideo", length, place)
            inside.describe(self._reader.source, self._document, offset, length)

    def pictures(self) -> Iterator[tuple[int, int]]:
        """Offsets and lengths of all items but metadata."""
        for item, extents in sorted(self._places.items()):
            kind, _ = self._kinds.get(item, (b"", b""))
            if kind in {b"Exif", b"mime", b"uri "}:
                continue
            base = self._idat.offset if item in self._in_idat and self._idat is not None else 0
            yield from ((base + start, length) for start, length in extents)

    def items(self) -> None:
        """Properties of the primary item, then EXIF and XMP items."""
        document = self._document
        if self._primary is not None:
            self._add("PrimaryItemReference", self._primary, None, group="Meta")
        shown: set[int] = set()
        order = self._associations.get(self._primary or 0, [])
        rest = [
            index
            for item, indexes in self._associations.items()
            if item != self._primary
            for index in indexes
        ]
        for index in [*order, *rest]:
            if index not in shown and 0 < index <= len(self._properties):
                shown.add(index)
                with Surviving(document, SECTION, "a property"):
                    heif_properties.parse(self._reader, self._properties[index - 1], document)
        self._orientation([self._properties[each - 1] for each in order if 0 < each <= len(self._properties)])
        for number, (kind, content) in self._kinds.items():
            extents = self._places.get(number, [])
            if number in self._in_idat:  # known only now: the boxes come in any order
                if self._idat is None:
                    continue
                extents = [(self._idat.offset + start, length) for start, length in extents]
            if not extents:
                continue
            offset, length = extents[0]
            with Surviving(document, SECTION, f"item {number}", offset):
                if kind == b"Exif" and len(extents) == 1:
                    document.spend(_ITEM_BYTES)
                    self._exif(offset, length)
                elif kind == b"mime" and content.startswith(_XMP_TYPE):
                    self._packet(number, extents[:64])

    def _packet(self, number: int, extents: list[tuple[int, int]]) -> None:
        """XMP, in several pieces at times."""
        document, offset = self._document, extents[0][0]
        size_bytes = sum(size for _, size in extents)
        if size_bytes > _MAX_PACKET_BYTES:
            document.problem(SECTION, ProblemKind.LIMIT, f"item {number} has {size_bytes} bytes", offset)
            return
        document.spend(_ITEM_BYTES + size_bytes)
        data = b"".join(self._reader.exact(start, size) for start, size in extents)
        xmp.parse(data, document, ByteRange(offset, extents[0][1]))

    def _add(
        self, name: str, value: Value, origin: ByteRange | None, text: str = "", group: str = "QuickTime"
    ) -> None:
        self._document.add(SECTION, Field(name, value, text, group=group, origin=origin))

    def _meta(self, start: int, end: int) -> None:
        for box in boxes.walk(self._reader, start, end):
            kind, offset, length = box
            if kind == b"hdlr":
                handler = self._reader.exact(offset + 8, 4).decode("latin-1")
                self._add("HandlerType", handler, ByteRange(offset + 8, 4), _HANDLERS.get(handler, ""))
                name = track.handler_name(self._reader.some(offset + 24, min(max(0, length - 24), 256)))
                if name:
                    self._add("HandlerDescription", name, ByteRange(offset + 24, len(name)), group="Meta")
            elif kind == b"pitm":
                wide = self._reader.u8(offset)
                self._primary = self._reader.u32(offset + 4) if wide else self._reader.u16(offset + 4)
            elif kind == b"iinf":
                self._item_infos(offset, length)
            elif kind == b"iloc":
                self._locations(offset)
            elif kind == b"iprp":
                self._item_properties(offset, offset + length)
            elif kind == b"idat":
                self._idat = box

    def _item_infos(self, offset: int, length: int) -> None:
        reader = self._reader
        start = offset + (8 if reader.u8(offset) else 6)
        for number, box in enumerate(boxes.walk(reader, start, offset + length)):
            if number > _MAX_ITEMS or box.kind != b"infe":
                break
            version = reader.u8(box.offset)
            if version < 2:
                continue
            wide = version > 2
            item = reader.u32(box.offset + 4) if wide else reader.u16(box.offset + 4)
            place = box.offset + (10 if wide else 8)
            kind = reader.exact(place, 4)
            content = b""
            if kind == b"mime":
                rest = reader.some(place + 4, min(256, box.offset + box.length - place - 4))
                content = rest.partition(b"\0")[2].partition(b"\0")[0]
            self._kinds[item] = (kind, content)

    def _locations(self, offset: int) -> None:
        """Where items are (14496-12 section 8.11.3)."""
        reader = self._reader
        version = reader.u8(offset)
        sizes = reader.u16(offset + 4)
        widths = [sizes >> shift & 15 for shift in (12, 8, 4, 0)]
        wide = version == 2
        count = reader.u32(offset + 6) if wide else reader.u16(offset + 6)
        place = offset + (10 if wide else 8)

        def take(width: int) -> int:
            nonlocal place
            value = int.from_bytes(reader.exact(place, width)) if width else 0
            place += width
            return value

        total = 0
        for _ in range(min(count, _MAX_ITEMS)):
            item = take(4 if wide else 2)
            method = take(2) & 15 if version else 0
            take(2)
            base = take(widths[2])
            extents = []
            for _ in range(take(2)):
                total += 1
                if total > _MAX_EXTENTS:
                    return
                if version and widths[3]:
                    take(widths[3])
                start, length = take(widths[0]), take(widths[1])
                extents.append((base + start, length))
            if method != 2:
                self._places[item] = extents
            if method == 1:
                self._in_idat.add(item)

    def _item_properties(self, start: int, end: int) -> None:
        for box in boxes.walk(self._reader, start, end):
            if box.kind == b"ipco":
                self._properties = list(boxes.walk(self._reader, box.offset, box.offset + box.length))
            elif box.kind == b"ipma":
                self._property_associations(box.offset)

    def _property_associations(self, offset: int) -> None:
        reader = self._reader
        version, large = reader.u8(offset), reader.u8(offset + 3) & 1
        place = offset + 8
        for _ in range(min(reader.u32(offset + 4), _MAX_ITEMS)):
            item = reader.u32(place) if version else reader.u16(place)
            place += 4 if version else 2
            count = reader.u8(place)
            place += 1
            indexes = []
            for _ in range(count):
                value = reader.u16(place) & 0x7FFF if large else reader.u8(place) & 0x7F
                place += 2 if large else 1
                indexes.append(value)
            self._associations[item] = indexes

    def _orientation(self, properties: list[boxes.Box]) -> None:
        """How the picture is to be turned: by its own properties alone; EXIF's tag informs (23008-12, A.2)."""
        if not properties:
            return
        with Surviving(self._document, SECTION, "the picture's orientation"):
            turns = next((self._reader.u8(box.offset) & 3 for box in properties if box.kind == b"irot"), 0)
            axis = next((self._reader.u8(box.offset) & 1 for box in properties if box.kind == b"imir"), None)
            self._document.common.orientation = _ORIENTATIONS[axis][turns]

    def _exif(self, offset: int, length: int) -> None:
        reader = self._reader
        skip = 4 + reader.u32(offset)
        head = reader.some(offset, min(length, 10))
        if head[:4] in _TIFF_HEADERS:  # some programs leave the offset out
            skip = 0
        elif head[:4] == b"Exif":
            skip = 6
        elif skip >= length or reader.some(offset + skip, 2) not in {b"II", b"MM"}:
            skip = 10 if head[4:8] == b"Exif" else 4
        exif.parse(reader.source, self._document, offset + skip, length - skip)

    def _movie(self, start: int, end: int) -> None:
        """Of a film's header, what still pictures keep in there: Canon's maker notes, and the film's own headers."""
        headers = film.Film(self._reader, self._document, self._brand)
        for box in boxes.walk(self._reader, start, end):
            if box.kind == b"uuid":
                self._uuid(box.offset, box.length)
            else:
                with Surviving(self._document, SECTION, "box", box.offset, box.kind):
                    headers.box(box)

    def _uuid(self, offset: int, length: int) -> None:
        if length < 16:
            return
        uuid = self._reader.exact(offset, 16)
        if uuid == _CANON_UUID:
            from extractor_service.formats.containers.isobmff import cr3  # noqa: PLC0415 - rare

            cr3.parse(self._reader, offset + 16, offset + length, self._document)
        elif uuid == boxes.XMP_UUID and length <= _MAX_PACKET_BYTES:
            data = self._reader.exact(offset + 16, length - 16)
            xmp.parse(data, self._document, ByteRange(offset + 16, length - 16))
        elif uuid == boxes.MANIFEST_UUID:
            manifest.parse(self._reader, self._document, offset, length)
        elif uuid == _PREVIEW_UUID:
            for box in boxes.walk(self._reader, offset + 24, offset + length):
                if box.kind == b"PRVW" and box.length > 16:
                    size = self._reader.u32(box.offset + 12)
                    place = ByteRange(box.offset + 16, size)
                    fields.add_binary(self._document, SECTION, "QuickTime", "PreviewImage", size, place)

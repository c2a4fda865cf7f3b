"""What programs write behind a photograph: FotoStation, Photo Mechanic and Canon's Digital Photo Professional, told from the end.

exiftool.org/TagNames/FotoStation.html, PhotoMechanic.html#SoftEdit, CanonVRD.html. Each ends in a foot that says how long it is, so that
one may stand behind another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, ProblemKind
from extractor_service.formats.embedded import canon_vrd, iptc
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading import fields
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

_FOOT_BYTES = 64  # the longest, of Canon's
_MAX_TRAILERS = 16  # of all programs together; FotoStation has four records
_MAX_RECORD_BYTES = 1024 * 1024  # of IPTC and edits; previews are told by their places
_FOTOSTATION, _MECHANIC = b"\xa1\xb2\xc3\xd4", b"cbipcbbl"
_IPTC, _EDITS, _PREVIEWS = 1, 2, {3: "ThumbnailImage", 4: "PreviewImage"}
_CROPS = {
    f"Crop{side}": Conversion(conv.scaled(1 / 1000), conv.suffixed("%"))
    for side in ("Left", "Top", "Right", "Bottom")
}
_RAW_CROPS = {
    f"{kind}{side}": Conversion(conv.scaled(1 / 655.36), conv.fixed("{:.3f}%"))
    for kind in ("RawCrop", "PreviewCrop")
    for side in ("Left", "Top", "Right", "Bottom")
}
_STATION = Table(
    "iptc/FotoStation::SoftEdit", "fotostation", "FotoStation", _CROPS, unit="int32s", big_endian=True
)
_SOFT_EDIT = Table("photoshop/PhotoMechanic::SoftEdit", "photo_mechanic", "PhotoMechanic", _RAW_CROPS)
_DATASET_BYTES, _MAX_DATASETS = 5, 200  # the table has 25
_WORD_BYTES = 4  # of each of Photo Mechanic's values


def parse(source: ByteSource, document: Document) -> None:
    """Adds what every trailer says, from the last to the first; what isn't known ends it."""
    reader = Reader(source)
    end = reader.length
    for _ in range(_MAX_TRAILERS):
        foot = reader.some(max(0, end - _FOOT_BYTES), min(_FOOT_BYTES, end))
        start = end
        with Surviving(document, "file", "what stands behind the picture", end):
            if foot.endswith(_FOTOSTATION):
                start = _fotostation(reader, document, end, foot)
            elif foot.endswith(_MECHANIC):
                start = _mechanic(reader, document, end, foot)
            elif foot.startswith(canon_vrd.MARK):
                start = _canon(reader, document, end, foot)
        if not 0 < start < end:
            return
        end = start


def _fotostation(reader: Reader, document: Document, end: int, foot: bytes) -> int:
    """One record: its content, what it is, its length with this foot, and the mark."""
    kind, length = int.from_bytes(foot[-10:-8]), int.from_bytes(foot[-8:-4])
    start, size = end - length, length - 10
    if size < 0 or start < 0:
        document.problem("fotostation", ProblemKind.DAMAGED, f"a record of {length} bytes", end - 10)
        return end
    place = ByteRange(start, size)
    if kind in _PREVIEWS:
        if reader.some(start, 3) == b"\xff\xd8\xff":
            fields.add_binary(document, "fotostation", "FotoStation", _PREVIEWS[kind], size, place)
    elif size > _MAX_RECORD_BYTES:
        document.problem("fotostation", ProblemKind.LIMIT, f"record {kind} has {size} bytes", start)
    elif kind == _IPTC:
        iptc.parse(reader.exact(start, size), document, start)
    elif kind == _EDITS:
        _STATION.block(document, reader.exact(start, size), start)
    return start


def _mechanic(reader: Reader, document: Document, end: int, foot: bytes) -> int:
    """Datasets as IPTC has them, of words; their length, and the mark."""
    length = int.from_bytes(foot[-12:-8])
    start = end - 12 - length
    if start < 0 or length > _MAX_RECORD_BYTES:
        document.problem("photo_mechanic", ProblemKind.DAMAGED, f"a trailer of {length} bytes", end - 12)
        return end
    data, offset = reader.exact(start, length), 0
    for _ in range(_MAX_DATASETS):
        head = data[offset : offset + _DATASET_BYTES]
        if len(head) < _DATASET_BYTES or head[0] != 0x1C:
            break
        size = int.from_bytes(head[3:5])
        offset += _DATASET_BYTES
        if head[1] == _EDITS and size == _WORD_BYTES and offset + size <= length:
            value = int.from_bytes(data[offset : offset + size], signed=True)
            _SOFT_EDIT.put(document, head[2], value, ByteRange(start + offset, size))
        offset += size
    return start


def _canon(reader: Reader, document: Document, end: int, foot: bytes) -> int:
    """The recipe, whose foot has the length of what stands between it and the head."""
    length = int.from_bytes(foot[20:24]) + canon_vrd.HEAD_BYTES + canon_vrd.FOOT_BYTES
    start = end - length
    if start < 0 or reader.exact(start, len(canon_vrd.MARK)) != canon_vrd.MARK:
        document.problem(
            canon_vrd.SECTION, ProblemKind.DAMAGED, f"no head {length} bytes before the end", end
        )
        return end
    canon_vrd.parse(reader.view(start, length), document)
    return start

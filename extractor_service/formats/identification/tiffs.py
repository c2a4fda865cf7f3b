"""Which camera's raw file a TIFF is: by its header and the tags of its first directory (TIFF 6.0, 2; DNG 1.7, 2)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extractor_service.formats.identification.looking import View

_MAX_ENTRIES = 512  # real directories have fewer than 100
_MAKE, _COMPRESSION, _SUBIFDS, _PHOTOMETRIC, _SUBFILE = 0x10F, 0x103, 0x14A, 0x106, 0xFE
_DNG_VERSION, _SONY_PRIVATE, _CFA_PATTERN, _LEAF = 0xC612, 0xC634, 0x828E, 0x8606
_COLOUR_FILTER = 32803  # PhotometricInterpretation of a raw picture


def kind_of(head: bytes, view: View) -> str:
    """A name; "tiff" where nothing says more, "" where the directory can't be read.

    Raises:
        BeyondHeadError: the directory isn't at hand.
    """
    order = "<" if head[:2] == b"II" else ">"
    if head[2:4] in {b"+\0", b"\0+"}:
        return "dng" if _DNG_VERSION in _big_tags(head, view, order) else "bigtiff"
    if head[8:12] in {b"IIII", b"MMMM"}:
        return "iiq"
    tags = _tags(head, view, order)
    if not tags:
        return ""
    make = tags.get(_MAKE, b"")
    name = make.rstrip(b"\0 ").upper() if isinstance(make, bytes) else b""
    compression, photometric = tags.get(_COMPRESSION), tags.get(_PHOTOMETRIC)
    if _DNG_VERSION in tags:
        return "dng"
    if name.startswith(b"NIKON") and (_SUBIFDS in tags or compression == 34713):
        return "nef"
    if name.startswith(b"SONY") and (_SONY_PRIVATE in tags or _SUBIFDS in tags):
        return "arw"
    if (name.startswith((b"PENTAX", b"RICOH"))) and (compression == 65535 or photometric == _COLOUR_FILTER):
        return "pef"
    if name.startswith(b"SAMSUNG") and _SUBIFDS in tags:
        return "srw"
    if name.startswith(b"SEIKO EPSON") and _SUBIFDS in tags:
        return "erf"
    if name.startswith(b"HASSELBLAD") and _SUBIFDS in tags:
        return "3fr"
    if name.startswith((b"KODAK", b"EASTMAN KODAK")) and (
        compression == 65000 or photometric == _COLOUR_FILTER
    ):
        return "dcr"
    if name.startswith(b"EASTMAN KODAK") and _SUBIFDS in tags:
        return "kdc"
    if _LEAF in tags:
        return "mos"
    return "tiff"


def _tags(head: bytes, view: View, order: str) -> dict[int, int | bytes]:
    """Each tag of IFD0 with its value if that is one short number, Make as its bytes, else 0."""
    if len(head) < 8:
        return {}
    at = struct.unpack_from(f"{order}I", head, 4)[0]
    if not 8 <= at < view.size_bytes:
        return {}
    count_bytes = view.read_range(at, 2)
    if len(count_bytes) < 2:
        return {}
    count = min(struct.unpack(f"{order}H", count_bytes)[0], _MAX_ENTRIES)
    data = view.read_range(at + 2, 12 * count)
    if len(data) < 12 * count:
        return {}
    tags: dict[int, int | bytes] = {}
    for place in range(0, len(data) - 11, 12):
        tag, kind, number = struct.unpack_from(f"{order}HHI", data, place)
        tags[tag] = struct.unpack_from(f"{order}H", data, place + 8)[0] if kind == 3 and number == 1 else 0
        if tag == _MAKE and kind == 2:
            if number <= 4:
                tags[tag] = data[place + 8 : place + 12]
            else:
                where = struct.unpack_from(f"{order}I", data, place + 8)[0]
                tags[tag] = view.read_range(where, min(number, 32)) if where < view.size_bytes else b""
    return tags


def _big_tags(head: bytes, view: View, order: str) -> set[int]:
    """The tags of a BigTIFF's first directory (AWare Systems, The BigTIFF File Format)."""
    if len(head) < 16:
        return set()
    at = struct.unpack_from(f"{order}Q", head, 8)[0]
    count_bytes = view.read_range(at, 8) if 16 <= at < view.size_bytes else b""
    if len(count_bytes) < 8:
        return set()
    count = min(struct.unpack(f"{order}Q", count_bytes)[0], _MAX_ENTRIES)
    data = view.read_range(at + 8, 20 * count)
    return {struct.unpack_from(f"{order}H", data, place)[0] for place in range(0, len(data) - 19, 20)}

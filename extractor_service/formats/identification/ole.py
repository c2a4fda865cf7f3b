"""What an OLE compound file is: by the class and the streams of its directory ([MS-CFB], 2.6)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from extractor_service.formats.identification.looking import View

_MAX_SECTORS = 16  # of the directory, 64 entries or more
_END_OF_CHAIN = 0xFFFFFFFA  # and all above it: no sector ([MS-CFB], 2.1)
# CLSIDs of the root, as stored, and streams that only one program writes; the first that is there says it.
_CLASSES = {
    "0609020000000000c000000000000046": "application/msword", "0009020000000000c000000000000046": "application/msword",
    "1008020000000000c000000000000046": "application/vnd.ms-excel", "2008020000000000c000000000000046": "application/vnd.ms-excel",
    "108d81649b4fcf1186ea00aa00b929e8": "application/vnd.ms-powerpoint", "ea7bae70fb3bcd11a90300aa00510ea3": "application/vnd.ms-powerpoint",
    "84100c0000000000c000000000000046": "msi", "86100c0000000000c000000000000046": "msi",
    "0b0d020000000000c000000000000046": "msg", "41f9060000000000c000000000000046": "msg", "46f0060000000000c000000000000046": "msg",
    "0112020000000000c000000000000046": "pub", "131a020000000000c000000000000046": "application/vnd.visio", "141a020000000000c000000000000046": "application/vnd.visio",
    "0067615654c1ce118553 00aa00a1f95b".replace(" ", ""): "fpx", "0005020000000000c000000000000046": "application/vnd.ms-works",
}  # fmt: skip
_STREAMS = (
    ("__properties_version1.0", "msg"), ("__nameid_version1.0", "msg"),
    ("EncryptedPackage", "ooxml_encrypted"), ("WordDocument", "application/msword"), ("Workbook", "application/vnd.ms-excel"), ("WORKBOOK", "application/vnd.ms-excel"), ("Book", "application/vnd.ms-excel"),
    ("BOOK", "application/vnd.ms-excel"), ("PowerPoint Document", "application/vnd.ms-powerpoint"), ("PP40", "application/vnd.ms-powerpoint"), ("VisioDocument", "application/vnd.visio"),
    ("Quill", "pub"), ("MatOST", "application/vnd.ms-works"), ("MM", "application/vnd.ms-works"), ("SPELLING", "application/vnd.ms-works"),
    ("HwpSummaryInformation", "application/x-hwp-v5"), ("\5HwpSummaryInformation", "application/x-hwp-v5"),
    ("Catalog", "thumbs_db"), ("Props9", "application/vnd.ms-project"), ("Props12", "application/vnd.ms-project"), ("   114", "application/vnd.ms-project"),
    ("CONTENTS", "application/vnd.ms-works"), ("StarCalcDocument", "application/vnd.stardivision.calc"), ("StarWriterDocument", "application/vnd.stardivision.writer"),
    ("StarDrawDocument3", "application/vnd.stardivision.draw"), ("SwDocContentMgr", "application/sldworks"),
)  # fmt: skip


class _Entry(NamedTuple):
    name: str
    class_id: str
    left: int
    right: int
    child: int


def kind_of(head: bytes, view: View) -> str:
    """A name or media type; "ole" where nothing inside says more.

    Raises:
        BeyondHeadError: the directory isn't at hand.
    """
    if len(head) < 512:
        return "ole"
    shift, first = struct.unpack_from("<H", head, 30)[0], struct.unpack_from("<I", head, 48)[0]
    if shift not in {9, 12}:
        return "ole"
    entries = _entries(head, view, 1 << shift, first)
    names = _at_top(entries)
    for name, told in _STREAMS:
        if name in names:
            return told
    if any(
        name.startswith("\u4840") for name in names
    ):  # table names of the installer, packed into CJK letters
        return "msi"
    root = entries[0].class_id if entries else ""
    return _CLASSES.get(root, "ole")


def _at_top(entries: list[_Entry]) -> set[str]:
    """Names of what stands in the root: an embedded document has the same streams in a storage of its own."""
    if not entries:
        return set()
    names, waiting, seen = set(), [entries[0].child], set()
    while waiting:
        number = waiting.pop()
        if number in seen or number >= len(entries):
            continue
        seen.add(number)
        entry = entries[number]
        names.add(entry.name)
        waiting += [entry.left, entry.right]
    return names or {entry.name for entry in entries}


def _entries(head: bytes, view: View, sector_bytes: int, first: int) -> list[_Entry]:
    """Each entry of the directory, as far as it is looked at."""
    result: list[_Entry] = []
    table_at, table = struct.unpack_from("<I", head, 76)[0], b""
    sector = first
    for _ in range(_MAX_SECTORS):
        if sector >= _END_OF_CHAIN:
            break
        data = view.read_range((sector + 1) * sector_bytes, sector_bytes)
        for place in range(0, len(data) - 127, 128):
            length = struct.unpack_from("<H", data, place + 64)[0]
            name = data[place : place + min(max(length - 2, 0), 62)].decode("utf-16-le", "replace")
            left, right, child = struct.unpack_from("<III", data, place + 68)
            result.append(_Entry(name, data[place + 80 : place + 96].hex(), left, right, child))
        if not table:
            table = view.read_range((table_at + 1) * sector_bytes, sector_bytes)
        if 4 * sector + 4 > len(table):
            break
        sector = struct.unpack_from("<I", table, 4 * sector)[0]
    return result

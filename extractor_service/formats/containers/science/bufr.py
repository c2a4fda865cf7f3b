"""BUFR: identification and descriptors of each message; no observation is decoded. WMO-No. 306, Manual on Codes, I.2, FM 94 BUFR."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind, Struct
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.science.octets import moment
from extractor_service.formats.reading.damage import NONSENSE, tolerant
from extractor_service.formats.reading.reader import Reader, TruncatedError
from extractor_service.formats.tags import wmo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "bufr"
_MAGIC = b"BUFR"
_MOST_MESSAGES, _MOST_LISTED = 20_000, 500
_GAP_BYTES = 4096  # between messages: the heading of a bulletin
_MOST_DESCRIPTORS = 1000  # of a message, which has a dozen
# Common table C-13, code table A.
_CATEGORIES = {
    0: "Surface data - land", 1: "Surface data - sea", 2: "Vertical soundings (other than satellite)", 3: "Vertical soundings (satellite)",
    4: "Single level upper-air data (other than satellite)", 5: "Single level upper-air data (satellite)", 6: "Radar data", 7: "Synoptic features",
    8: "Physical/chemical constituents", 9: "Dispersal and transport", 10: "Radiological data", 11: "BUFR tables, complete replacement or update",
    12: "Surface data (satellite)", 13: "Forecasts", 14: "Warnings", 20: "Status information", 21: "Radiances (satellite measured)",
    22: "Radar (satellite) but not altimeter and scatterometer", 23: "Lidar (satellite)", 24: "Scatterometry (satellite)", 25: "Altimetry (satellite)",
    26: "Spectrometry (satellite)", 27: "Gravity measurement (satellite)", 28: "Precision orbit (satellite)", 29: "Space environment (satellite)",
    30: "Calibration datasets (satellite)", 31: "Oceanographic data", 101: "Image data (satellite)",
}  # fmt: skip


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """One field a message."""
    reader = Reader(source)
    at = messages = subsets = 0
    categories: dict[str, None] = {}
    while at < reader.length:
        head = reader.some(at, _GAP_BYTES)
        gap = head.find(_MAGIC)
        if gap < 0:
            if not messages:
                raise CorruptFileError("no message")
            break
        at += gap
        if messages == _MOST_MESSAGES:
            document.problem(SECTION, ProblemKind.LIMIT, f"{_MOST_MESSAGES} messages were read", at)
            break
        messages += 1
        try:
            length, entries = _message(reader, at)
        except (TruncatedError, *NONSENSE) as error:
            kind = ProblemKind.TRUNCATED if isinstance(error, TruncatedError) else ProblemKind.DAMAGED
            document.problem(SECTION, kind, f"message {messages}: {error}", at)
            at += len(_MAGIC)
            continue
        told = dict(entries)
        subsets += told["subsets"] if isinstance(told["subsets"], int) else 0
        categories[str(told["category_name"])] = None
        if messages <= _MOST_LISTED:
            document.add(
                SECTION,
                Field(
                    "Message",
                    Struct(tuple(entries)),
                    group=f"Message{messages}",
                    origin=ByteRange(at, length),
                ),
            )
        if at + length > reader.length:
            document.problem(SECTION, ProblemKind.TRUNCATED, f"message {messages} has {length} bytes, {reader.length - at} are there", at)  # fmt: skip
            break
        if reader.some(at + length - 4, 4) != b"7777":
            document.problem(
                SECTION, ProblemKind.DAMAGED, f"message {messages} doesn't end where its length says", at
            )
            at += len(_MAGIC)
            continue
        at += length
    values: tuple[tuple[str, Value], ...] = (
        ("MessageCount", messages),
        ("SubsetCount", subsets),
        ("Categories", [*categories]),
    )
    for name, value in values:
        document.add(SECTION, Field(name, value, group="File"))
    if messages > _MOST_LISTED:
        document.problem(SECTION, ProblemKind.LIMIT, f"{_MOST_LISTED} of {messages} messages are listed")


def _message(reader: Reader, at: int) -> tuple[int, list[tuple[str, Value]]]:
    length, edition = int.from_bytes(reader.exact(at + 4, 3)), reader.u8(at + 7)
    if edition not in {2, 3, 4}:
        raise ValueError(f"edition {edition}")
    place = at + 8
    size = int.from_bytes(reader.exact(place, 3))
    data = reader.exact(place, min(size, 64))
    entries: list[tuple[str, Value]] = [("edition", edition), ("message_bytes", length)]
    entries += _new(data) if edition == 4 else _old(data, edition)
    has_local = bool(data[9 if edition == 4 else 7] & 0x80)
    entries.append(("local_section", has_local))
    place += size
    if has_local:
        place += int.from_bytes(reader.exact(place, 3))
    size = int.from_bytes(reader.exact(place, 3))
    head = reader.exact(place, 7)
    entries += [
        ("subsets", int.from_bytes(head[4:6])),
        ("observed", bool(head[6] & 0x80)),
        ("compressed", bool(head[6] & 0x40)),
    ]
    if place + size > at + length:
        raise ValueError("sections are longer than the message")
    count = max(0, (size - 7) // 2)
    kept = reader.exact(place + 7, 2 * min(count, _MOST_DESCRIPTORS))
    codes = [int.from_bytes(kept[each : each + 2]) for each in range(0, len(kept), 2)]
    descriptors = [(each >> 14) * 100_000 + (each >> 8 & 0x3F) * 1000 + (each & 0xFF) for each in codes]
    entries.append(("descriptors", [f"{each:06d}" for each in descriptors]))
    names: list[Value] = [wmo.ELEMENTS[each] for each in descriptors if each in wmo.ELEMENTS]
    if names:
        entries.append(("elements", names))
    return length, entries


def _category(number: int) -> Iterator[tuple[str, Value]]:
    yield "category", number
    yield "category_name", _CATEGORIES.get(number, f"Unknown ({number})")


def _new(data: bytes) -> Iterator[tuple[str, Value]]:
    """Section 1 of edition 4."""
    centre = int.from_bytes(data[4:6])
    yield "centre", centre
    yield "centre_name", wmo.CENTRES.get(centre, "")
    yield "sub_centre", int.from_bytes(data[6:8])
    yield "update_sequence", data[8]
    yield from _category(data[10])
    yield "international_sub_category", data[11]
    yield "local_sub_category", data[12]
    yield "master_table_version", data[13]
    yield "local_table_version", data[14]
    yield "time", moment(int.from_bytes(data[15:17]), *data[17:22])


def _old(data: bytes, edition: int) -> Iterator[tuple[str, Value]]:
    """Section 1 of editions 2 and 3: years of a century, without the century."""
    centre = data[5] if edition == 3 else int.from_bytes(data[4:6])
    yield "centre", centre
    yield "centre_name", wmo.CENTRES.get(centre, "")
    if edition == 3:
        yield "sub_centre", data[4]
    yield "update_sequence", data[6]
    yield from _category(data[8])
    yield "local_sub_category", data[9]
    yield "master_table_version", data[10]
    yield "local_table_version", data[11]
    year = data[12] if data[12] < 100 else 0  # writers put 100 for 2000
    yield "time", moment(year + (2000 if year < 70 else 1900), data[13], data[14], data[15], data[16], 0)

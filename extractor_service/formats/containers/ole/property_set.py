"""Property sets: title, author, dates, counts and what users add. Microsoft, MS-OLEPS 2 (types, sets), MS-OSHARED 2.3.3."""

from __future__ import annotations

import math
import re
import struct
import uuid
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.reading import names
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.fields import add_binary
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor_service.document import Document, Value

SECTION, GROUP = "flashpix", "FlashPix"
_MOST_PROPERTIES = 2000  # of one set
_ITEM_COST = 32  # bytes, of each in a vector: a date of eight takes as long as a text of thirty
_MOST_ITEMS = 5000  # of one vector
_VECTOR = 0x1000  # many values of one type (MS-OLEPS specification, 2.15)
_UTF_16, _CODE_PAGE, _LOCALE = 1200, 1, 0x80000000
_NUMBERS = {2: "h", 3: "i", 4: "f", 5: "d", 10: "i", 11: "h", 16: "b", 17: "B", 18: "H", 19: "I", 20: "q", 21: "Q", 22: "i", 23: "I"}  # fmt: skip
_BSTR, _LPSTR, _LPWSTR, _FILETIME, _DATE, _BLOB, _CLIP, _CLSID, _VARIANT, _CURRENCY = (
    8,
    30,
    31,
    64,
    7,
    65,
    71,
    72,
    12,
    6,
)
_DAYS_TO_1970_OF_OLE = 25_569  # since the last day but one of 1899
_SECONDS_TO_1970 = 11_644_473_600  # since 1601
_A_YEAR_SECONDS = 365 * 86_400  # a FILETIME below is a time span


def _app_version(value: Value) -> Value:
    return f"{value >> 16}.{value & 0xFFFF:04d}" if isinstance(value, int) else value


def span_text(seconds: Value) -> str:
    """A span, "3.2 minutes" and the like."""
    if not isinstance(seconds, (int, float)):
        return ""
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:g} seconds"


_CONVERSIONS = {
    "AppVersion": Conversion(_app_version),
    "TotalEditTime": Conversion(printer=span_text, unit="s"),
}
SUMMARY = Table("documents/FlashPix::SummaryInfo", SECTION, GROUP, _CONVERSIONS)
DOCUMENT = Table("documents/FlashPix::DocumentInfo", SECTION, GROUP, _CONVERSIONS)
_LINKS, _LINK_BASE, _IDENTITY = "_PID_HLINKS", "_PID_LINKBASE", "_PID_GUID"


class _Clip(NamedTuple):
    """A clipboard picture, of which only the length matters."""

    length: int


class Described(NamedTuple):
    """The table of a set, and which bits of its ids count where several things of one kind have one each."""

    table: Table
    masks: tuple[int, ...] = ()

    def key_of(self, key: str | int) -> str | int:
        """The id that the table has of it."""
        tags = self.table.tags
        if key not in tags and isinstance(key, int):
            return next((key & mask for mask in self.masks if key & mask in tags), key)
        return key


def _sets(name: str, masks: tuple[int, ...] = ()) -> Described:
    return Described(Table(f"documents/FlashPix::{name}", SECTION, GROUP), masks)


SETS = {
    "\5SummaryInformation": Described(SUMMARY),
    "\5DocumentSummaryInformation": Described(DOCUMENT),
    "\5Image Info": _sets("ImageInfo"),
    "\5Image Contents": _sets("Image", (0xFF00FFFF,)),
    "\5Extension List": _sets("Extensions", (0xFFFF, 0xF00F)),
    "\5Data Object": _sets("DataObject"),
    "\5Transform": _sets("Transform"),
    "\5Operation": _sets("Operation"),
    "\5Global Info": _sets("GlobalInfo"),
}
"""By the stream that holds them: of Office's documents, and of FlashPix pictures."""


def read(data: bytes, document: Document, described: Described, group: str, at: int | None) -> None:
    """Adds the properties of the one or two sets of a stream."""
    if len(data) < 48 or data[:2] != b"\xfe\xff":
        document.problem(SECTION, ProblemKind.DAMAGED, "a property set without its byte order mark", at)
        return
    count = struct.unpack_from("<I", data, 24)[0]
    origin = ByteRange(at, len(data)) if at is not None else None
    for number in range(min(count, 2)):
        with Surviving(document, SECTION, f"property set {number + 1}", at):
            begin = struct.unpack_from("<I", data, 28 + 20 * number + 16)[0]
            _Set(data, begin, document, described, group, origin).add()


class _Values:
    """Values by their types, in the bytes of a set that begins at `begin`."""

    def __init__(self, data: bytes, begin: int, code_page: int, spend: Callable[[int], None]) -> None:
        self._data, self._begin, self._code_page = data, begin, code_page
        self._spend = spend  # properties may overlap: what is decoded counts, also where it ends in nonsense

    def text(self, raw: bytes) -> str:
        page = self._code_page
        if page == _UTF_16:
            return raw.decode("utf-16-le", "replace").partition("\0")[0]
        try:
            return raw.decode(_codec(page)).partition("\0")[0]
        except (UnicodeDecodeError, LookupError):
            return raw.decode("cp1252", "replace").partition("\0")[0]

    def value(self, kind: int, at: int, *, is_packed: bool = False) -> tuple[Value | _Clip | bytes, int]:
        """The value and where it ends."""
        data, base = self._data, kind & 0xFFF
        if kind & _VECTOR:
            return self._vector(base, at)
        if kind & 0xF000:
            raise ValueError(f"type {kind:#x}")
        if base in _NUMBERS:
            form = "<" + _NUMBERS[base]
            value = struct.unpack_from(form, data, at)[0]
            return (bool(value) if base == 11 else value), at + max(4, struct.calcsize(form))
        if base in {_BSTR, _LPSTR, _LPWSTR, _BLOB, _CLIP}:
            length = struct.unpack_from("<I", data, at)[0] * (2 if base == _LPWSTR else 1)
            raw = data[at + 4 : at + 4 + length]
            self._spend(len(raw))
            if len(raw) < length:
                raise ValueError(f"{length} bytes, of which {len(raw)} are there")
            end = at + 4 + length + (0 if is_packed and base != _LPWSTR else -length % 4)
            if base == _LPWSTR:
                return raw.decode("utf-16-le", "replace").partition("\0")[0], end
            return (raw if base == _BLOB else _Clip(length) if base == _CLIP else self.text(raw)), end
        if base == _FILETIME:
            return _moment(struct.unpack_from("<Q", data, at)[0]), at + 8
        if base == _DATE:
            days = struct.unpack_from("<d", data, at)[0]
            return _unix((days - _DAYS_TO_1970_OF_OLE) * 86_400) if days else "", at + 8
        if base == _CURRENCY:
            return struct.unpack_from("<q", data, at)[0] / 10_000, at + 8
        if base == _CLSID:
            return str(uuid.UUID(bytes_le=data[at : at + 16])).upper(), at + 16
        if base == _VARIANT:
            inner = struct.unpack_from("<I", data, at)[0]
            if inner & _VECTOR or inner == _VARIANT:
                raise ValueError("a variant of many")
            return self.value(inner, at + 4, is_packed=is_packed)
        return ("" if base == 0 else None), at

    def _vector(self, kind: int, at: int) -> tuple[Value, int]:
        if kind & _VECTOR:
            raise ValueError("a vector of vectors")
        count = min(struct.unpack_from("<I", self._data, at)[0], len(self._data) - at)
        at += 4
        values: list[Value] = []
        for _ in range(min(count, _MOST_ITEMS)):
            self._spend(_ITEM_COST)
            if kind in _NUMBERS:
                form = "<" + _NUMBERS[kind]
                values.append(struct.unpack_from(form, self._data, at)[0])
                at += struct.calcsize(form)
                continue
            if self._data[at : at + 1] == b"\0" and kind in {_LPSTR, _VARIANT}:
                at = self._padded(at)
            value, at = self.value(kind, at, is_packed=True)
            values.append(value if not isinstance(value, (_Clip, bytes)) else None)
        return values, at

    def _padded(self, at: int) -> int:
        """Behind the zeros that some writers put between texts of a vector (2.15 forbids them)."""
        begin = at
        while begin % 4 != self._begin % 4 and self._data[begin : begin + 1] == b"\0":
            begin += 1
        return begin if begin % 4 == self._begin % 4 else at


class _Set:
    """One set of properties."""

    def __init__(self, data: bytes, begin: int, document: Document, described: Described, group: str, origin: ByteRange | None) -> None:  # fmt: skip
        self._data, self._begin = data, begin
        self._document, self._described, self._group, self._origin = document, described, group, origin
        count = struct.unpack_from("<I", data, begin + 4)[0]
        self._places = [struct.unpack_from("<II", data, begin + 8 + 8 * each) for each in range(min(count, _MOST_PROPERTIES)) if begin + 16 + 8 * each <= len(data)]  # fmt: skip
        self._code_page = self._page()
        self._values = _Values(data, begin, self._code_page, document.spend)

    def add(self) -> None:
        """Adds its properties, in the file's order."""
        dictionary: dict[int, str] = {}
        places: set[int] = set()
        for key, offset in self._places:
            if offset in places:
                continue
            places.add(offset)
            with Surviving(self._document, SECTION, f"property {key:#x}", self._origin and self._origin.offset_bytes):  # fmt: skip
                if key == 0:
                    dictionary = dictionary or self._dictionary(self._begin + offset)
                    continue
                at = self._begin + offset
                kind = struct.unpack_from("<I", self._data, at)[0]
                if not self._is_told(key, dictionary.get(key, "")):
                    continue
                value, _ = self._values.value(kind, at + 4)
                self._put(key, dictionary.get(key, ""), value)

    def _is_told(self, key: int, own: str) -> bool:
        """Whether the value has a name: properties may overlap, and none is decoded for nothing."""
        shared = not own and key in {_CODE_PAGE, _LOCALE}
        return bool(own) or shared or self._described.key_of(key) in self._described.table.tags

    def _page(self) -> int:
        for key, offset in self._places:
            if key == _CODE_PAGE and self._begin + offset + 6 <= len(self._data):
                return int(struct.unpack_from("<H", self._data, self._begin + offset + 4)[0])
        return 1252

    def _put(self, key: int, own: str, value: Value | _Clip | bytes) -> None:
        name = self._described.key_of(own or key)
        table = self._described.table
        if own == _LINKS and isinstance(value, bytes):
            value = self._links(value)
        elif own in {_LINK_BASE, _IDENTITY} and isinstance(value, bytes):
            value = value.decode("utf-16-le", "replace").rstrip("\0")
        shared = not own and key in {_CODE_PAGE, _LOCALE}  # of every set, before what its own table has
        tag = SUMMARY.tags.get(key) if shared else table.tags.get(name)
        if isinstance(value, bool) and not own:
            value = int(value)  # as all flags of these sets, which have labels
        shown = tag.name if tag is not None else _shown(own) if own else ""
        if not shown or value is None:
            return
        if tag is not None and tag.name == "SubimageColor":
            value = f"{value[4]:02x} {int.from_bytes(value[10:12], 'little'):04x}" if isinstance(value, bytes) and len(value) > 11 else None  # fmt: skip
            if value is None:
                return
        if isinstance(value, (_Clip, bytes)):
            length = value.length if isinstance(value, _Clip) else len(value)
            add_binary(self._document, SECTION, self._group, shown, length, None)
        elif tag is not None and key == _CODE_PAGE and not own:
            page = value & 0xFFFF if isinstance(value, int) else value
            self._document.add(SECTION, Field(shown, page, tag.text(page), group=self._group, origin=self._origin))  # fmt: skip
        elif (
            tag is None
            or shared
            or not table.put(self._document, name, value, self._origin, group=self._group)
        ):
            self._document.add(SECTION, Field(shown, value, group=self._group, origin=self._origin))

    def _dictionary(self, at: int) -> dict[int, str]:
        """Names that users gave (2.17)."""
        data, found = self._data, {}
        count = struct.unpack_from("<I", data, at)[0]
        at += 4
        for _ in range(min(count, _MOST_PROPERTIES)):
            if at + 8 > len(data):
                break
            key, length = struct.unpack_from("<II", data, at)
            at += 8
            size = length * 2 if self._code_page == _UTF_16 else length
            found[key] = self._values.text(data[at : at + size])
            at += size + (-size % 4 if self._code_page == _UTF_16 else 0)
        return found

    def _links(self, blob: bytes) -> Value:
        """Addresses out of the links, each six values (MS-OSHARED 2.3.3.1.21)."""
        inner = _Values(blob, 0, self._code_page, self._document.spend)
        count, at = struct.unpack_from("<I", blob)[0], 4
        values: list[str] = []
        with Surviving(self._document, SECTION, "the links"):
            for _ in range(min(count, _MOST_ITEMS)):
                kind = struct.unpack_from("<I", blob, at)[0]
                value, at = inner.value(kind, at + 4)
                values.append(str(value))
        return [
            values[each + 4] + (f"#{values[each + 5]}" if values[each + 5] else "")
            for each in range(0, len(values) - 5, 6)
        ]


def _shown(own: str) -> str:
    return names.kept(re.sub(r"(^| )([a-z])", lambda found: found[2].upper(), own))


def _codec(page: int) -> str:
    return {65001: "utf-8", 10000: "mac_roman", 20127: "ascii", 28591: "latin-1", 936: "gbk", 949: "cp949"}.get(page, f"cp{page}")  # fmt: skip


def _moment(ticks: int) -> Value:
    """A date of a FILETIME without zone, for programs differ in what they write; seconds where it is a span."""
    seconds = ticks / 10_000_000
    if seconds <= _A_YEAR_SECONDS:
        return int(seconds) if seconds.is_integer() else seconds
    return _unix(seconds - _SECONDS_TO_1970)


def _unix(seconds: float) -> str:
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415 - in workers only

    try:
        return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=math.floor(seconds + 0.5)):%Y:%m:%d %H:%M:%S}"
    except OverflowError:
        return ""

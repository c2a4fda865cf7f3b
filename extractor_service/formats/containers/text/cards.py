"""Calendars, contacts and notes. RFC 5545 (iCalendar), RFC 6350 (vCard 4), versit vCard 2.1; names as ExifTool has them."""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.containers.text import lines
from extractor_service.formats.reading.damage import tolerant
from extractor_service.formats.reading.fields import add_binary
from extractor_service.formats.reading.table import Table

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "vcard"
_MOST_BYTES = 2 * 1024 * 1024  # read: five thousand cards
_MOST_FIELDS = 20_000  # of a document that may have 50,000
_TABLES = {
    kind: Table(f"documents/VCard::{name}", SECTION, "VCard")
    for kind, name in (("VCARD", "Main"), ("VCALENDAR", "VCalendar"), ("VNOTE", "VNote"))
}
_NAME = re.compile(r"[-A-Za-z0-9.]+")
_PARAMETER = re.compile(r";([-A-Za-z0-9]*)(=?)([^\";:]*(?:\"[^\"]*\"[^\";:]*)*)")
_DATE = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:[ T]+(\d\d):?(\d\d):?(\d\d)?(\S*))?$")
_LISTS = frozenset({"Categories", "Resources", "Nickname"})
_COMMA = re.compile(r"(?<!\\),")
_ESCAPES = re.compile(r"\\(.)", re.DOTALL)
_COUNTED = (("Event", "Events"), ("Todo", "Todos"), ("Journal", "Journals"), ("Freebusy", "FreeBusies"))


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """All properties, each in the group of its component; how many events, tasks and cards there are."""
    text, is_whole = lines.text_of(source, _MOST_BYTES)
    if not is_whole:
        document.problem(SECTION, ProblemKind.LIMIT, f"{_MOST_BYTES} of {source.size_bytes} bytes were read")
    cards = _Cards(document, ByteRange(0, min(source.size_bytes, _MOST_BYTES)))
    for line in _unfolded(text):
        cards.line(line)
    cards.finish()


def _unfolded(text: str) -> list[str]:
    """Lines; one that begins with a blank goes on with the one before, as one of vCard 2.1 does behind a soft break."""
    found: list[list[str]] = []
    for line in text.splitlines():
        if line[:1] in {" ", "\t"} and found:
            found[-1].append(line[1:])
        elif found and found[-1][-1].endswith("=") and "QUOTED-PRINTABLE" in found[-1][0][:500].upper():
            found[-1][-1] = found[-1][-1][:-1]
            found[-1].append(line)
        elif line.strip():
            found.append([line])
    return ["".join(each) for each in found]


class _Cards:
    """What the lines say, one after the other."""

    def __init__(self, document: Document, origin: ByteRange) -> None:
        self._document, self._origin = document, origin
        self._table = _TABLES["VCARD"]
        self._cards = self._fields = 0
        self._open: list[str] = []
        self._counts: dict[str, int] = {}
        self._inner: list[dict[str, int]] = [{}]

    def line(self, line: str) -> None:
        """One unfolded line."""
        parts = _split(line)
        if parts is None:
            self._document.problem(SECTION, ProblemKind.DAMAGED, f"{line[:60]!r} is no property")
            return
        name, parameters, value = parts
        key = name.upper()
        if key == "BEGIN":
            self._begin(value.strip())
        elif key == "END":
            if self._open:
                self._open.pop()
                self._inner.pop()
        elif self._fields < _MOST_FIELDS:
            self._fields += 1
            self._property(name, parameters, value)
            if self._fields == _MOST_FIELDS:
                self._document.problem(SECTION, ProblemKind.LIMIT, f"{_MOST_FIELDS} properties were read")

    def _begin(self, kind: str) -> None:
        if kind.upper() in _TABLES:
            self._table = _TABLES[kind.upper()]
            self._cards += 1
            self._open, self._inner = [], [{}]
        what = kind.removeprefix("V").removeprefix("v").capitalize()
        if len(self._open) == 1:
            self._counts[what] = self._counts.get(what, 0) + 1
        self._inner[-1][what] = self._inner[-1].get(what, 0) + 1
        self._open.append(what)
        self._inner.append({})

    def _group(self) -> tuple[str, str]:
        """The group, and what stands before the names: components in components, and their numbers."""
        if len(self._open) < 2:
            return ("VCard" if self._cards < 2 else f"VCard{self._cards}"), ""
        top = self._open[1]
        prefix = ""
        for level, each in enumerate(self._open[2:], 2):
            number = self._inner[level].get(each, 1)
            prefix += f"{each}{number if each == 'Alarm' else ''}"
        return f"{top}{self._counts.get(top, 1)}", prefix

    def _property(self, name: str, text: str, value: str) -> None:
        group, prefix = self._group()
        own, _, bare = name.rpartition(".")
        key = bare.capitalize()
        tag = self._table.tags.get(key)
        if tag is not None:
            shown = tag.name
        else:
            shown = bare if re.search("[a-z]", bare) else key
            shown = shown.removeprefix("X-")
            shown = shown[:1].upper() + shown[1:]
        parameters = self._parameters(text)
        kind = parameters.get("Type", "")
        shown = f"{prefix}{shown}{kind}"
        group = own.capitalize() or group
        encoding = parameters.get("Encoding", "").upper()
        data = re.match(r"data:(\w+)/(\w+);base64,", value)
        if data is not None:
            shown += data[1].capitalize() + data[2].capitalize()
            value, encoding = value[data.end() :], "B"
        if encoding in {"B", "BASE64"}:
            try:
                length = len(base64.b64decode("".join(value.split()), validate=False))
            except (binascii.Error, ValueError):
                self._document.problem(SECTION, ProblemKind.DAMAGED, f"{shown} isn't base64")
                return
            add_binary(self._document, SECTION, group, shown, length, self._origin)
            return
        if encoding == "QUOTED-PRINTABLE":
            value = quopri.decodestring(value.encode("utf-8")).decode("utf-8", "replace")
        if key in _LISTS and (parts := _COMMA.split(value))[1:]:
            self._put(group, shown, [_plain(each) for each in parts])
        else:
            self._put(group, shown, self._meant(value))
        for each in ("Geo", "Label", "Tzid"):
            if each in parameters:
                inner = self._table.tags.get(each)
                self._put(
                    group, shown + (inner.name if inner is not None else each), _plain(parameters[each])
                )

    def _parameters(self, text: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, equals, value in _PARAMETER.findall(text):
            key = name.capitalize()
            if not equals:  # vCard 2.1: the value alone
                key, value = "Type", name  # noqa: PLW2901 - as written
                if name.upper() in {"QUOTED-PRINTABLE", "BASE64"}:
                    key = "Encoding"
            bare = value.replace('"', "")
            if key == "Type":
                bare = "".join(each.capitalize() for each in bare.split(","))
            found[key] = found.get(key, "") + bare
        return found

    def _meant(self, value: str) -> Value:
        date = _DATE.match(value)
        if date is not None:
            year, month, day, hour, minute, second, zone = date.groups()
            clock = f" {hour}:{minute}:{second or '00'}{zone or ''}" if hour else ""
            return f"{year}:{month}:{day}{clock}"
        return _plain(value)

    def _put(self, group: str, name: str, value: Value) -> None:
        self._document.add(SECTION, Field(name, value, group=group, origin=self._origin))

    def finish(self) -> None:
        """Adds the counts, which no property has."""

        def add(name: str, value: int) -> None:
            self._document.add("calendar" if self._table is _TABLES["VCALENDAR"] else "contacts", Field(name, value, group="Counts"))  # fmt: skip

        if self._table is _TABLES["VCARD"]:
            add("Cards", self._cards)
        for kind, shown in _COUNTED:
            if self._counts.get(kind):
                add(shown, self._counts[kind])


def _split(line: str) -> tuple[str, str, str] | None:
    """Name, parameters and value: the first colon that stands in no quotes divides them (RFC 5545, 3.1)."""
    name = _NAME.match(line)
    if name is None:
        return None
    at = name.end()
    while at < len(line):
        if line[at] == ":":
            return name[0], line[name.end() : at], line[at + 1 :]
        if line[at] == '"':
            at = line.find('"', at + 1)
            if at < 0:
                return None
        at += 1
    return None


def _plain(value: str) -> str:
    """The text behind the escapes (RFC 5545, 3.3.11)."""
    return _ESCAPES.sub(lambda found: "\n" if found[1] in "nN" else found[1], value)

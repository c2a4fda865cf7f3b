"""GRIB: the headers of all messages, editions 1 and 2; no field's values are read.

WMO-No. 306, Manual on Codes, I.2: FM 92 GRIB (edition 1 by its guide, WMO 1994). Sections are numbered as there. A message may
have several fields; each is one field here, with what it is of, when, where, and how it is packed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind, Struct
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.science import grib1, grib2
from extractor_service.formats.reading.damage import NONSENSE, tolerant
from extractor_service.formats.reading.reader import Reader, TruncatedError
from extractor_service.formats.reading.strides import Stride
from extractor_service.sources.base import will_read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "grib"
_MAGIC, _END = b"GRIB", b"7777"
_MOST_MESSAGES = 20_000  # walked
_MOST_FIELDS = 20_000  # of all messages, walked
_MOST_LISTED = 1000  # described one by one; sums are of all that were walked
_GAP_BYTES = 4096  # between messages: padding, or the headers of a bulletin
_HINT_BYTES = 1024  # sections before the data
_MOST_NAMED = 500  # parameters, levels


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """One field of the document for each field of each message, and what they have in common."""
    reader = Reader(source)
    tally, stride, at = _Tally(document), Stride(), 0
    while at < reader.length:
        head = reader.some(at, _GAP_BYTES)
        gap = head.find(_MAGIC)
        if gap < 0:
            if not tally.messages:
                raise CorruptFileError("no message")
            if head.strip(b"\0 \r\n"):
                document.problem(SECTION, ProblemKind.DAMAGED, f"bytes behind {tally.messages} messages", at)
            break
        at += gap
        if tally.messages == _MOST_MESSAGES or tally.fields >= _MOST_FIELDS:
            document.problem(
                SECTION,
                ProblemKind.LIMIT,
                f"{tally.messages} messages with {tally.fields} fields were read",
                at,
            )
            break
        will_read(source, [(each, _HINT_BYTES) for each in stride.following(at)])
        try:
            length = _message(reader, at, tally)
        except (TruncatedError, *NONSENSE) as error:
            kind = ProblemKind.TRUNCATED if isinstance(error, TruncatedError) else ProblemKind.DAMAGED
            document.problem(SECTION, kind, f"message {tally.messages}: {error}", at)
            length = tally.length
        if length < 8:
            break
        if at + length > reader.length:
            document.problem(SECTION, ProblemKind.TRUNCATED, f"message {tally.messages} has {length} bytes, {reader.length - at} are there", at)  # fmt: skip
            break
        at += length
    tally.finish()


def _message(reader: Reader, at: int, tally: _Tally) -> int:
    """Adds the message's fields; returns its length."""
    edition = reader.u8(at + 7)
    if edition == 1:
        length = grib1.length_of(reader, at)
        tally.begin(edition, at, length)
        tally.add(grib1.describe(reader, at))
    elif edition in {2, 3}:
        length = reader.u64(at + 8)
        tally.begin(edition, at, length)
        for each in grib2.fields(reader, at, length):
            tally.add(each)
            if tally.fields >= _MOST_FIELDS:
                break
    else:
        raise ValueError(f"edition {edition}")
    end = reader.some(at + length - 4, 4)
    if len(end) == 4 and end != _END:
        raise ValueError("the end isn't where the length says")
    return length


class _Tally:
    """Fields of one file."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.messages = self.fields = self.length = self._at = 0
        self._editions: dict[int, None] = {}
        self._named: dict[str, dict[str, None]] = {"Parameters": {}, "Levels": {}, "Grids": {}, "Centres": {}}
        self._times: list[str] = []
        self._first = self._last = ""

    def begin(self, edition: int, at: int, length: int) -> None:
        """A message comes."""
        self.messages += 1
        self._editions[edition] = None
        self._at, self.length = at, length

    def add(self, entries: Sequence[tuple[str, Value]]) -> None:
        """A field."""
        self.fields += 1
        told = dict(entries)
        for name, key in (
            ("Parameters", "parameter"),
            ("Levels", "level"),
            ("Grids", "grid"),
            ("Centres", "centre_name"),
        ):
            value = told.get(key)
            if isinstance(value, str) and value and len(self._named[name]) < _MOST_NAMED:
                self._named[name][value] = None
        time = told.get("reference_time")
        if isinstance(time, str):
            self._first = min(self._first or time, time)
            self._last = max(self._last, time)
        if self.fields <= _MOST_LISTED:
            origin = ByteRange(self._at, self.length)
            self._document.add(
                SECTION,
                Field("Field", Struct(tuple(entries)), group=f"Message{self.messages}", origin=origin),
            )

    def finish(self) -> None:
        """What they have in common."""

        def put(name: str, value: Value) -> None:
            self._document.add(SECTION, Field(name, value, group="File"))

        put("MessageCount", self.messages)
        put("FieldCount", self.fields)
        put("Editions", [*self._editions])
        for name, values in self._named.items():
            if values:
                put(name, [*values])
        if self._first:
            put("FirstReferenceTime", self._first)
            put("LastReferenceTime", self._last)
        if self.fields > _MOST_LISTED:
            self._document.problem(
                SECTION, ProblemKind.LIMIT, f"{_MOST_LISTED} of {self.fields} fields are listed"
            )

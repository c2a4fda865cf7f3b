"""What parsers produce: a document of sections of fields, in plain Python values.

A document is filled while it is parsed, so that what was found before damage or a time limit stays. It knows
nothing of the wire; `workers/encode.py` translates.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

from extractor_service.breath import EVERY, breathe
from extractor_service.depth import Depth, DocumentLimits


class Rational(NamedTuple):
    """An exact fraction; a denominator of 0 is kept as the file has it."""

    numerator: int
    denominator: int

    def real(self) -> float | None:
        """The quotient; None for a denominator of 0."""
        return self.numerator / self.denominator if self.denominator else None


class Struct(NamedTuple):
    """Named values in file order."""

    entries: tuple[tuple[str, Value], ...]


Value = str | int | float | bool | bytes | Rational | Struct | list["Value"] | None


Number = int | float
"""A number as it was stored: an integer stays one, which `float` alone says to people and not to compilers."""


class ByteRange(NamedTuple):
    """Bytes of the file."""

    offset_bytes: int
    length_bytes: int


class Field:  # noqa: PLW1641 - its parts change: nobody may hash it
    """One named value; see Field in protos/metaextract/document/v1/document.proto.

    Written out: a dataclass with slots is none that compiles.
    """

    __slots__ = ("group", "name", "note", "origin", "raw", "text", "unit", "value")

    def __init__(
        self,
        name: str,
        value: Value,
        text: str = "",
        unit: str = "",
        raw: Value = None,
        group: str = "",
        note: str = "",
        origin: ByteRange | None = None,
    ) -> None:
        self.name = name
        self.value = value
        self.text = text
        self.unit = unit
        self.raw = raw
        self.group = group
        self.note = note
        self.origin = origin

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Field) and self._parts() == other._parts()

    def __repr__(self) -> str:
        return f"Field{self._parts()}"

    def _parts(self) -> tuple[object, ...]:
        return self.name, self.value, self.text, self.unit, self.raw, self.group, self.note, self.origin


class ProblemKind(Enum):
    """Kinds of trouble; the numbers are those of the wire enum."""

    DAMAGED = 1
    TRUNCATED = 2
    LIMIT = 3
    UNSUPPORTED = 4
    READER = 5


class Outcome(Enum):
    """How a module ended; the numbers are those of the wire enum, rising in severity from OK on."""

    OK = 1
    PARTIAL = 2
    UNSUPPORTED = 3
    CORRUPT = 4
    TIMEOUT = 5
    OUT_OF_MEMORY = 6
    CRASHED = 7


@dataclass
class Problem:
    """Something that went wrong; the rest of the document stands."""

    section: str
    kind: ProblemKind
    message: str
    offset_bytes: int | None = None


class Severity(Enum):
    """How much an observation matters; the numbers are those of the wire enum."""

    NOTE = 1
    """A fact worth knowing: most files of its kind have it, or it was meant."""
    WARNING = 2
    """Two things in the file contradict each other, or something is where nothing should be."""
    ALERT = 3
    """It says of itself that it was altered, or can't be what it claims."""


class Evidence(NamedTuple):
    """What an observation stands on."""

    field: str
    """As "section.Name", or a name for bytes that no field has."""
    value: str
    origin: ByteRange | None = None


class Observation(NamedTuple):
    """A statement about the file, with what it stands on and what would disprove it. Never a score."""

    kind: str
    severity: Severity
    statement: str
    evidence: tuple[Evidence, ...]
    disproof: str


class ZoneSource(Enum):
    """Where the offset of a time came from; the numbers are those of the wire enum."""

    UNKNOWN = 0
    OFFSET_TAG = 1
    FORMAT_UTC = 2
    GPS = 3
    POSITION = 4


class DateTime(NamedTuple):
    """A point in time in ISO 8601, as exact as the file says."""

    iso: str
    zone_source: ZoneSource
    field: str


class Position(NamedTuple):
    """A point on earth, WGS 84, in degrees and metres."""

    latitude_degrees: float
    longitude_degrees: float
    altitude_meters: float | None = None


@dataclass
class Common:
    """The facts that users ask first; None and "" are unknown."""

    width_pixels: int | None = None
    height_pixels: int | None = None
    duration_seconds: float | None = None
    created_at: DateTime | None = None
    position: Position | None = None
    device_make: str = ""
    device_model: str = ""
    title: str = ""
    author: str = ""
    software: str = ""
    page_count: int | None = None
    orientation: int | None = None
    display_width_pixels: int | None = None
    display_height_pixels: int | None = None
    frames_per_second: float | None = None
    video_codec: str = ""
    audio_codec: str = ""
    bits_per_second: int | None = None
    audio_channels: int | None = None
    sample_rate_hertz: int | None = None
    album: str = ""
    track_number: int | None = None


class LimitExceededError(Exception):
    """A budget of the document is used up; what has been added stays."""


class HardLimitError(LimitExceededError):
    """A budget that no depth raises."""


_FIELD_OVERHEAD_BYTES: Final = 40  # tags, lengths and the origin
_ITEM_OVERHEAD_BYTES: Final = 8  # of one value in a list, on the wire
_DERIVED_FIELDS, _DERIVED_BYTES = 200, 32 * 1024  # room for composite and common, even in a full document
_MAX_MESSAGE_CHARS: Final = 300  # a Problem is for people; what is quoted of a file may be endless


@dataclass
class Document:
    """Sections by name, each a list of fields in file order; problems; common facts."""

    limits: DocumentLimits = Depth.STANDARD.limits
    sections: dict[str, list[Field]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    common: Common = field(default_factory=Common)
    digests: dict[str, str] = field(default_factory=dict)
    observations: list[Observation] = field(default_factory=list)
    field_count: int = 0
    total_bytes: int = 0
    spent_bytes: int = 0
    max_fields: int = field(init=False)
    max_total_bytes: int = field(init=False)
    _first: dict[str, tuple[int, dict[str, Field] | None]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        self.max_fields = self.limits.max_fields
        self.max_total_bytes = self.limits.max_total_bytes

    def add(self, section: str, field: Field) -> None:
        """Appends a field to a section. The hottest call of all parsers, hence the short cuts for plain values.

        Raises:
            LimitExceededError: the document is full.
        """
        value, raw = field.value, field.raw
        kind = type(value)
        if kind is int or kind is float:
            size = 9
        elif kind is str or kind is bytes:
            if len(value) > self.limits.max_value_bytes // 4:  # type: ignore[arg-type]
                value = field.value = self._cut(section, field.name, value)
            size = len(value) if kind is bytes or value.isascii() else size_of(value)  # type: ignore[arg-type,union-attr]
        else:
            size = size_of(value)
        if raw is not None:
            size += 8 if type(raw) is Rational else size_of(raw)
        text, note = field.text, field.note
        size += len(field.name) + len(field.group)
        if text:
            size += len(text) if text.isascii() else size_of(text)
        if note:
            size += len(note) if note.isascii() else size_of(note)
        self.put(section, field, size)

    def put(self, section: str, field: Field, size: int) -> None:
        """Appends a finished field whose values and texts take about `size` bytes; raises as `add` does."""
        total_bytes = self.total_bytes + size + _FIELD_OVERHEAD_BYTES
        if self.field_count >= self.max_fields or total_bytes > self.max_total_bytes:
            raise LimitExceededError(f"the document is full at {self.field_count} fields")
        if self.field_count % EVERY == 0:
            breathe()
        self.field_count += 1
        self.total_bytes = total_bytes
        fields = self.sections.get(section)
        if fields is None:
            self.sections[section] = [field]
        else:
            fields.append(field)

    def put_all(self, section: str, fields: list[Field], size: int) -> None:
        """Appends finished fields, one or more, that take about `size` bytes together; raises as `add` does, with as many kept as there is room for."""
        count = self.field_count + len(fields)
        total_bytes = self.total_bytes + size + _FIELD_OVERHEAD_BYTES * len(fields)
        if count > self.max_fields or total_bytes > self.max_total_bytes:
            for each in fields:
                self.add(section, each)
            return
        if count // EVERY != self.field_count // EVERY:
            breathe()
        self.field_count, self.total_bytes = count, total_bytes
        self.sections.setdefault(section, []).extend(fields)

    def make_room(self) -> None:
        """Room for what is derived from the rest, even of a full document."""
        self.max_fields = max(self.max_fields, self.field_count + _DERIVED_FIELDS)
        self.max_total_bytes = max(self.max_total_bytes, self.total_bytes + _DERIVED_BYTES)

    def append(self, values: list[Value], value: Value) -> None:
        """One more value in the list of a field that has been added; raises as `add` does."""
        total_bytes = self.total_bytes + size_of(value) + _ITEM_OVERHEAD_BYTES
        if total_bytes > self.max_total_bytes:
            raise LimitExceededError(f"the document is full at {self.field_count} fields")
        self.total_bytes = total_bytes
        values.append(value)

    def forget(self) -> None:
        """As if nothing had been added: a file is read again in another way."""
        self.sections.clear()
        self.problems.clear()
        self._first.clear()
        self.field_count = self.total_bytes = self.spent_bytes = 0

    def spend(self, size: int) -> None:
        """Takes `size` bytes of what may be parsed inside other structures.

        Structures that overlap make the work of a small file unbounded; those that add no field count nowhere else.

        Raises:
            LimitExceededError: it is used up.
        """
        breathe()
        self.spent_bytes += size
        if self.spent_bytes > self.limits.max_spent_bytes:
            raise LimitExceededError(f"embedded structures of more than {self.limits.max_spent_bytes} bytes")

    def problem(self, section: str, kind: ProblemKind, message: str, offset_bytes: int | None = None) -> None:
        """Records a problem; beyond a hundred they are all the same."""
        if len(self.problems) < 100:
            self.problems.append(Problem(section, kind, message[:_MAX_MESSAGE_CHARS], offset_bytes))

    def remove(self, section: str, places: list[int]) -> None:
        """Takes the fields at these places, in rising order, out of a section."""
        for place in reversed(places):
            del self.sections[section][place]
        self.field_count -= len(places)
        self._first.pop(section, None)

    def first_by_name(self, section: str) -> dict[str, Field]:
        """The first field of each name in a section: built once, until the section grows or shrinks; nobody may change it."""
        fields = self.sections.get(section, ())
        length, first = self._first.get(section, (0, None))
        if first is None or length != len(fields):
            first = {each.name: each for each in reversed(fields)}
            self._first[section] = (len(fields), first)
        return first

    def find(self, section: str, name: str, group: str | None = None) -> Field | None:
        """The first field of that name, in that group if one is given."""
        fields = self.sections.get(section)
        if not fields:
            return None
        # Modules ask one section dozens of times: from the second time on that it has not grown, by a dict.
        length, first = self._first.get(section, (0, None))
        if length != len(fields):
            self._first[section] = (len(fields), None)
        else:
            found = (first if first is not None else self.first_by_name(section)).get(name)
            if found is None or group is None or group == found.group:
                return found
        for candidate in fields:
            if candidate.name == name and group in {None, candidate.group}:
                return candidate
        return None

    def _cut(self, section: str, name: str, value: Value) -> Value:
        limit = self.limits.max_value_bytes
        if not isinstance(value, (str, bytes)) or size_of(value) <= limit:
            return value
        self.problem(section, ProblemKind.LIMIT, f"{name} is cut from {size_of(value)} to {limit} bytes")
        if isinstance(value, bytes):
            return value[:limit]
        return value.encode("utf-8", "replace")[:limit].decode("utf-8", "ignore")


def size_of(value: Value) -> int:
    """The rough encoded size of a value in bytes."""
    kind = type(value)
    if kind is str:
        return len(value) if value.isascii() else len(value.encode("utf-8", "replace"))  # type: ignore[union-attr,arg-type]
    if kind is int or kind is float or kind is Rational or value is None:
        return 9
    if isinstance(value, (str, bytes)):
        return len(value)
    size = 0
    if isinstance(value, Struct):
        for name, inner in value.entries:  # without a call for what most entries are
            kind = type(inner)
            if kind is int or kind is float or inner is None:
                size += len(name) + 17
            elif kind is str and inner.isascii():  # type: ignore[union-attr]
                size += len(name) + 8 + len(inner)  # type: ignore[arg-type]
            else:
                size += len(name) + 8 + size_of(inner)
        return size
    if isinstance(value, list):
        for inner in value:
            kind = type(inner)
            size += 13 if kind is int or kind is float else size_of(inner) + 4
        return size
    return 9

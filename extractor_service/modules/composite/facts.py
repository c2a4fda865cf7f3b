"""What composites are calculated from: fields by name, the camera's own EXIF before maker notes before XMP."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from extractor_service.document import Field

if TYPE_CHECKING:
    from extractor_service.document import Document, Value

SECTION = "composite"
_ORDER = ("exif", "makernotes", "xmp", "sigmaraw", "panasonicraw")
_SECTIONS = (*_ORDER, "iptc", "file", "app1", "raf")
_NUMBER_BYTES = 9 + len("Composite")  # what a document counts for a number, and for the group


class Facts:
    """The fields of a document by name, looked up often.

    Attributes:
        makers: groups of the maker notes that are there; what only one maker has is asked of its files alone.
        is_of_camera: whether there is more to calculate from than the picture's size.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._fields = document.sections
        self._first = {
            section: document.first_by_name(section) for section in _SECTIONS if section in document.sections
        }
        # Of all sections where a camera's own values stand: one look-up instead of five.
        self._any: dict[str, Field] = {}
        for section in reversed(_ORDER):
            if section in self._first:
                self._any.update(self._first[section])
        self.is_of_camera = bool(self._any) or not self._first.keys() <= {"file"}
        self.makers = {field.group for field in self._first.get("makernotes", {}).values()}
        self._own: dict[str, Field] = {}
        self._first[SECTION] = self._own

    def field(self, name: str, section: str = "", group: str = "") -> Field | None:
        """The first field of that name, in any section unless one is given."""
        if not group:
            names = self._first.get(section) if section else self._any
            return names.get(name) if names is not None else None
        for each in (section,) if section else _ORDER:
            names = self._first.get(each)
            found = names.get(name) if names is not None else None
            if found is None:
                continue
            if found.group.startswith(group):
                return found
            for other in self._fields[each]:
                if other.name == name and other.group.startswith(group):
                    return other
        return None

    def all(self, name: str, section: str) -> list[Field]:
        """Every field of that name."""
        return [field for field in self._fields.get(section, ()) if field.name == name]

    def has_any(self, *names: str) -> bool:
        """Whether a field of one of these names is there."""
        for fields in self._first.values():
            for name in names:
                if name in fields:
                    return True
        return False

    def number(self, name: str, section: str = "", group: str = "") -> float | None:
        """The field as a finite number; of several, and of text, the first one in it."""
        field = self.field(name, section, group) if section or group else self._any.get(name)
        return as_number(field.value) if field is not None else None

    def positive(self, name: str, section: str = "", group: str = "") -> float | None:
        """The field as a number above 0."""
        field = self.field(name, section, group) if section or group else self._any.get(name)
        value = as_number(field.value) if field is not None else None
        return value if value is not None and value > 0 else None

    def text(self, name: str, section: str = "", group: str = "") -> str:
        """The field as text, trimmed; "" for none."""
        field = self.field(name, section, group) if section or group else self._any.get(name)
        return field.value.strip("\0 ") if field is not None and isinstance(field.value, str) else ""

    def label(self, name: str, section: str = "", group: str = "") -> str:
        """The printed form of a field; "" for none."""
        field = self.field(name, section, group)
        return "" if field is None else field.text or str(field.value)

    def numbers(self, name: str, section: str = "") -> list[float]:
        """A list field as numbers; [] when it is none."""
        field = self.field(name, section)
        values = field.value if field is not None and isinstance(field.value, list) else []
        found = [as_number(each) for each in values]
        return [each for each in found if each is not None] if None not in found else []

    def put(self, name: str, value: Value, text: str = "", unit: str = "") -> None:
        """Adds a composite, which others may be calculated from."""
        field = Field(name, value, text, unit, None, "Composite")
        if type(value) is float or type(value) is int:  # the printed form is our own, and short
            self._document.put(SECTION, field, len(name) + len(text) + _NUMBER_BYTES)
        else:
            self._document.add(SECTION, field)
        self._own.setdefault(name, field)


def as_number(value: Value) -> float | None:
    """A finite number out of a value; None when there is none in it."""
    if type(value) is int:
        return float(value)
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, str):
        try:
            value = float(value.split()[0])
        except (ValueError, IndexError):
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


def plain(number: float) -> int | float:
    """Whole numbers as such."""
    return int(number) if number.is_integer() and abs(number) < 1e15 else number

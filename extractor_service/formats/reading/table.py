"""A table of the listing, with where its values go: single values by id, or a block of them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from extractor_service.document import Field
from extractor_service.formats.reading import binary, fields, meanings
from extractor_service.formats.reading.charsets import LegacyText

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from extractor_service.document import ByteRange, Document, Value
    from extractor_service.formats.reading.tagset import Conversion, Tag


class Table:
    """One table; its tags are unpacked when first asked for."""

    def __init__(
        self,
        place: str,
        section: str,
        group: str,
        conversions: Mapping[str, Conversion] | None = None,
        *,
        unit: str = "int8u",
        big_endian: bool = False,
    ) -> None:
        """`place` is the generated module and the table, "sound/RIFF::Info"; `unit` is what a block's ids count in."""
        self._module, _, self._name = place.partition("/")
        self.section, self.group = section, group
        self._conversions = conversions or {}
        self._layout = binary.Layout(unit, big_endian)

    @cached_property
    def tags(self) -> dict[int | str, Tag]:
        """By id."""
        return meanings.tags(self._module, self._name, self._conversions)

    def put(
        self,
        document: Document,
        key: int | str,
        value: Value,
        origin: ByteRange | None = None,
        *,
        name: Callable[[], str] | None = None,
        group: str = "",
    ) -> bool:
        """Adds one value; what the table doesn't know goes by `name`, if given. Returns whether it was added."""
        tag = self.tags.get(key)
        if tag is not None:
            if not tag.hidden:
                fields.add(document, self.section, group or self.group, tag, value, origin)
            return not tag.hidden
        if name is None:
            return False
        note, raw = "", None
        if isinstance(value, LegacyText):
            note, raw, value = f"{value.charset}, since the bytes aren't UTF-8", value.data, str(value)
        document.add(self.section, Field(name(), value, "", "", raw, group or self.group, note, origin))
        return True

    def block(
        self,
        document: Document,
        data: bytes,
        at: int | None,
        *,
        group: str = "",
        big_endian: bool | None = None,
    ) -> dict[str, Value]:
        """Adds the values of a block that lies at `at` in the file, or nowhere as it is; returns what was stored, by name."""
        layout = self._layout if big_endian is None else self._layout._replace(big_endian=big_endian)
        return binary.parse(
            data, layout, self.tags, binary.Place(document, self.section, group or self.group), origin=at
        )

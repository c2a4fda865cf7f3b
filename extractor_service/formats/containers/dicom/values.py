"""Values by their representation. DICOM PS3.5, 6.2."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extractor_service.formats.reading.reader import layout

if TYPE_CHECKING:
    from extractor_service.document import Value
    from extractor_service.formats.containers.dicom.characters import Characters

LONG = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
"""Whose length has four bytes, behind two that are reserved (7.1.2)."""
_NUMBERS = {"US": ("H", 2), "SS": ("h", 2), "UL": ("I", 4), "SL": ("i", 4), "FL": ("f", 4), "FD": ("d", 8), "UV": ("Q", 8), "SV": ("q", 8)}  # fmt: skip
_OF_CHARACTERS = frozenset(
    {"LO", "LT", "PN", "SH", "ST", "UC", "UT"}
)  # in the data set's characters; others are ASCII
_SINGLE = frozenset({"LT", "ST", "UT", "UR"})  # in which a backslash is a backslash
_INTEGER = re.compile(r"\s*[+-]?\d{1,12}\s*$")
_DECIMAL = re.compile(
    r"\s*[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[Ee][+-]?\d{1,4})?\s*$"
)  # DS has 16 characters


def decode(data: bytes, representation: str, order: str, characters: Characters) -> Value:
    """The value: a list where there are several, None for an empty one; raises ValueError on a length that none can have."""
    number = _NUMBERS.get(representation)
    if number is not None:
        code, width = number
        if len(data) % width:
            raise ValueError(f"{len(data)} bytes of {representation}")
        values = layout(f"{order}{len(data) // width}{code}").unpack(data)
        return values[0] if len(values) == 1 else list(values)
    if representation == "AT":
        if len(data) % 4:
            raise ValueError(f"{len(data)} bytes of AT")
        words = layout(f"{order}{len(data) // 2}H").unpack(data)
        tags: list[Value] = [f"({words[at]:04x},{words[at + 1]:04x})" for at in range(0, len(words), 2)]
        return tags[0] if len(tags) == 1 else tags
    if representation in {"OB", "OD", "OF", "OL", "OV", "OW", "UN", ""}:
        return data
    text = characters(data) if representation in _OF_CHARACTERS else data.decode("latin-1")
    if representation in _SINGLE:
        return text.rstrip("\0 ") or None
    texts = [_text(each, representation) for each in text.split("\\")]
    return texts[0] if len(texts) == 1 else texts


def _text(text: str, representation: str) -> Value:
    text = text.rstrip("\0 ")
    if representation == "IS" and _INTEGER.match(text):
        return int(text)
    if representation in {"DS", "IS"} and _DECIMAL.match(text):
        return float(text)
    if representation == "PN":
        text = "=".join(part.rstrip() for part in text.split("=")).rstrip("=")
    return text or None

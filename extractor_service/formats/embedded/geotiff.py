"""GeoTIFF keys: an array of 16-bit numbers that points into an array of doubles and a text. OGC 19-008r4 section 7.1."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from extractor_service.document import Field, ProblemKind
from extractor_service.formats.embedded.geotransform import summarize
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading.tagset import Tag, build, raw_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extractor_service.document import Document, Value

_SECTION = "geotiff"
_DIRECTORY, _DOUBLES, _TEXTS = 34735, 34736, 34737
_MAX_KEYS = 1000  # GeoTIFF 1.1 defines some dozens; the rest of a claimed directory isn't read


@lru_cache(maxsize=1)
def _tags() -> dict[int | str, Tag]:
    return build(raw_table("containers", "GeoTiff::Main"), {})


def parse(values: Mapping[int, Value], document: Document) -> None:
    """Adds the keys in the tags of one directory, by tag number."""
    directory = values.get(_DIRECTORY)
    words = [each for each in directory if isinstance(each, int)] if isinstance(directory, list) else []
    if len(words) < 4:
        document.problem(_SECTION, ProblemKind.DAMAGED, "the key directory is too short")
        return
    document.add(_SECTION, Field("GeoTiffVersion", f"{words[0]}.{words[1]}.{words[2]}", group="GeoTiff"))
    doubles = conv.numbers(values.get(_DOUBLES))
    texts = values.get(_TEXTS)
    text = texts if isinstance(texts, str) else ""
    keys: dict[int, Value] = {}
    try:
        _keys(words, doubles, text, keys, document)
    finally:
        summarize(values, keys, document)


def _keys(
    words: Sequence[int], doubles: Sequence[float], text: str, keys: dict[int, Value], document: Document
) -> None:
    for index in range(min(words[3], _MAX_KEYS)):
        row = words[4 + index * 4 : 8 + index * 4]
        if len(row) < 4:
            document.problem(_SECTION, ProblemKind.TRUNCATED, "the key directory is cut")
            return
        key, place, count, offset = row
        value: Value
        if place == 0:
            value = offset
        elif place == _DOUBLES:
            chosen = doubles[offset : offset + count]
            value = chosen[0] if len(chosen) == 1 else [*chosen]
        elif place == _TEXTS:
            value = text[offset : offset + count].rstrip("|\0")
        else:
            continue
        keys.setdefault(key, value)
        tag = _tags().get(key)
        if tag is not None and not tag.hidden:
            document.add(_SECTION, Field(tag.name, value, tag.text(value), group="GeoTiff"))

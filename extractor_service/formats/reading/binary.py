"""Blocks of values at fixed places: the listing gives index, type and count, the reader the unit of the index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from extractor_service.document import ByteRange, Rational
from extractor_service.formats.reading import fields, meanings
from extractor_service.formats.reading.reader import layout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extractor_service.document import Document, Value
    from extractor_service.formats.reading.tagset import Tag

# type of the listing: (struct code, bytes per value)
CODES: Final = {
    "int8u": ("B", 1), "int8s": ("b", 1), "int16u": ("H", 2), "int16s": ("h", 2), "int32u": ("I", 4), "int32s": ("i", 4),
    "int64u": ("Q", 8), "int64s": ("q", 8), "float": ("f", 4), "double": ("d", 8), "string": ("s", 1), "undef": ("s", 1),
    "int16uRev": ("H", 2), "int32uRev": ("I", 4), "rational64u": ("II", 8), "rational64s": ("ii", 8), "rational32u": ("HH", 4),
    "rational32s": ("hh", 4), "fixed32u": ("I", 4), "fixed32s": ("i", 4), "fixed16s": ("h", 2), "fixed16u": ("H", 2), "digits": ("s", 1),
    "unicode": ("s", 2), "binary": ("s", 1),
}  # fmt: skip
_FIXED: Final = {"fixed32u": 65536.0, "fixed32s": 65536.0, "fixed16s": 256.0, "fixed16u": 256.0}
# What nearly all values are, one number: its bytes, how it is read little-endian and big-endian.
_SINGLES: Final = {
    kind: (
        width,
        tuple(layout(order + code).unpack_from for order in ("><" if kind.endswith("Rev") else "<>")),
    )
    for kind, (code, width) in CODES.items()
    if len(code) == 1 and code != "s" and kind not in _FIXED
}


def read(data: bytes, offset: int, kind: str, count: int, *, big_endian: bool) -> Value:
    """`count` values of `kind` at `offset`; None where the data doesn't reach."""
    if count == 1 and kind in _SINGLES:
        width, reads = _SINGLES[kind]
        if offset < 0 or offset + width > len(data):
            return None
        number: int | float = reads[big_endian](data, offset)[0]
        return number
    code, width = CODES[kind]
    if offset < 0 or offset + width * (1 if code == "s" else count) > len(data):
        return None
    if code == "s":
        part = data[offset : offset + count * width]
        if kind == "unicode":
            return part.decode("utf-16-be" if big_endian else "utf-16-le", "replace").split("\0", 1)[0]
        if kind in {"undef", "binary"}:
            return part
        part = part.split(b"\0", 1)[0]
        try:
            return part.decode()
        except UnicodeDecodeError:
            return part.decode("latin-1")
    order = ">" if big_endian != kind.endswith("Rev") else "<"
    values = layout(f"{order}{count * len(code)}{code[0]}").unpack_from(data, offset)
    if len(code) == 2:
        pairs = [Rational(values[index], values[index + 1]) for index in range(0, len(values), 2)]
        return pairs[0] if count == 1 else [*pairs]
    if kind in _FIXED:
        values = tuple(round(each / _FIXED[kind], 5) for each in values)
    if count == 1:
        single: int | float = values[0]
        return single
    return list(values)


class Layout(NamedTuple):
    """How the numbers of a block lie: ids of tags count in `unit`s from `first` on."""

    unit: str
    """A kind of `CODES`, such as "int16u"."""
    big_endian: bool
    first: int = 0


class Place(NamedTuple):
    """Where the values of a block go."""

    document: Document
    section: str
    group: str


def parse(
    data: bytes,
    layout: Layout,
    tags: Mapping[int | str, Tag],
    place: Place,
    *,
    origin: int | None = None,
    masks: Mapping[str, int] | None = None,
    known: Mapping[str, Value] | None = None,
) -> dict[str, Value]:
    """Adds the values of `tags` to `place`; returns what was stored, by name. `origin` is the block's offset in the file.

    Ids like "3.1" share the place of 3 and take the bits of `masks`, shifted down; without a mask they are left out. Conditions see what came before in the block, and `known`.
    """
    unit, big_endian, first = layout
    document, section, group = place
    width = CODES[unit][1]
    found: dict[str, Value] = {}
    for key, spec in tags.items():
        tag: Tag | None = spec
        if spec.variants:
            place_of = (int(key.partition(".")[0]) if isinstance(key, str) else key) - first
            about = meanings.About(
                1, spec.kind, data[place_of * width : place_of * width + meanings.HEAD_BYTES]
            )
            before = found if not known else {**known, **found}
            tag = next(
                (each for each in spec.variants if meanings.holds(each.condition, about, before)), None
            )
        if tag is None or tag.hidden:
            continue
        kind = tag.kind if tag.kind in CODES else unit
        mask = tag.mask or (masks.get(f"{key}") if masks else None)
        if isinstance(key, str):
            if mask is None:
                continue
            index = int(key.partition(".")[0])
        else:
            index = key
        offset = (index - first) * width
        count = tag.count
        if tag.count == 1 and kind in {"string", "undef"} and tag.kind == kind:
            count = len(data) - offset if kind == "string" else 1
        stored = read(data, offset, kind, count, big_endian=big_endian)
        if stored is None:
            if kind in {"string", "undef"} and 0 <= offset < len(data):
                stored = read(data, offset, kind, len(data) - offset, big_endian=big_endian)
            if stored is None:
                continue
        if mask is not None and isinstance(stored, int):
            stored = (stored & mask) >> ((mask & -mask).bit_length() - 1)
        found[tag.name] = stored
        size = min(CODES[kind][1] * count, len(data) - offset)  # texts end with the block
        at = None if origin is None else tuple.__new__(ByteRange, (origin + offset, size))
        fields.add(document, section, group, tag, stored, at)
    return found

"""Tags as readers use them: the generated tables joined with how values are converted and printed."""

from __future__ import annotations

import importlib
import marshal
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from extractor_service.document import Rational

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from extractor_service.document import Value

    Labels = Mapping[int | str, str]
    # Name, type, count, flags, labels (one mapping, one for each value, or None), and the group where it has its own.
    Row = tuple[Any, ...]

_TAGS: Final = "extractor_service.formats.tags."


class Conversion(NamedTuple):
    """How a stored value is meant and printed; None leaves it as it is."""

    convert: Callable[[Value], Value] | None = None
    printer: Callable[[Value], str] | None = None
    unit: str = ""


class Tag:
    """One tag. `kind` and `count` are the listing's type; `group` is its family-1 group where it has its own."""

    __slots__ = (
        "binary",
        "bits",
        "condition",
        "convert",
        "count",
        "form",
        "group",
        "hidden",
        "kind",
        "labels",
        "mask",
        "name",
        "nones",
        "printer",
        "unit",
        "variants",
    )

    def __init__(self, row: Row, conversion: Conversion | None = None) -> None:
        name, kind, count, flags, labels = row[:5]
        self.name: str = name
        self.kind: str = kind
        self.count: int = count
        self.hidden = "U" in flags
        self.nones = _nones(flags, kind) if flags and flags[-1].isdigit() else None
        self.binary = "B" in flags
        self.labels: Labels | tuple[Labels | None, ...] | None = labels
        self.mask = 0
        self.form = ""
        self.condition: tuple[tuple[str, str, Any], ...] = ()
        self.variants: tuple[Tag, ...] = ()
        self.bits = isinstance(labels, dict) and (
            any(str(key).startswith("Bit") for key in labels) or labels == {0: "(none)"}
        )
        self.group: str = row[5] if len(row) > 5 else ""
        self.convert, self.printer, self.unit = conversion or _NOTHING

    def is_none(self, stored: Value) -> bool:
        """Whether the stored value is how the camera says that there is none."""
        nones = self.nones
        if isinstance(nones, frozenset):
            if isinstance(stored, bytes):
                return 0 in nones and not stored.strip(b"\0")
            return not isinstance(stored, list) and (stored in nones or (stored == "" and 0 in nones))
        if isinstance(stored, float):  # "below 1" is said of whole numbers and means 0 and below
            return stored < 0 if nones == 0 else stored <= 0 if nones == 1 else False
        return nones is not None and isinstance(stored, int) and stored < nones

    def text(self, value: Value) -> str:
        """The printable form of `value`; empty where it is just the value."""
        if self.printer is not None:
            return self.printer(value)
        labels = self.labels
        if labels is None or value is None:
            return ""
        if isinstance(labels, tuple):
            return by_position(labels, value)
        if self.bits:
            return bit_names(labels, value)
        return label(labels, value)


_NOTHING: Final = Conversion()
_SIGNED_BITS: Final = {"int8s": 8, "int16s": 16, "int32s": 32}


def _nones(flags: str, kind: str) -> frozenset[int] | int | None:
    """The stored values that mean none, or the number below which all do."""
    flags = flags.lstrip("UB")
    if flags[0] == "<":
        return int(flags[1:])
    values = [int(each) for each in flags[1:].split(",")]
    bits = _SIGNED_BITS.get(kind, 0)  # readers may have taken the number for an unsigned one
    return frozenset(values) | {each + (1 << bits) for each in values if each < 0 and bits}


def label(labels: Labels, value: Value) -> str:
    """The label of one value, or of a list as a whole."""
    key = value
    if isinstance(value, float):
        key = int(value) if value.is_integer() else f"{value:g}"
    elif isinstance(value, list):
        key = " ".join(f"{each:g}" if isinstance(each, float) else str(each) for each in value)
    elif isinstance(value, bytes):
        key = value.decode("latin-1")
    found = labels.get(key) if isinstance(key, (int, str)) else None
    if found is None and isinstance(key, str):
        found = labels.get(key.rstrip()) if key[-1:] == " " else None
        if found is None and key.lstrip("-").isdigit() and len(key) < 12:
            found = labels.get(int(key))
    if found is not None:
        return found
    return f"{key:g}" if isinstance(value, float) and not isinstance(key, (int, str)) else f"Unknown ({key})"


def bit_names(labels: Labels, value: Value) -> str:
    """The names of the bits that are set, after the label of the whole value if it has one."""
    values = value if isinstance(value, list) else [value]
    number, shift = 0, 0
    for each in values[:2]:  # 64 bits have names
        if not isinstance(each, int):
            return ""
        number |= each << shift
        shift += 32 if len(values) > 1 else 0
    if len(values) == 1 and number in labels:
        return labels[number]
    names = [
        labels.get(f"Bit{bit}", f"[{bit}]")
        for bit in range(min(number.bit_length(), 64))
        if number >> bit & 1
    ]
    return ", ".join(names) or "(none)"


def by_position(parts: tuple[Labels | None, ...], value: Value) -> str:
    """Each value by its own labels; joined as ExifTool does."""
    values = value if isinstance(value, list) and not isinstance(value, Rational) else str(value).split()
    texts = []
    for index, each in enumerate(values):
        part = parts[index] if index < len(parts) else None
        texts.append(label(part, each) if part else plain_text(each))
    return "; ".join(texts)


def plain_text(value: Value) -> str:
    """A value as text, lists with spaces between."""
    if isinstance(value, list):
        return " ".join(map(plain_text, value))
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)


MODULES: Final = (
    "exif", "raw", "icc", "iptc", "photoshop", "containers", "canon", "nikon", "sony", "minolta", "olympus", "panasonic", "pentax",
    "fujifilm", "casio", "kodak", "others", "film", "sound", "documents", "xmp", "meanings", "structures", "canon_vrd", "qualcomm",
)  # fmt: skip
_packed: dict[str, dict[str, bytes]] = {}
_MODULES_OF: Final = {"CanonVRD": "canon_vrd"}  # where the name isn't the maker's in small letters
_CUSTOM: Final = "Custom"  # tables of a maker's custom functions stand with its others


def module_of(table: str) -> str:
    """The generated module that has a maker's table, such as "canon" for "CanonCustom::Functions5D"."""
    maker = table.partition("::")[0]
    name = _MODULES_OF.get(maker) or maker.removesuffix(_CUSTOM).lower()
    return name if name in MODULES else "others"


def preload() -> None:
    """Packs all tables, for a process whose pages others will share. They take 2 MiB, instead of the 30 unpacked."""
    for module in MODULES:
        _tables(module)


def _tables(module: str) -> dict[str, bytes]:
    """The tables of a generated module, each serialised: unpacking the one that is wanted takes microseconds."""
    found = _packed.get(module)
    if found is None:
        name = _TAGS + module
        tables: dict[str, dict[str, str]] = importlib.import_module(name).TABLES  # whatever marshal takes
        found = _packed[module] = {key: marshal.dumps(table) for key, table in tables.items()}
        del sys.modules[name]
        delattr(sys.modules[_TAGS[:-1]], module)
    return found


def raw_table(module: str, name: str) -> Mapping[int | str, list[Row]]:
    """The generated rows of a table."""
    rows: Mapping[int | str, list[Row]] = marshal.loads(_tables(module)[name])  # noqa: S302 - our own bytes, made above
    return rows


def table_names(module: str) -> list[str]:
    """The tables of a generated module."""
    return list(_tables(module))


def find_table(module: str, name: str) -> Mapping[int | str, list[tuple[Any, ...]]]:
    """The same, for tables that not every name has; empty then."""
    packed = _tables(module).get(name)
    return marshal.loads(packed) if packed else {}  # noqa: S302 - likewise


def build(
    rows: Mapping[int | str, list[Row]],
    conversions: Mapping[str, Conversion],
    choices: Mapping[int | str, int] | None = None,
) -> dict[int | str, Tag]:
    """Tags by id: the first alternative, or the one that `choices` names; conversions by tag name."""
    chosen = choices or {}
    tags: dict[int | str, Tag] = {}
    for key, alternatives in rows.items():
        row = alternatives[chosen.get(key, 0)]
        tags[key] = Tag(row, conversions.get(row[0]))
    return tags


@lru_cache(maxsize=256)
def xmp_properties(prefix: str) -> Mapping[str, tuple[str, str, Labels | None]]:
    """Name, type and labels of the properties of an XMP schema that have more than their own name."""
    packed = _tables("xmp").get(prefix)
    found: Mapping[str, tuple[str, str, Labels | None]] = marshal.loads(packed) if packed else {}  # noqa: S302 - likewise
    return found

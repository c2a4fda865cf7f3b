"""Parquet's types by name, and values of statistics in them. github.com/apache/parquet-format: parquet.thrift, LogicalTypes.md."""

from __future__ import annotations

import struct
import uuid
from typing import TYPE_CHECKING, Final, NamedTuple

from extractor_service.formats.reading.epochs import day_of, decimal_of, instant_of, time_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from extractor_service.document import Value

PHYSICAL: Final = {0: "BOOLEAN", 1: "INT32", 2: "INT64", 3: "INT96", 4: "FLOAT", 5: "DOUBLE", 6: "BYTE_ARRAY", 7: "FIXED_LEN_BYTE_ARRAY"}  # fmt: skip
CODECS: Final = {
    0: "UNCOMPRESSED",
    1: "SNAPPY",
    2: "GZIP",
    3: "LZO",
    4: "BROTLI",
    5: "LZ4",
    6: "ZSTD",
    7: "LZ4_RAW",
}
ENCODINGS: Final = {
    0: "PLAIN", 2: "PLAIN_DICTIONARY", 3: "RLE", 4: "BIT_PACKED", 5: "DELTA_BINARY_PACKED", 6: "DELTA_LENGTH_BYTE_ARRAY",
    7: "DELTA_BYTE_ARRAY", 8: "RLE_DICTIONARY", 9: "BYTE_STREAM_SPLIT",
}  # fmt: skip
GROUP_FIELDS: Final = {2: "total_bytes", 3: "rows", 5: "offset", 6: "compressed_bytes", 7: "ordinal"}
_REPETITIONS: Final = {0: "REQUIRED", 1: "OPTIONAL", 2: "REPEATED"}
_CONVERTED: Final = {
    0: "UTF8", 1: "MAP", 2: "MAP_KEY_VALUE", 3: "LIST", 4: "ENUM", 5: "DECIMAL", 6: "DATE", 7: "TIME_MILLIS", 8: "TIME_MICROS",
    9: "TIMESTAMP_MILLIS", 10: "TIMESTAMP_MICROS", 11: "UINT_8", 12: "UINT_16", 13: "UINT_32", 14: "UINT_64", 15: "INT_8",
    16: "INT_16", 17: "INT_32", 18: "INT_64", 19: "JSON", 20: "BSON", 21: "INTERVAL",
}  # fmt: skip
_LOGICAL: Final = {
    1: "STRING", 2: "MAP", 3: "LIST", 4: "ENUM", 5: "DECIMAL", 6: "DATE", 7: "TIME", 8: "TIMESTAMP", 10: "INTEGER", 11: "NULL",
    12: "JSON", 13: "BSON", 14: "UUID", 15: "FLOAT16", 16: "VARIANT", 17: "GEOMETRY", 18: "GEOGRAPHY",
}  # fmt: skip
_UNITS: Final = {1: "MILLIS", 2: "MICROS", 3: "NANOS"}
_PER_SECOND: Final = {"MILLIS": 1000, "MICROS": 1_000_000, "NANOS": 1_000_000_000}
_TEXTS: Final = frozenset({"STRING", "ENUM", "JSON"})


class ColumnType(NamedTuple):
    """How a column's bytes are meant."""

    physical: int | None
    logical: str
    """The name of the logical type, else of the converted one; "" for none."""
    unit: str = ""
    scale: int = 0
    is_signed: bool = True
    is_utc: bool = False
    detail: str = ""
    """The logical type with its parameters."""


def text(data: object) -> str:
    """Bytes as text."""
    return data.decode("utf-8", "replace") if isinstance(data, bytes) else ""


def number(value: object) -> int:
    """A number; 0 for what isn't there."""
    return value if isinstance(value, int) else 0


def plain(value: object) -> Value:
    """What Thrift says, as a value of a document."""
    return value if isinstance(value, (bool, int, float, bytes, str)) else None


def is_negative(value: object) -> bool:
    """Whether that is a number below 0."""
    return isinstance(value, int) and value < 0


def label(names: Mapping[int, str], value: object) -> str:
    """The name of a number."""
    return names.get(value, f"Unknown ({value})") if isinstance(value, int) else ""


def column_type(element: dict[int, object]) -> ColumnType:
    """The type of a schema element."""
    physical = element.get(1)
    kind = physical if isinstance(physical, int) else None
    union = element.get(10)
    if isinstance(union, dict) and union:
        which, inner = next(iter(union.items()))
        name = _LOGICAL.get(which, f"Unknown ({which})")
        inner = inner if isinstance(inner, dict) else {}
        if name == "DECIMAL":
            return ColumnType(
                kind,
                name,
                scale=number(inner.get(1)),
                detail=f"DECIMAL({number(inner.get(2))}, {number(inner.get(1))})",
            )
        if name in {"TIME", "TIMESTAMP"}:
            units = inner.get(2)
            unit = _UNITS.get(next(iter(units)), "") if isinstance(units, dict) and units else ""
            is_utc = inner.get(1) is True
            return ColumnType(
                kind, name, unit, is_utc=is_utc, detail=f"{name}({unit}, {'UTC' if is_utc else 'local'})"
            )
        if name == "INTEGER":
            is_signed = inner.get(2) is not False
            return ColumnType(
                kind,
                name,
                is_signed=is_signed,
                detail=f"{'INT' if is_signed else 'UINT'}({number(inner.get(1))})",
            )
        if name in {"GEOMETRY", "GEOGRAPHY"} and inner.get(1):
            return ColumnType(kind, name, detail=f"{name}({text(inner.get(1))})")
        return ColumnType(kind, name, detail=name)
    converted = element.get(6)
    if not isinstance(converted, int):
        return ColumnType(kind, "")
    name = _CONVERTED.get(converted, f"Unknown ({converted})")
    if name == "DECIMAL":
        scale = number(element.get(7))
        return ColumnType(kind, name, scale=scale, detail=f"DECIMAL({number(element.get(8))}, {scale})")
    base, _, unit = name.partition("_")
    if base in {"TIME", "TIMESTAMP"}:
        return ColumnType(kind, base, unit, is_utc=True, detail=f"{base}({unit}, UTC)")
    if base in {"INT", "UINT"}:
        return ColumnType(kind, "INTEGER", is_signed=base == "INT", detail=f"{base}({unit})")
    name = "STRING" if name == "UTF8" else name
    return ColumnType(kind, name, detail=name)


def facts(element: dict[int, object], column: ColumnType, children: int) -> Iterator[tuple[str, Value]]:
    """A schema element's entries."""
    if not children:
        yield "type", label(PHYSICAL, element.get(1))
        if isinstance(element.get(2), int) and element.get(1) == 7:
            yield "length_bytes", number(element[2])
    else:
        yield "children", children
    if column.detail:
        yield "logical_type", column.detail
    if isinstance(element.get(6), int):
        yield "converted_type", label(_CONVERTED, element[6])
    if isinstance(element.get(3), int):
        yield "repetition", label(_REPETITIONS, element[3])
    if isinstance(element.get(9), int):
        yield "field_id", number(element[9])


def chunk_facts(
    chunk: dict[int, object], told: dict[int, object], column: ColumnType, most_bytes: int
) -> list[tuple[str, Value]]:  # fmt: skip
    """A column chunk's entries."""
    get = told.get
    encodings = get(2)
    entries: list[tuple[str, Value]] = [
        ("codec", label(CODECS, get(4))),
        ("encodings", [label(ENCODINGS, each) for each in encodings] if isinstance(encodings, list) else []),
        ("values", number(get(5))),
        ("compressed_bytes", number(get(7))),
        ("uncompressed_bytes", number(get(6))),
        ("data_page_offset", number(get(9))),
    ]
    dictionary, bloom_filter = get(11), get(14)
    if isinstance(dictionary, int):
        entries.append(("dictionary_page_offset", dictionary))
    if isinstance(chunk.get(1), bytes):
        entries.append(("file_path", text(chunk[1])))
    if isinstance(bloom_filter, int):
        entries.append(("bloom_filter_offset", bloom_filter))
    for name, field in (("offset_index_offset", 4), ("column_index_offset", 6)):
        place = chunk.get(field)
        if isinstance(place, int):
            entries.append((name, place))
    statistics = get(12)
    if isinstance(statistics, dict):
        _add_statistics(entries, statistics, column, most_bytes)
    return entries


def _add_statistics(
    entries: list[tuple[str, Value]], told: dict[int, object], column: ColumnType, most_bytes: int
) -> None:
    for name, field in (("nulls", 3), ("distinct", 4)):
        count = told.get(field)
        if isinstance(count, int):
            entries.append((name, count))
    # The first pair's order was never defined but for signed numbers (parquet.thrift, Statistics).
    is_plain = column.physical not in {6, 7} and column.is_signed
    for name, field, old in (("min", 6, 2), ("max", 5, 1)):
        data = told.get(field)
        if data is None and is_plain:
            data = told.get(old)
        if isinstance(data, bytes) and len(data) <= most_bytes:
            value = value_of(data, column)
            if value is not None:
                entries.append((name, value))
    for name, field in (("min_is_exact", 8), ("max_is_exact", 7)):
        if told.get(field) is False:
            entries.append((name, False))


def value_of(data: bytes, column: ColumnType) -> Value:
    """A minimum or maximum in the column's type; None where it can't be told."""
    kind, logical = column.physical, column.logical
    if kind == 0:
        return bool(data[0]) if len(data) == 1 else None
    if kind in {1, 2}:
        if len(data) != 4 * kind:
            return None
        return _integer(int.from_bytes(data, "little", signed=column.is_signed), column)
    if kind in {4, 5}:
        return (
            float(struct.unpack("<f" if kind == 4 else "<d", data)[0])
            if len(data) == 4 * (kind - 3)
            else None
        )
    if kind == 3:
        return None
    if logical == "DECIMAL":
        return decimal_of(int.from_bytes(data, "big", signed=True), column.scale)
    if logical in _TEXTS:
        return text(data)
    if logical == "UUID" and len(data) == 16:
        return str(uuid.UUID(bytes=data))
    if logical == "FLOAT16" and len(data) == 2:
        return float(struct.unpack("<e", data)[0])
    return data


def _integer(value: int, column: ColumnType) -> Value:
    logical = column.logical
    if logical == "DATE":
        return day_of(value)
    if logical == "DECIMAL":
        return decimal_of(value, column.scale)
    per_second = _PER_SECOND.get(column.unit)
    if logical == "TIMESTAMP" and per_second:
        return instant_of(value, per_second, is_utc=column.is_utc)
    if logical == "TIME" and per_second:
        return time_of(value, per_second)
    return value

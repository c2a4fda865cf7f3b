"""Arrow's types by the names that its libraries print. arrow.apache.org, format/Schema.fbs."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from extractor_service.document import Value
    from extractor_service.formats.reading.flatbuffer import Table

_UNITS = ("s", "ms", "us", "ns")
_INTERVALS = ("month_interval", "day_time_interval", "month_day_nano_interval")
_FLOATS = ("halffloat", "float", "double")
_MOST_PAIRS = 256  # of a schema or field
_MOST_DEPTH = 64  # of fields in fields: bounds the walk
_MOST_COLUMNS = 100_000  # twice as many fields as a document has


def _unit(table: Table, default: int) -> str:
    number = table.number(0, "h", default)
    return _UNITS[number] if 0 <= number < 4 else f"unit {number}"


def _integer(table: Table) -> str:
    return f"{'' if table.number(1, 'B') else 'u'}int{table.number(0, 'i')}"


def _timestamp(table: Table) -> str:
    zone = table.text(1)
    return f"timestamp[{_unit(table, 0)}{f', tz={zone}' if zone else ''}]"


def _date(table: Table) -> str:
    return "date64[ms]" if table.number(0, "h", 1) else "date32[day]"


def _named(names: tuple[str, ...], default: int) -> Callable[[Table], str]:
    def name(table: Table) -> str:
        number = table.number(0, "h", default)
        return names[number] if 0 <= number < len(names) else f"unknown ({number})"

    return name


_TYPES: dict[int, str | Callable[[Table], str]] = {
    1: "null", 2: _integer, 3: _named(_FLOATS, 0), 4: "binary", 5: "string", 6: "bool",
    7: lambda table: f"decimal{table.number(2, 'i', 128)}({table.number(0, 'i')}, {table.number(1, 'i')})",
    8: _date, 9: lambda table: f"time{table.number(1, 'i', 32)}[{_unit(table, 1)}]", 10: _timestamp, 11: _named(_INTERVALS, 0),
    12: "list", 13: "struct", 14: lambda table: "dense_union" if table.number(0, "h") else "sparse_union",
    15: lambda table: f"fixed_size_binary[{table.number(0, 'i')}]", 16: lambda table: f"fixed_size_list[{table.number(0, 'i')}]",
    17: "map", 18: lambda table: f"duration[{_unit(table, 1)}]", 19: "large_binary", 20: "large_string", 21: "large_list",
    22: "run_end_encoded", 23: "binary_view", 24: "string_view", 25: "list_view", 26: "large_list_view",
}  # fmt: skip


def type_name(kind: int, table: Table | None) -> str:
    """The type, with its parameters; its children are fields of their own."""
    told = _TYPES.get(kind, f"unknown ({kind})")
    if isinstance(told, str):
        return told
    return told(table) if table is not None else f"unknown ({kind})"


def pairs(table: Table, field: int) -> Iterator[tuple[str, str]]:
    """Custom metadata, the first entries: many may share one long text."""
    for each in islice(table.tables(field), _MOST_PAIRS):
        yield each.text(0), each.text(1)


def columns(schema: Table) -> Iterator[tuple[str, list[tuple[str, Value]]]]:
    """Each field with its path, parents first."""
    waiting = [(each, "", 0) for each in schema.tables(1)][::-1]
    given = 0
    while waiting:
        field, parent, depth = waiting.pop()
        given += 1
        if depth > _MOST_DEPTH or given > _MOST_COLUMNS:
            raise ValueError("fields nested too deeply, or too many")
        path = f"{parent}.{field.text(0)}" if parent else field.text(0)
        entries: list[tuple[str, Value]] = [
            ("type", type_name(field.number(2, "B"), field.table(3))),
            ("nullable", bool(field.number(1, "B"))),
        ]
        dictionary = field.table(4)
        if dictionary is not None:
            index = dictionary.table(1)
            entries.append(("dictionary_index", _integer(index) if index is not None else "int32"))
            entries.append(("ordered", bool(dictionary.number(2, "B"))))
        entries += [(f"metadata:{key}", value) for key, value in pairs(field, 6)]
        yield path, entries
        waiting += [(each, path, depth + 1) for each in field.tables(5)][::-1]

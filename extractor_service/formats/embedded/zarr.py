"""Zarr's metadata: arrays and groups of version 2 and 3, also consolidated. zarr-specs.readthedocs.io, v2 and v3 core.

A store is many files; each of them is JSON, and says what it is by `zarr_format`. An archive of a store is read by its
members' JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import Field, ProblemKind, Struct

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from extractor_service.document import Document, Value

SECTION = "zarr"
FILES = (".zarray", ".zgroup", ".zattrs", ".zmetadata", "zarr.json")
"""Whose JSON is metadata."""
MOST_NODES = 1000
"""Files of a store that are described."""
_MOST_DEPTH = 8  # of values: well below what messages hold
_MOST_VALUES = 256  # of a list


def describe(told: Mapping[str, object], document: Document, path: str = "/") -> None:
    """Adds one file's metadata; of consolidated ones, each node's."""
    version = told.get("zarr_format")
    metadata = told.get("metadata") if "zarr_consolidated_format" in told else None
    if isinstance(metadata, dict):
        _put(document, "Consolidated", True, "Store")
        for name, each in list(metadata.items())[:MOST_NODES]:
            of_file(document, name, each)
        if len(metadata) > MOST_NODES:
            document.problem(
                SECTION, ProblemKind.LIMIT, f"{MOST_NODES} of {len(metadata)} files are described"
            )
        return
    if isinstance(version, int):
        _put(document, "ZarrFormat", version, "Store")
    _node(document, told, path)
    inner = told.get("consolidated_metadata")
    if isinstance(inner, dict) and isinstance(inner.get("metadata"), dict):
        _put(document, "Consolidated", True, "Store")
        for name, each in list(inner["metadata"].items())[:MOST_NODES]:
            if isinstance(each, dict):
                _node(document, each, f"/{name}")


def of_file(document: Document, name: str, told: object) -> None:
    """Adds what a file of a store says, by its path in it."""
    folder, _, file = name.rpartition("/")
    path = f"/{folder}"
    if not isinstance(told, dict):
        return
    if file == ".zattrs":
        _attributes(document, told, path)
    elif file in {".zarray", ".zgroup", "zarr.json"}:
        if document.find(SECTION, "ZarrFormat") is None and isinstance(told.get("zarr_format"), int):
            _put(document, "ZarrFormat", told["zarr_format"], "Store")
        _node(document, told, path)


def _node(document: Document, told: Mapping[str, object], path: str) -> None:
    kind = told.get("node_type") or ("array" if "shape" in told else "group" if "zarr_format" in told else "")
    if kind == "array":
        _put(document, path, Struct(tuple(_array(told))), "Arrays")
    elif kind == "group":
        _put(document, path, Struct((("format", _value(told.get("zarr_format"))),)), "Groups")
    attributes = told.get("attributes")
    if isinstance(attributes, dict):
        _attributes(document, attributes, path)


def _attributes(document: Document, told: Mapping[str, object], path: str) -> None:
    for key, value in told.items():
        _put(document, key, _value(value), path)


def _array(told: Mapping[str, object]) -> Iterator[tuple[str, Value]]:
    yield "shape", _value(told.get("shape"))
    yield "type", _value(told.get("dtype", told.get("data_type")))
    grid = told.get("chunk_grid")
    if isinstance(grid, dict):
        configuration = grid.get("configuration")
        yield "chunks", _value(configuration.get("chunk_shape") if isinstance(configuration, dict) else None)
        yield "chunk_grid", _value(grid.get("name"))
    else:
        yield "chunks", _value(told.get("chunks"))
    if "order" in told:
        yield "order", _value(told["order"])
    yield "fill_value", _value(told.get("fill_value"))
    compressor = told.get("compressor")
    if "compressor" in told:
        yield "compressor", str(compressor.get("id", "")) if isinstance(compressor, dict) else "none"
        if isinstance(compressor, dict) and len(compressor) > 1:
            yield (
                "compressor_settings",
                Struct(tuple((key, _value(each)) for key, each in compressor.items() if key != "id")),
            )
    filters = told.get("filters")
    if isinstance(filters, list):
        yield "filters", [str(each.get("id", "")) for each in filters if isinstance(each, dict)]
    codecs = told.get("codecs")
    if isinstance(codecs, list):
        yield "codecs", _names(codecs)
        for each in codecs:
            inner = each.get("configuration") if isinstance(each, dict) else None
            if isinstance(inner, dict) and each.get("name") == "sharding_indexed":
                yield "inner_chunks", _value(inner.get("chunk_shape"))
                yield "inner_codecs", _names(inner.get("codecs", []))
    names = told.get("dimension_names")
    if isinstance(names, list):
        yield "dimension_names", _value(names)
    if "dimension_separator" in told:
        yield "dimension_separator", _value(told["dimension_separator"])


def _names(codecs: Sequence[object]) -> list[Value]:
    return [str(each.get("name", "")) if isinstance(each, dict) else str(each) for each in codecs]


def _value(value: object, depth: int = 0) -> Value:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value if not isinstance(value, int) or -(1 << 63) <= value < 1 << 64 else str(value)
    if depth >= _MOST_DEPTH:
        return "(nested too deeply)"
    if isinstance(value, list):
        return [_value(each, depth + 1) for each in value[:_MOST_VALUES]]
    if isinstance(value, dict):
        return Struct(tuple((str(key), _value(each, depth + 1)) for key, each in value.items()))
    return str(value)


def _put(document: Document, name: str, value: Value, group: str) -> None:
    document.add(SECTION, Field(name, value, group=group))

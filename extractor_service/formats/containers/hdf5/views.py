"""What conventions make of a tree: netCDF-4's dimensions and variables, CF's coordinates, MATLAB's variables.

"The NetCDF-4 File Format Specification" (docs.unidata.ucar.edu/netcdf-c); MathWorks, "MAT-File Versions".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import Field, Struct
from extractor_service.formats.containers.science import cf

if TYPE_CHECKING:
    from extractor_service.document import Document, Value

_NO_VARIABLE = "This is a netCDF dimension but not a netCDF variable"
_MOST_KEPT = 2000  # datasets whose attributes are kept
_MARKS = ("_NCProperties", "_nc3_strict")
_WANTED = frozenset({
    "CLASS", "NAME", "DIMENSION_LIST", "DIMENSION_LABELS", "MATLAB_class", "MATLAB_empty", "MATLAB_int_decode", "_Netcdf4Dimid", "_Netcdf4Coordinates", "Conventions",
    "standard_name", "long_name", "units", "calendar", "positive", "axis", "cell_methods", "coordinates", "grid_mapping", "bounds", "climatology",
    "ancillary_variables", "grid_mapping_name", "title", *_MARKS,
})  # fmt: skip


class Views:
    """Collects while the tree is walked."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.outer: dict[str, Value] = {}
        """The root's attributes."""
        self._datasets: list[tuple[str, list[int], Struct, dict[str, Value]]] = []

    @staticmethod
    def attribute(told: dict[str, Value], name: str, value: Value) -> None:
        """Notes an attribute of an object, where it says anything here."""
        if name in _WANTED and not isinstance(value, Struct):
            told[name] = value

    def dataset(self, path: str, shape: Value, described: Value, told: dict[str, Value]) -> None:
        """Notes a dataset."""
        if len(self._datasets) < _MOST_KEPT and isinstance(described, Struct):
            self._datasets.append((path, shape if isinstance(shape, list) else [], described, told))  # type: ignore[arg-type]

    def finish(self) -> None:
        """Adds the sections."""
        if any(mark in self.outer for mark in _MARKS) or any(
            _is_netcdf(path, told) for path, *_, told in self._datasets
        ):
            self._netcdf()
        variables = [
            cf.Variable(path.removeprefix("/"), _dimensions(path, shape, told), told)
            for path, shape, _, told in self._datasets
            if not str(told.get("NAME", "")).startswith(_NO_VARIABLE)
        ]
        cf.summarize(self._document, self.outer, variables)
        for path, shape, _, told in self._datasets:
            kind = told.get("MATLAB_class")
            if isinstance(kind, str) and path.count("/") == 1:
                entries: tuple[tuple[str, Value], ...] = (
                    ("class", kind),
                    ("shape", [0, 0] if told.get("MATLAB_empty") else [*shape[::-1]]),
                )
                self._document.add("matlab", Field(path[1:], Struct(entries), group="Variables"))

    def _netcdf(self) -> None:
        def put(name: str, value: Value, group: str, text: str = "") -> None:
            self._document.add("netcdf", Field(name, value, text, group=group))

        put("Format", "netCDF-4 classic model" if "_nc3_strict" in self.outer else "netCDF-4", "File")
        lengths = self._lengths()
        for path, shape, described, told in self._datasets:
            name = path.removeprefix("/")
            told_shape = dict(described.entries)
            if told.get("CLASS") == "DIMENSION_SCALE" and shape:
                grows = "unlimited" in (told_shape.get("max_shape") or [])  # type: ignore[operator]
                put(name, lengths[path], "Dimensions", "unlimited" if grows else "")
            if str(told.get("NAME", "")).startswith(_NO_VARIABLE):
                continue
            folder, slash, last = name.rpartition("/")
            scales = _scales(path, shape, told)
            entries: tuple[tuple[str, Value], ...] = (
                ("type", told_shape.get("type")),
                ("dimensions", [each.rpartition("/")[2] for each in scales]),
                (
                    "shape",
                    [lengths.get(scale, length) for scale, length in zip(scales, shape, strict=False)]
                    if scales
                    else [*shape],
                ),
            )
            put(f"{folder}{slash}{last.removeprefix('_nc4_non_coord_')}", Struct(entries), "Variables")

    def _lengths(self) -> dict[str, int]:
        """Of each dimension: one without a limit is as long as the longest variable along it."""
        lengths = {
            path: shape[0]
            for path, shape, _, told in self._datasets
            if told.get("CLASS") == "DIMENSION_SCALE" and shape
        }
        for path, shape, _, told in self._datasets:
            for scale, length in zip(_scales(path, shape, told), shape, strict=False):
                if scale in lengths:
                    lengths[scale] = max(lengths[scale], length)
        return lengths


def _is_netcdf(path: str, told: dict[str, Value]) -> bool:
    """Whether a scale is as netCDF's library makes them."""
    name = str(told.get("NAME", ""))
    return told.get("CLASS") == "DIMENSION_SCALE" and (
        name == path.rpartition("/")[2] or name.startswith(_NO_VARIABLE)
    )


def _scales(path: str, shape: list[int], told: dict[str, Value]) -> list[str]:
    """Paths of a variable's dimensions: its scales', or its own where it is one."""
    scales = told.get("DIMENSION_LIST")
    if isinstance(scales, list):
        return [str(each[0] if isinstance(each, list) and each else each) for each in scales]
    return [path] if told.get("CLASS") == "DIMENSION_SCALE" and len(shape) == 1 else []


def _dimensions(path: str, shape: list[int], told: dict[str, Value]) -> list[str]:
    return [each.rpartition("/")[2] for each in _scales(path, shape, told)]

"""What conventions make of a tree: netCDF-4's dimensions and variables, CF's coordinates, MATLAB's variables.

"The NetCDF-4 File Format Specification" (docs.unidata.ucar.edu/netcdf-c); MathWorks, "MAT-File Versions".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import Field, ProblemKind, Struct
from extractor_service.formats.containers.science import cf

if TYPE_CHECKING:
    from extractor_service.document import Document, Value

_NO_VARIABLE = "This is a netCDF dimension but not a netCDF variable"
_HIDDEN = "_nc4_non_coord_"  # before a variable's name that a dimension has as well
_MOST_BARE = 2000  # kept before those without any attribute of a convention are passed over
_MOST_KEPT = 10_000  # datasets whose attributes are kept
_MARKS = ("_NCProperties", "_nc3_strict")
_TELLING = frozenset({*_MARKS, "Conventions"})
_WANTED = frozenset({
    "CLASS", "NAME", "DIMENSION_LIST", "DIMENSION_LABELS", "MATLAB_class", "MATLAB_empty", "MATLAB_int_decode", "MATLAB_sparse", "MATLAB_size", "MATLAB_columns", "_Netcdf4Dimid", "_Netcdf4Coordinates", "Conventions",
    "standard_name", "long_name", "units", "calendar", "positive", "axis", "cell_methods", "coordinates", "grid_mapping", "bounds", "climatology",
    "ancillary_variables", "cell_measures", "grid_mapping_name", "title", *_MARKS,
})  # fmt: skip


class Views:
    """Collects while the tree is walked."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.outer: dict[str, Value] = {}
        """The root's attributes."""
        self._datasets: list[tuple[str, list[int], Struct, dict[str, Value]]] = []
        self._groups: list[tuple[str, dict[str, Value]]] = []
        self._passed = 0

    @staticmethod
    def attribute(told: dict[str, Value], name: str, value: Value) -> None:
        """Notes an attribute of an object, where it says anything here."""
        if name in _WANTED and not isinstance(value, Struct):
            told[name] = value

    def dataset(self, path: str, shape: Value, described: Value, told: dict[str, Value]) -> None:
        """Notes a dataset."""
        if not told and len(self._datasets) >= _MOST_BARE and self.outer.keys().isdisjoint(_TELLING):
            return  # most likely, no convention has anything to say of it
        if len(self._datasets) == _MOST_KEPT:
            self._passed += 1
        elif isinstance(described, Struct):
            self._datasets.append((path, shape if isinstance(shape, list) else [], described, told))  # type: ignore[arg-type]

    def group(self, path: str, told: dict[str, Value]) -> None:
        """Notes a group."""
        if "MATLAB_class" in told and len(self._groups) < _MOST_KEPT:
            self._groups.append((path, told))

    def finish(self) -> None:
        """Adds the sections."""
        is_netcdf = any(mark in self.outer for mark in _MARKS) or any(
            _is_netcdf(path, told) for path, *_, told in self._datasets
        )
        if is_netcdf:
            self._netcdf()
            if self._passed:
                self._document.problem(
                    "netcdf",
                    ProblemKind.LIMIT,
                    f"{self._passed} variables beyond {_MOST_KEPT} are not described",
                )
        numbered, mappings = _numbered(self._datasets), self._mappings()
        variables = [
            cf.Variable(_named(path), _dimensions(path, shape, told, numbered), mappings.get(path, told))
            for path, shape, _, told in self._datasets
            if not str(told.get("NAME", "")).startswith(_NO_VARIABLE)
        ]
        cf.summarize(self._document, self.outer, variables)
        self._matlab()

    def _mappings(self) -> dict[str, dict[str, Value]]:
        """All attributes of each grid mapping, since each one is a parameter; by its path, in one pass over the fields."""
        found: dict[str, dict[str, Value]] = {
            path: {} for path, *_, told in self._datasets if "grid_mapping_name" in told
        }
        for each in self._document.sections.get("hdf5", []) if found else []:
            if each.group in found and not each.name.startswith("_"):
                found[each.group][each.name] = each.value
        return found

    def _matlab(self) -> None:
        """MATLAB's variables; dimensions stand the other way round in HDF5."""
        found: list[tuple[str, list[tuple[str, Value]]]] = []
        columns = {path: shape for path, shape, *_ in self._datasets if path.endswith("/jc")}
        for path, shape, _, told in self._datasets:
            kind = told.get("MATLAB_class")
            if isinstance(kind, str) and path.count("/") == 1:
                size: Value = [*shape[::-1]]
                if told.get("MATLAB_empty"):
                    size = told.get("MATLAB_size")  # the data are the dimensions then
                found.append((path[1:], [("class", kind), *([("shape", size)] if size is not None else [])]))
        for path, told in self._groups:
            if path.count("/") == 1:
                entries: list[tuple[str, Value]] = [("class", told["MATLAB_class"])]
                rows, starts = told.get("MATLAB_sparse"), columns.get(f"{path}/jc")
                if isinstance(rows, int):
                    entries.append(("sparse", True))
                    if starts:
                        entries.append(("shape", [rows, starts[0] - 1]))
                found.append((path[1:], entries))
        for name, entries in found:
            self._document.add("matlab", Field(name, Struct(tuple(entries)), group="Variables"))

    def _netcdf(self) -> None:
        def put(name: str, value: Value, group: str, text: str = "") -> None:
            self._document.add("netcdf", Field(name, value, text, group=group))

        put("Format", "netCDF-4 classic model" if "_nc3_strict" in self.outer else "netCDF-4", "File")
        numbered = _numbered(self._datasets)
        lengths = self._lengths(numbered)
        for path, shape, described, told in self._datasets:
            name = path.removeprefix("/")
            told_shape = dict(described.entries)
            if told.get("CLASS") == "DIMENSION_SCALE" and shape:
                grows = "unlimited" in (told_shape.get("max_shape") or [])  # type: ignore[operator]
                put(name, lengths[path], "Dimensions", "unlimited" if grows else "")
            if str(told.get("NAME", "")).startswith(_NO_VARIABLE):
                continue
            scales = _scales(path, shape, told, numbered)
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
            put(_named(path), Struct(entries), "Variables")

    def _lengths(self, numbered: dict[int, str]) -> dict[str, int]:
        """Of each dimension: one without a limit is as long as the longest variable along it."""
        lengths = {
            path: shape[0]
            for path, shape, _, told in self._datasets
            if told.get("CLASS") == "DIMENSION_SCALE" and shape
        }
        for path, shape, _, told in self._datasets:
            for scale, length in zip(_scales(path, shape, told, numbered), shape, strict=False):
                if scale in lengths:
                    lengths[scale] = max(lengths[scale], length)
        return lengths


def _is_netcdf(path: str, told: dict[str, Value]) -> bool:
    """Whether a scale is as netCDF's library makes them."""
    name = str(told.get("NAME", ""))
    return told.get("CLASS") == "DIMENSION_SCALE" and (
        name == path.rpartition("/")[2] or name.startswith(_NO_VARIABLE)
    )


def _numbered(datasets: list[tuple[str, list[int], Struct, dict[str, Value]]]) -> dict[int, str]:
    """Paths of dimensions by netCDF's number."""
    found: dict[int, str] = {}
    for path, _, _, told in datasets:
        number = told.get("_Netcdf4Dimid")
        if isinstance(number, int) and told.get("CLASS") == "DIMENSION_SCALE":
            found.setdefault(number, path)
    return found


def _named(path: str) -> str:
    """A variable's name in netCDF."""
    folder, slash, last = path.removeprefix("/").rpartition("/")
    return f"{folder}{slash}{last.removeprefix(_HIDDEN)}"


def _scales(path: str, shape: list[int], told: dict[str, Value], numbered: dict[int, str]) -> list[str]:
    """Paths of a variable's dimensions: its scales', or where it is one, itself; one of several dimensions has their numbers."""
    scales, numbers = told.get("DIMENSION_LIST"), told.get("_Netcdf4Coordinates")
    if isinstance(scales, list):
        return [str(each[0] if isinstance(each, list) and each else each) for each in scales]
    if told.get("CLASS") != "DIMENSION_SCALE":
        return []
    if isinstance(numbers, list) and len(numbers) == len(shape) > 1:
        return [numbered.get(each, "") if isinstance(each, int) else "" for each in numbers]
    return [path] if len(shape) == 1 else []


def _dimensions(path: str, shape: list[int], told: dict[str, Value], numbered: dict[int, str]) -> list[str]:
    return [each.rpartition("/")[2] for each in _scales(path, shape, told, numbered)]

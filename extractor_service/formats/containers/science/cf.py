"""What the Climate and Forecast conventions say of a data set: coordinates with their axes, time, grids, quantities.

CF Conventions 1.11: 4 (coordinate types), 4.4 (time), 5 (coordinate systems), 5.6 (grid mappings), 7.3 (cell methods).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import Field, ProblemKind, Struct

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from extractor_service.document import Document, Value

SECTION = "cf"
_MOST_VARIABLES = 10_000  # described
_MOST_WORDS, _MOST_LEVELS = 32, 8  # names in one attribute, and groups above that they are looked for in
_AXES = {"X": "X", "Y": "Y", "Z": "Z", "T": "T"}
_NORTH = frozenset({"degrees_north", "degree_north", "degree_n", "degrees_n", "degreen", "degreesn"})
_EAST = frozenset({"degrees_east", "degree_east", "degree_e", "degrees_e", "degreee", "degreese"})
_NAMED_AXES = {
    "longitude": "X", "latitude": "Y", "time": "T", "projection_x_coordinate": "X", "projection_y_coordinate": "Y", "grid_longitude": "X",
    "grid_latitude": "Y",
}  # fmt: skip
_PRESSURE = frozenset(
    {
        "pa",
        "hpa",
        "kpa",
        "mb",
        "mbar",
        "millibar",
        "millibars",
        "bar",
        "dbar",
        "decibar",
        "atm",
        "atmosphere",
        "pascal",
        "pascals",
    }
)
_SINCE = re.compile(r"^\s*\w+\s+since\s+\d", re.IGNORECASE)
_SAID = ("standard_name", "long_name", "units", "calendar", "positive", "cell_methods", "coordinates", "grid_mapping", "bounds")  # fmt: skip


class Variable(NamedTuple):
    """What the conventions look at."""

    name: str
    dimensions: Sequence[str]
    attributes: Mapping[str, Value]


def summarize(document: Document, outer: Mapping[str, Value], variables: Sequence[Variable]) -> None:
    """Adds the section "cf" where the file follows the conventions, or its forerunner COARDS."""
    told = outer.get("Conventions")
    named = [each for each in variables if "standard_name" in each.attributes]
    if not named and not (isinstance(told, str) and re.search("CF|COARDS", told)):
        return
    if isinstance(told, str):
        _add(document, "Conventions", told)
    known = frozenset(each.name for each in variables)
    mappings = {
        name
        for each in variables
        for name in _reached(each, str(each.attributes.get("grid_mapping", "")).split(":")[0].split(), known)
    }
    if len(variables) > _MOST_VARIABLES:
        document.problem(
            SECTION, ProblemKind.LIMIT, f"{_MOST_VARIABLES} of {len(variables)} variables are described"
        )
    helpers, auxiliary = _helpers(variables, known) | mappings, _coordinates(variables, known)
    for each in variables[:_MOST_VARIABLES]:
        is_coordinate = list(each.dimensions) == [each.name.rpartition("/")[2]] or each.name in auxiliary
        axis = _axis(each.attributes)
        entries: list[tuple[str, Value]] = [("name", each.name)]
        entries += [("axis", axis)] if axis and is_coordinate else []
        entries += [(name, each.attributes[name]) for name in _SAID if each.attributes.get(name)]
        entries.append(("dimensions", [*each.dimensions]))
        if each.name in mappings or "grid_mapping_name" in each.attributes:
            entries = [("name", each.name), *each.attributes.items()]
            _add(document, "GridMapping", Struct(tuple(entries)))
        elif is_coordinate:
            _add(document, "Coordinate", Struct(tuple(entries)))
        elif each.name not in helpers and each.dimensions:
            _add(document, "DataVariable", Struct(tuple(entries)))


def _coordinates(variables: Sequence[Variable], known: frozenset[str]) -> set[str]:
    """Auxiliary coordinates, named by others (5)."""
    return {
        name
        for each in variables
        for name in _reached(each, _words(each.attributes.get("coordinates")), known)
    }


def _helpers(variables: Sequence[Variable], known: frozenset[str]) -> set[str]:
    """Bounds and measures: they belong to another variable."""
    return {
        name
        for each in variables
        for key in ("bounds", "climatology", "ancillary_variables", "cell_measures")
        for name in _reached(each, _words(each.attributes.get(key)), known)
    }


def _reached(each: Variable, words: Sequence[str], known: frozenset[str]) -> Iterator[str]:
    """The variables that a variable's words mean: in its group, else in the nearest above (2.7); "area:" is no name."""
    groups = each.name.split("/")[:-1]
    for word in words[:_MOST_WORDS]:
        for depth in range(len(groups), max(-1, len(groups) - _MOST_LEVELS), -1):
            path = "/".join([*groups[:depth], word.lstrip("/")])
            if path in known:
                yield path
                break


def _words(value: Value) -> list[str]:
    return value.split() if isinstance(value, str) else []


def _axis(attributes: Mapping[str, Value]) -> str:
    """The axis by its attribute, else by units (4.1 to 4.4); "" for none."""
    said, units = attributes.get("axis"), attributes.get("units")
    if isinstance(said, str) and said.upper() in _AXES:
        return said.upper()
    if isinstance(units, str):
        lower = units.strip().lower()
        if lower in _NORTH:
            return "Y"
        if lower in _EAST:
            return "X"
        if _SINCE.match(units):
            return "T"
        if lower in _PRESSURE:
            return "Z"
    if str(attributes.get("positive", "")).lower() in {"up", "down"}:
        return "Z"
    return _NAMED_AXES.get(str(attributes.get("standard_name", "")), "")


def _add(document: Document, name: str, value: Value) -> None:
    document.add(SECTION, Field(name, value, group="CF"))

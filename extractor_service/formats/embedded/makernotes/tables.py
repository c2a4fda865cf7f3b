"""The tags of a maker's table: which are there on a camera, how they are converted, and what they hold that is no value."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - looked at when the class is made, where it is compiled
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from extractor_service.formats.reading import meanings
from extractor_service.formats.reading.tagset import (
    Conversion,
    Tag,
    find_table,
    module_of,
    raw_table,
    table_names,
)

_UNKNOWN: Final = ("?", "", 0)
_PLAIN: Final = meanings.Meaning((), "", 0)
# That a reader sets itself, or another block of the same note has before.
_VARIABLES: Final = frozenset({
    "MakerNoteSigmaVer", "LensType", "FacesDetected", "TIFF_TYPE", "FILE_TYPE", "Software",
    "TempTest1", "TempTest2", "Battery2", "BatteryStatus1", "BatteryStatus2", "Ver9401",
})  # fmt: skip
_KEEPING: Final = frozenset(
    {"nikon", "sony"}
)  # makers whose conditions ask for tags of other blocks of the same note
_PIXELS: Final = frozenset({"TiffMeteringImage"})  # which the listing doesn't call binary
_CONVERSIONS: Final[dict[tuple[str, str], Mapping[str, Conversion]]] = {}


@cache
def _names_of(module: str) -> frozenset[str]:
    """The names of all tags of a maker, whatever their table."""
    tables = (raw_table(module, name) for name in table_names(module))
    return frozenset(row[0] for rows in tables for each in rows.values() for row in each)


class Tags(dict[int | str, Tag]):
    """The tags of a table by id, and what those hold that are no values themselves."""

    inner: Mapping[int | str, tuple[meanings.Inner, ...]] = MappingProxyType({})


class Vendor(NamedTuple):
    """What a maker's notes need: the generated module, the conversions, and what lies inside tags."""

    module: str
    group: str
    conversions: Mapping[str, Conversion]


class Wanted(NamedTuple):
    """Which table, for which camera."""

    name: str
    choices: tuple[tuple[int | str, int], ...]
    """Of some ids, which alternative is there."""
    make: str
    model: str
    is_found: bool
    """Whether the generated facts led there, and nobody has looked at the table."""


def tags_of(vendor: Vendor, wanted: Wanted) -> Tags:
    """The tags of a table, with the conversions of their maker; those of another maker's table have none."""
    module = module_of(wanted.name) if wanted.is_found else vendor.module
    key = (module, vendor.group)
    _CONVERSIONS.setdefault(key, vendor.conversions if module == vendor.module else {})
    return _table(*key, wanted)


@lru_cache(maxsize=512)
def _table(module: str, group: str, wanted: Wanted) -> Tags:
    name, choices, make, model, is_found = wanted
    table = name.partition("::")[2]
    conversions = _CONVERSIONS[module, group]
    chosen = dict(choices)
    tags = Tags()
    tags.inner = meanings.structures(name, make, model)
    known = meanings.meanings(name)
    rows_by_id = find_table(module, name)  # empty for one that only leads on to others
    names = {row[0] for rows in rows_by_id.values() for row in rows} | _VARIABLES
    for key, rows in rows_by_id.items():
        facts = known.get(key, ())
        variants: list[Tag] = []
        for place, row in enumerate(rows):
            if key in chosen and place != min(chosen[key], len(rows) - 1):
                continue
            fact = facts[place] if place < len(facts) else _PLAIN
            condition = meanings.of_camera(fact.condition, make, model)
            if key not in chosen and condition is None:
                continue  # cameras of this model have something else there
            conversion = conversions.get(f"{table}.{row[0]}")
            if conversion is None and (not is_found or fact.formula == "?"):
                conversion = conversions.get(row[0])
            if conversion is None and fact.formula not in {"", "?"}:
                conversion = meanings.conversion(fact.formula)
                like = conversions.get(row[0])
                if like is not None:  # a tag of that name: the same unit and printed form, on its own scale
                    conversion = Conversion(conversion.convert, like.printer, like.unit)
            if conversion is None and fact.formula == "?" and is_found:
                break  # meant in a way that isn't known here: left out, rather than wrong
            tag = Tag(row, conversion)
            tag.mask, tag.form = fact.mask, fact.form
            tag.binary = tag.binary or row[0] in _PIXELS
            if is_found and isinstance(key, str) and not tag.mask:
                tag.mask = -1  # another meaning of the whole value
            known_names = names | _names_of(module) if is_found and module in _KEEPING else names
            rest = meanings.rest_of(condition or (), known_names)
            if rest is None and is_found and (module in _KEEPING or _UNKNOWN in fact.condition):
                break  # there under a condition that can't be answered
            tag.condition = rest or ()
            variants.append(tag)
            if not tag.condition:
                break
        if variants:
            tags[key] = variants[0]
            variants[0].variants = tuple(variants) if variants[0].condition else ()
    return tags

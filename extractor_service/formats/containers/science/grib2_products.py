"""Section 4 of GRIB 2: what a field is of, when, where; by templates, whose parts follow each other (WMO-No. 306, code table 4.0)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.formats.containers.science.octets import moment, scaled, signed, unsigned
from extractor_service.formats.tags import wmo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Value

_TAILS = {
    0: "", 1: "e", 2: "d", 3: "d", 4: "d", 5: "p", 6: "c", 7: "", 8: "i", 9: "pi", 10: "ci", 11: "ei", 12: "di", 13: "d", 14: "d", 15: "",
    40: "", 41: "e", 42: "i", 43: "ei", 44: "", 45: "e", 46: "i", 47: "ei", 48: "", 49: "e", 60: "er", 61: "eri",
}  # fmt: skip
"""What follows the levels: ensemble member, derived forecast, probability, percentile (c), model's date (r), interval."""
_SIZES = {"e": 3, "d": 2, "p": 13, "c": 1, "r": 7, "i": 24}
_CHEMICAL, _AEROSOL, _OPTICAL = frozenset({40, 41, 42, 43}), frozenset({44, 45, 46, 47}), frozenset({48, 49})
_SHORT = 44  # a template whose forecast time has two octets
_PRESSURE = 100  # a surface of code table 4.5


def product(data: bytes, discipline: int) -> Iterator[tuple[str, Value]]:
    """What the section says. Raises ValueError where it is cut."""
    template, category, number = unsigned(data, 8, 2), unsigned(data, 10, 1), unsigned(data, 11, 1)
    yield "product_template", template
    yield "category", category
    yield "number", number
    known = wmo.PARAMETERS.get((discipline, category), {})
    yield "parameter", known.get(number, f"{discipline}.{category}.{number}")
    tail = _TAILS.get(template)
    if tail is None:
        return
    shift = 2 if template in _CHEMICAL else 13 if template in _AEROSOL else 24 if template in _OPTICAL else 0
    if shift:
        constituent = unsigned(data, 12, 2)
        yield "constituent_type", constituent
        yield "constituent", wmo.CONSTITUENTS.get(constituent, f"Unknown ({constituent})")
    process = unsigned(data, 12 + shift, 1)
    yield "process", wmo.PROCESSES.get(process, f"Unknown ({process})")
    unit = unsigned(data, 18 + shift, 1)
    yield "forecast_time", signed(data, 19 + shift, 2 if template == _SHORT else 4)
    yield "forecast_unit", wmo.TIME_UNITS.get(unit, f"Unknown ({unit})")
    shift -= 2 if template == _SHORT else 0
    yield from _levels(data, shift)
    octet = 35 + shift
    for part in tail:
        yield from _part(part, data, octet)
        octet += _SIZES[part]


def _part(part: str, data: bytes, octet: int) -> Iterator[tuple[str, Value]]:
    if part == "e":
        yield "perturbation_number", unsigned(data, octet + 1, 1)
        yield "ensemble_size", unsigned(data, octet + 2, 1)
    elif part == "d":
        kind = unsigned(data, octet, 1)
        yield "derived_forecast", wmo.DERIVED_FORECASTS.get(kind, f"Unknown ({kind})")
        yield "ensemble_size", unsigned(data, octet + 1, 1)
    elif part == "c":
        yield "percentile", unsigned(data, octet, 1)
    elif part == "p":
        kind = unsigned(data, octet + 2, 1)
        yield "probability", wmo.PROBABILITIES.get(kind, f"Unknown ({kind})")
        for name, place in (("lower_limit", octet + 3), ("upper_limit", octet + 8)):
            limit = scaled(data, place)
            if limit is not None:
                yield name, limit
    elif part == "r":
        if unsigned(data, octet, 2) not in {0, 0xFFFF}:
            yield "model_version_date", moment(unsigned(data, octet, 2), *data[octet + 1 : octet + 6])
    else:
        yield "interval_end", moment(unsigned(data, octet, 2), *data[octet + 1 : octet + 6])
        statistic = unsigned(data, octet + 12, 1)
        if statistic != 255:
            yield "statistic", wmo.STATISTICS.get(statistic, f"Unknown ({statistic})")


def _levels(data: bytes, shift: int) -> Iterator[tuple[str, Value]]:
    told: list[str] = []
    for prefix, octet in (("level", 23 + shift), ("level_2", 29 + shift)):
        kind = unsigned(data, octet, 1)
        if kind == 255:
            continue
        yield f"{prefix}_type", kind
        name = wmo.SURFACES.get(kind, f"Surface {kind}")
        real = scaled(data, octet + 1)
        if real is not None:
            yield f"{prefix}_value", real
            told.append(f"{real / 100:g} hPa" if kind == _PRESSURE else f"{name}: {real:g}")
        else:
            told.append(name)
    if told:
        yield "level", " to ".join(told)

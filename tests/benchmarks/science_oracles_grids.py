"""What ecCodes and GDAL say of fields of weather and georeferenced pictures; see `science_oracles.py`."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path

from science_oracles_facts import Facts


def grib(path: str) -> Facts:
    import eccodes as ec

    facts = Facts()
    grid = {
        "ni": "Ni",
        "nj": "Nj",
        "first_latitude": "latitudeOfFirstGridPointInDegrees",
        "first_longitude": "longitudeOfFirstGridPointInDegrees",
        "last_latitude": "latitudeOfLastGridPointInDegrees",
        "last_longitude": "longitudeOfLastGridPointInDegrees",
        "di_degrees": "iDirectionIncrementInDegrees",
        "dj_degrees": "jDirectionIncrementInDegrees",
        "parallels": "N",
        "pentagonal_j": "J",
        "pentagonal_k": "K",
        "pentagonal_m": "M",
    }
    both = {
        "centre": "centre",
        "sub_centre": "subCentre",
        "binary_scale": "binaryScaleFactor",
        "decimal_scale": "decimalScaleFactor",
        "bits_per_value": "bitsPerValue",
        "reference_value": "referenceValue",
        "bitmap": "bitmapPresent",
        "message_bytes": "totalLength",
    }
    two = {
        "discipline": "discipline",
        "category": "parameterCategory",
        "number": "parameterNumber",
        "product_template": "productDefinitionTemplateNumber",
        "grid_template": "gridDefinitionTemplateNumber",
        "packing_template": "dataRepresentationTemplateNumber",
        "level_type": "typeOfFirstFixedSurface",
        "tables_version": "tablesVersion",
        "points": "numberOfDataPoints",
        "values": "numberOfCodedValues",
        "forecast_time": "forecastTime",
        "perturbation_number": "perturbationNumber",
        "ensemble_size": "numberOfForecastsInEnsemble",
        "percentile": "percentileValue",
        "constituent_type": "constituentType",
        "rotation_degrees": "angleOfRotationInDegrees",
        "interval_end": "yearOfEndOfOverallTimeInterval",
        "true_latitude": "LaDInDegrees",
        "earth_radius_meters": "radius",
    }
    one = {
        "number": "indicatorOfParameter",
        "level_type": "indicatorOfTypeOfLevel",
        "grid_template": "dataRepresentationType",
        "tables_version": "table2Version",
        "process_id": "generatingProcessIdentifier",
        "perturbation_number": "perturbationNumber",
        "ensemble_size": "numberOfForecastsInEnsemble",
        "number_in_average": "numberIncludedInAverage",
        "true_latitude": "LaDInDegrees",
        "rotation_degrees": "angleOfRotationInDegrees",
    }
    number = 0
    with Path(path).open("rb") as file:
        while (handle := ec.codes_grib_new_from_file(file)) is not None:
            number += 1
            edition = ec.codes_get(handle, "edition")
            told = {}
            for name, key in {**both, **grid, **(two if edition == 2 else one)}.items():
                with contextlib.suppress(Exception):
                    value = (
                        ec.codes_get(handle, key, float)
                        if name.endswith(("itude", "degrees")) or name == "reference_value"
                        else ec.codes_get_long(handle, key)
                    )
                    if value is not None and value not in {ec.CODES_MISSING_LONG, ec.CODES_MISSING_DOUBLE}:
                        told[name] = value
            _adjusted(ec, handle, edition, told)
            day, hour = ec.codes_get(handle, "dataDate"), ec.codes_get(handle, "dataTime")
            told["reference_time"] = (
                f"{day // 10000:04d}-{day // 100 % 100:02d}-{day % 100:02d}T{hour // 100:02d}:{hour % 100:02d}:00Z"
            )
            kind = ec.codes_get(handle, "gridType")
            if kind in {"lambert", "polar_stereographic", "mercator"}:
                told = {
                    name: value
                    for name, value in told.items()
                    if name
                    not in {
                        "last_latitude",
                        "last_longitude",
                        "ni",
                        "nj",
                        "di_degrees",
                        "dj_degrees",
                        "parallels",
                    }
                }
                told["ni"], told["nj"] = (
                    ec.codes_get_long(handle, "Ni" if kind == "mercator" else "Nx"),
                    ec.codes_get_long(handle, "Nj" if kind == "mercator" else "Ny"),
                )
            if not kind.endswith(("ll", "gg")) and kind not in {"lambert", "polar_stereographic", "mercator"}:
                told = {
                    name: value
                    for name, value in told.items()
                    if name not in grid or name.startswith("pentagonal")
                }
            if "gg" not in kind:
                told.pop("parallels", None)
            if not kind.startswith("sh"):
                told = {name: value for name, value in told.items() if not name.startswith("pentagonal")}
            if kind.startswith("reduced"):
                told = {name: value for name, value in told.items() if name not in {"ni", "di_degrees"}}
            if "gg" in kind:
                told.pop("dj_degrees", None)
            if (
                not ec.codes_get_long(handle, "ijDirectionIncrementGiven")
                if ec.codes_is_defined(handle, "ijDirectionIncrementGiven")
                else True
            ):
                told.pop("di_degrees", None), told.pop("dj_degrees", None)
            if edition == 2 and told.get("packing_template") in {
                4,
                200,
            }:  # has none of these; it makes them up
                for each in ("binary_scale", "decimal_scale", "bits_per_value", "reference_value"):
                    told.pop(each, None)
            if edition == 2 and told.get("level_type") == 255:
                told.pop("level_type")
            facts.put("grib", f"Message{number}", "Field", told)
            ec.codes_release(handle)
    facts.put("grib", "File", "MessageCount", number)
    return facts


def _adjusted(ec, handle, edition, told) -> None:
    """What ecCodes computes although the message doesn't say it goes; times and fractions as we write them."""
    if "interval_end" in told:
        told["interval_end"] = "{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}Z".format(
            *(
                ec.codes_get_long(handle, f"{part}OfEndOfOverallTimeInterval")
                for part in ("year", "month", "day", "hour", "minute", "second")
            )
        )
    if not told.get("number_in_average") or ec.codes_get_long(handle, "timeRangeIndicator") < 51:
        told.pop("number_in_average", None)
    if edition == 1 and not told.get("ensemble_size"):
        told.pop("ensemble_size", None), told.pop("perturbation_number", None)
    has_shape = edition == 2 and ec.codes_is_defined(handle, "shapeOfTheEarth")
    if not has_shape or ec.codes_get_long(handle, "shapeOfTheEarth") != 1:
        told.pop("earth_radius_meters", None)
    kind = ec.codes_get(handle, "gridType")
    if kind not in {"mercator", "polar_stereographic", "lambert"} or (edition == 1 and kind == "lambert"):
        told.pop("true_latitude", None)


def geotiff(path: str) -> Facts:
    """By gdalinfo, a program of GDAL."""
    facts = Facts()
    told = json.loads(subprocess.run(["gdalinfo", "-json", path], capture_output=True, check=True).stdout)
    if "geoTransform" in told:
        facts.put("geotiff", "Summary", "GeoTransform", told["geoTransform"])
        corners = [place for name, place in told["cornerCoordinates"].items() if name != "center"]
        xs, ys = zip(*corners, strict=True)
        facts.put("geotiff", "Summary", "Bounds", [min(xs), min(ys), max(xs), max(ys)])
    code = told.get("stac", {}).get("proj:epsg")
    if code:
        facts.put("geotiff", "Summary", "CRS", f"EPSG:{code}")
    facts.put("exif", "IFD0", "ImageWidth", told["size"][0])
    facts.put("exif", "IFD0", "ImageHeight", told["size"][1])
    return facts

"""Where a GeoTIFF's picture lies: its coordinate system and the corners of its pixels. OGC 19-008r4, 7.1.2 and annex B.6.

A transform has six numbers: x of the picture's corner, x per column, x per row, y of the corner, y per column, y per row (the order
that GDAL has). Pixels are areas there: a tie to a pixel's middle is moved by half a pixel.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from extractor_service.document import Field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extractor_service.document import Document, Value

_SECTION, _GROUP = "geotiff", "Summary"
_SCALE, _TIES, _MATRIX = 33550, 33922, 34264
_MODEL, _RASTER, _GEOGRAPHIC, _PROJECTED, _VERTICAL = 1024, 1025, 2048, 3072, 4096
_POINT = 2
_EPSG = range(1024, 32767)  # 32767 is user-defined, below are obsolete codes

Transform = tuple[float, float, float, float, float, float]


def summarize(values: Mapping[int, Value], keys: Mapping[int, Value], document: Document) -> None:
    """Adds the coordinate system by its EPSG code, the transform, the size of a pixel, and the bounds."""

    def put(name: str, value: Value, text: str = "") -> None:
        document.add(_SECTION, Field(name, value, text, group=_GROUP))

    for name, key in (
        ("CRS", _PROJECTED if keys.get(_MODEL) == 1 else _GEOGRAPHIC),
        ("VerticalCRS", _VERTICAL),
    ):
        code = keys.get(key)
        if isinstance(code, int) and code in _EPSG:
            put(name, f"EPSG:{code}")
    transform = transform_of(values, is_point=keys.get(_RASTER) == _POINT)
    if transform is None:
        return
    put("GeoTransform", [*transform])
    put("PixelSize", [math.hypot(transform[1], transform[4]), math.hypot(transform[2], transform[5])])
    size = [document.find("exif", name, "IFD0") for name in ("ImageWidth", "ImageHeight")]
    width, height = (each.value if each is not None else None for each in size)
    if isinstance(width, int) and isinstance(height, int):
        put("Bounds", [*bounds_of(transform, width, height)], "least x, least y, greatest x, greatest y")


def transform_of(values: Mapping[int, Value], *, is_point: bool) -> Transform | None:
    """The transform out of the tags: by a matrix, or by one tie and the scale; None where there is none, or no finite one."""
    matrix, scale, ties = (_numbers(values.get(tag)) for tag in (_MATRIX, _SCALE, _TIES))
    if len(matrix) == 16:
        found = (matrix[3], matrix[0], matrix[1], matrix[7], matrix[4], matrix[5])
    elif len(scale) >= 2 and len(ties) == 6 and scale[0] and scale[1]:
        column, row, x, y = ties[0], ties[1], ties[3], ties[4]
        found = (x - column * scale[0], scale[0], 0.0, y + row * scale[1], 0.0, -scale[1])
    else:
        return None
    if is_point:
        x, dx, rx, y, ry, dy = found
        found = (x - (dx + rx) / 2, dx, rx, y - (ry + dy) / 2, ry, dy)
    return found if all(map(math.isfinite, found)) else None


def bounds_of(transform: Transform, width: int, height: int) -> tuple[float, float, float, float]:
    """Least x and y, greatest x and y of the four corners, in units of the coordinate system."""
    x, dx, rx, y, ry, dy = transform
    corners = [(column, row) for column in (0, width) for row in (0, height)]
    xs = [x + column * dx + row * rx for column, row in corners]
    ys = [y + column * ry + row * dy for column, row in corners]
    return min(xs), min(ys), max(xs), max(ys)


def _numbers(value: Value) -> Sequence[float]:
    return (
        [float(each) for each in value if isinstance(each, (int, float))] if isinstance(value, list) else []
    )

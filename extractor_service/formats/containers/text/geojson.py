"""GeoJSON: kinds, counts, bounds, properties. RFC 7946."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from extractor_service.document import Field

if TYPE_CHECKING:
    from extractor_service.document import Document, Value

SECTION = "geometry"
_MOST_FEATURES, _MOST_NAMES = 100_000, 200


def add(told: dict[str, Any], document: Document) -> None:
    """Adds what the object says."""

    def put(name: str, value: Value) -> None:
        document.add(SECTION, Field(name, value, group="GeoJSON"))

    put("GeoJSONType", str(told.get("type")))
    features = told.get("features") if told.get("type") == "FeatureCollection" else [told]
    features = [each for each in features if isinstance(each, dict)] if isinstance(features, list) else []
    put("FeatureCount", len(features))
    kinds: Counter[str] = Counter()
    keys: dict[str, None] = {}
    bounds = _Bounds()
    for each in features[:_MOST_FEATURES]:
        geometry = each.get("geometry", each) if each.get("type") == "Feature" else each
        if isinstance(geometry, dict):
            kinds[str(geometry.get("type"))] += 1
            bounds.see(geometry.get("coordinates"), 0)
        properties = each.get("properties")
        if isinstance(properties, dict):
            keys.update(dict.fromkeys(list(properties)[:_MOST_NAMES]))
    for kind, count in sorted(kinds.items()):
        put(f"Geometry{kind[:40]}", count)
    if keys:
        names: list[Value] = [str(key)[:200] for key in list(keys)[:_MOST_NAMES]]
        put("PropertyNames", names)
    if bounds.values is not None:
        put("Bounds", [*bounds.values])
    crs = told.get("crs")
    if isinstance(crs, dict) and isinstance(crs.get("properties"), dict):
        put("CRS", str(crs["properties"].get("name", ""))[:200])


class _Bounds:
    """West, south, east, north of all positions."""

    def __init__(self) -> None:
        self.values: tuple[float, float, float, float] | None = None
        self._left = 2_000_000  # positions

    def see(self, coordinates: Any, depth: int) -> None:
        """Looks at positions in lists in lists."""
        if not isinstance(coordinates, list) or not coordinates or depth > 6 or self._left < 0:
            return
        if isinstance(coordinates[0], (int, float)):
            if len(coordinates) < 2 or not isinstance(coordinates[1], (int, float)):
                return
            self._left -= 1
            x, y = float(coordinates[0]), float(coordinates[1])
            if self.values is None:
                self.values = (x, y, x, y)
            else:
                west, south, east, north = self.values
                self.values = (min(west, x), min(south, y), max(east, x), max(north, y))
            return
        for each in coordinates:
            self.see(each, depth + 1)

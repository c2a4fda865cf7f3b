"""The module that says where a position is. It reads no file: files of one place share its result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import Field
from extractor_service.modules.base import CostClass, Lifetime, Module, Subject
from extractor_service.modules.places import borders, settlements
from extractor_service.modules.places.country_names import COUNTRIES

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.modules.base import ModuleContext
    from extractor_service.sources.base import ByteSource

SECTION = "place"
_METERS_STEP = 100  # a distance to a settlement's middle is no more exact than that


class PlacesModule(Module):
    """Country, region, nearest settlement and time zone of where the content was created; offline."""

    name = "places"
    version = "1"
    description = (
        "Country, time zone and nearest settlement of the position, offline, by the borders themselves."
    )
    writes = (SECTION,)
    cost_class = CostClass.DERIVED
    lifetime = Lifetime.GEOCODING
    subject = Subject.POSITION

    def applies(self, context: ModuleContext) -> bool:
        """To whatever has a position."""
        return context.position is not None

    def options(self, context: ModuleContext) -> str:
        """None: a place is a place."""
        del context
        return ""

    def run(self, source: ByteSource, document: Document, context: ModuleContext) -> None:
        """Adds the section "place"; at sea the time zone that ships keep, by longitude."""
        del source
        if context.position is None:
            return
        latitude, longitude = context.position.latitude_degrees, context.position.longitude_degrees
        found = borders.areas(latitude, longitude)
        if not found:
            _add(document, "TimeZone", _nautical(longitude), note="at sea, by longitude")
            return
        countries = list(dict.fromkeys(area.country for area in found))
        for number, country in enumerate(countries, 1):
            group = "" if len(countries) == 1 else f"Claim {number}"
            _add(document, "CountryCode", country, group)
            _add(document, "Country", COUNTRIES.get(country, country), group)
            zones = [area.zone for area in found if area.country == country]
            for zone in zones:
                _add(
                    document,
                    "TimeZone",
                    zone,
                    group,
                    note="one of several that are in use" if len(zones) > 1 else "",
                )
        nearest = settlements.nearest(latitude, longitude, countries[0]) if len(countries) == 1 else None
        sources = [borders.LICENCE]
        if nearest is not None:
            if nearest.region:
                _add(document, "Region", nearest.region, note="of the nearest settlement")
            _add(document, "Settlement", nearest.name)
            meters = round(nearest.distance_meters / _METERS_STEP) * _METERS_STEP
            document.add(SECTION, Field("SettlementDistance", meters, f"{meters / 1000:.1f} km", unit="m"))
            if nearest.people:
                document.add(SECTION, Field("SettlementPopulation", nearest.people))
            sources.append(settlements.LICENCE)
        _add(document, "DataLicence", "; ".join(sources))


def _add(document: Document, name: str, value: str, group: str = "", note: str = "") -> None:
    document.add(SECTION, Field(name, value, group=group, note=note))


def _nautical(longitude: float) -> str:
    """The zone of 15 degrees, named as in the time zone database: Etc/GMT+1 is an hour behind."""
    hours = round(longitude / 15)
    return f"Etc/GMT{-hours:+d}" if hours else "Etc/GMT"

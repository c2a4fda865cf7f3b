import csv
import datetime as dt
from pathlib import Path

import pytest

from extractor_service.document import DateTime, Document, Position, ZoneSource
from extractor_service.modules import times
from extractor_service.modules.base import ModuleContext
from extractor_service.modules.places import borders, settlements, zones
from extractor_service.modules.places.module import PlacesModule

SAMPLES = Path(__file__).parents[2] / "samples/places"
# Where OpenStreetMap, in full detail as well, has another side of the border than the two generalised maps: 0.17 to 0.91 km from it, and
# one on the straight line between Libya and Chad, 4.8 km beside Natural Earth's.
NEARER_THAN_THE_MAPS = {
    ("-3.92013", "-78.48645"), ("32.00927", "10.78337"), ("29.99487", "34.74134"), ("23.30799", "12.94764"),
    ("4.86277", "115.18267"), ("30.24619", "24.71905"), ("-6.77616", "16.80752"), ("21.36619", "20.29437"),
}  # fmt: skip


def rows(name):
    with (SAMPLES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def countries(latitude, longitude):
    return {area.country for area in borders.areas(latitude, longitude)}


def test_the_country_is_right_near_borders():
    points = rows("border_points.csv")
    wrong = {
        (each["lat"], each["lon"])
        for each in points
        if countries(float(each["lat"]), float(each["lon"])) != {each["country_iso2"]}
    }
    assert len(points) == 209 and wrong <= NEARER_THAN_THE_MAPS


def test_the_country_of_places_is_right():
    cities = rows("other_cities.csv")
    right = sum(
        countries(float(each["lat"]), float(each["lon"])) == {each["country_iso2"]} for each in cities
    )
    assert len(cities) == 1000 and right >= 995


@pytest.mark.parametrize(
    ("latitude", "longitude", "country", "zone"),
    [
        (48.4984, -113.9873, "US", "America/Denver"),  # Glacier National Park
        (42.3086, -83.0361, "CA", "America/Toronto"),  # Windsor, south of Detroit
        (35.9, 8.2, "DZ", "Africa/Algiers"),
        (21.0285, 105.8542, "VN", "Asia/Bangkok"),  # Hanoi keeps Bangkok's time
        (47.6961, 8.6889, "DE", "Europe/Busingen"),  # within Switzerland
        (51.4416, 4.9296, "BE", "Europe/Brussels"),  # Baarle-Hertog, within the Netherlands
        (-77.85, 166.67, "AQ", "Antarctica/McMurdo"),
        (-16.8, 179.99, "FJ", "Pacific/Fiji"),  # on both sides of 180 degrees
        (-16.8, -179.99, "FJ", "Pacific/Fiji"),
    ],
)
def test_borders_where_others_fail(latitude, longitude, country, zone):
    assert (country, zone) in borders.areas(latitude, longitude)


def test_land_that_two_zones_claim_is_told_as_claims():
    document = Document()
    PlacesModule().run(None, document, ModuleContext(None, position=Position(32.106, 35.17)))
    fields = {(field.group, field.name): field.value for field in document.sections["place"]}
    assert {fields["Claim 1", "CountryCode"], fields["Claim 2", "CountryCode"]} == {"PS", "IL"}
    assert ("", "Settlement") not in fields


def test_at_sea_only_a_ships_time_is_told():
    document = Document()
    PlacesModule().run(None, document, ModuleContext(None, position=Position(0.5, -30.2)))
    assert [(field.name, field.value) for field in document.sections["place"]] == [("TimeZone", "Etc/GMT+2")]


def test_the_settlement_is_the_nearest_of_the_country():
    found = settlements.nearest(42.3086, -83.0361, "CA")
    assert found.name == "Windsor" and found.region == "Ontario" and found.distance_meters < 3000
    assert settlements.nearest(42.33, -83.05, "US").name == "Detroit"
    assert settlements.nearest(0.5, -30.2, "BR") is None
    assert settlements.nearest(52.5, 13.4, "??") is None


@pytest.mark.parametrize(
    ("place", "utc", "minutes"),
    [((52.5, 13.4), "2024-07-01T12:00", 120), ((52.5, 13.4), "2024-01-01T12:00", 60), ((27.7, 85.3), "2024-01-01T12:00", 345), ((0.0, -30.0), "2024-01-01T12:00", None)],
)  # fmt: skip
def test_the_offset_of_a_place_and_time(place, utc, minutes):
    assert zones.offset_minutes(*place, dt.datetime.fromisoformat(utc)) == minutes


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (
            DateTime("2024-07-01T22:30:15Z", ZoneSource.FORMAT_UTC, "quicktime.CreateDate"),
            "2024-07-02T00:30:15+02:00",
        ),
        (DateTime("2024-07-01T22:30:15.25Z", ZoneSource.FORMAT_UTC, "x.y"), "2024-07-02T00:30:15.25+02:00"),
        (DateTime("2024-07-01T22:30:15", ZoneSource.UNKNOWN, "x.y"), "2024-07-01T22:30:15"),
        (DateTime("2016-12-31T23:59:60Z", ZoneSource.FORMAT_UTC, "x.y"), "2016-12-31T23:59:60Z"),
    ],
)
def test_films_in_utc_get_the_time_of_their_place(time, expected):
    found = times.at_place(time, Position(52.5, 13.4))
    assert found.iso == expected and found.field == time.field
    assert (found.zone_source is ZoneSource.POSITION) == (expected != time.iso)
    assert times.at_place(time, None) == time


def test_the_data_are_mapped_and_name_their_licences():
    document = Document()
    PlacesModule().run(None, document, ModuleContext(None, position=Position(52.52, 13.405)))
    fields = {field.name: field.value for field in document.sections["place"]}
    assert fields["Country"] == "Germany" and fields["Settlement"] and fields["SettlementDistance"] < 5000
    assert "OpenStreetMap" in fields["DataLicence"] and "GeoNames" in fields["DataLicence"]

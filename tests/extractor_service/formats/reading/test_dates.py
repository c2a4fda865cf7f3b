"""One grammar for all dates: understood, in part, or not; never a wrong one."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor_service.formats.reading.dates import Grasp, read, zone_of


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2024:02:29 13:14:15", "2024-02-29T13:14:15"),
        ("2024:02:29 13:14:15.5", "2024-02-29T13:14:15.5"),
        ("2024-02-29 13:14:15", "2024-02-29T13:14:15"),
        ("2024/02/29 13:14:15", "2024-02-29T13:14:15"),
        ("2024-02-29T13:14:15.25+05:30", "2024-02-29T13:14:15.25+05:30"),
        ("2024-02-29T13:14:15-0700", "2024-02-29T13:14:15-07:00"),
        ("2024-02-29T13:14Z", "2024-02-29T13:14Z"),
        ("2024:2:9 3:04:05+5:30", "2024-02-09T03:04:05+05:30"),
        ("D:20240229131415+01'00'", "2024-02-29T13:14:15+01:00"),
        ("D:20240229131415 -8'00'", "2024-02-29T13:14:15-08:00"),
        ("D:20240229131415Z00'00'", "2024-02-29T13:14:15Z"),
        ("D:20240229", "2024-02-29"),
        ("D:2024", "2024"),
        ("20240229131415.687", "2024-02-29T13:14:15.687"),
        ("Thu, 29 Feb 2024 13:14:15 GMT", "2024-02-29T13:14:15Z"),
        ("29 Feb 2024 13:14:15 +0900", "2024-02-29T13:14:15+09:00"),
        ("Thu Feb 29 13:14:15 2024", "2024-02-29T13:14:15"),
        ("2024-02", "2024-02"),
    ],
)
def test_what_is_understood(text, iso):
    moment = read(text)
    assert (moment.iso, moment.grasp, moment.reason) == (iso, Grasp.UNDERSTOOD, "")


@pytest.mark.parametrize(
    "text",
    ["2021-02-29", "2024:13:01 00:00:00", "2024:00:10", "2024:01:01 25:00:00", "2024:01:01 12:60:00", "1492:10:12", "9999:12:31 23:59:59",
     "2024.02/29", "yesterday", "29 Fxb 2024", "2024:02:29 13:14:15 and more", "12:13:14", "D:20241301", "6000"],
)  # fmt: skip
def test_what_never_was_or_is_not_known_is_no_date(text):
    moment = read(text)
    assert (moment.iso, moment.grasp) == ("", Grasp.NOT) and moment.reason


@pytest.mark.parametrize(
    "text", ["", "0000:00:00 00:00:00", "    :  :     :  :  ", "0000-00-00T00:00:00Z", "\0\0"]
)
def test_zeros_and_blanks_are_no_date_and_no_trouble(text):
    assert read(text) == (Grasp.UNSET, "", "", "", "")


@pytest.mark.parametrize("zone", ["+25:00", "-15:00", "+14:01", "+02:75"])
def test_a_zone_that_no_place_has_costs_the_zone(zone):
    moment = read(f"2024-02-29T13:14:15{zone}")
    assert (moment.iso, moment.grasp) == ("2024-02-29T13:14:15", Grasp.IN_PART) and zone in moment.reason
    assert not zone_of(zone)


@pytest.mark.parametrize(
    ("text", "zone"),
    [("+0530", "+05:30"), ("+5:30", "+05:30"), ("-07", "-07:00"), ("-07:00\0", "-07:00"), ("Z", "Z"), (" +14:00", "+14:00"), ("x", ""), ("", "")],
)  # fmt: skip
def test_zones_in_their_spellings(text, zone):
    assert zone_of(text) == zone


@given(
    st.datetimes(dt.datetime(1800, 1, 1), dt.datetime(2100, 12, 31)),
    st.integers(-14 * 4, 14 * 4),
    st.sampled_from(["%Y:%m:%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y/%m/%d %H:%M:%S", "D:%Y%m%d%H%M%S"]),
)
def test_any_time_comes_back_from_any_form(time, quarters, form):
    offset = dt.timedelta(minutes=15 * quarters)
    stated = time.replace(microsecond=0, tzinfo=dt.timezone(offset))
    text = stated.strftime(form)
    found = read(text + stated.strftime("%z"))
    assert found.grasp is Grasp.UNDERSTOOD
    assert dt.datetime.fromisoformat(found.iso.replace("Z", "+00:00")) == stated


@given(st.text(max_size=60))
def test_any_text_is_answered(text):
    moment = read(text)
    assert bool(moment.day) == (moment.grasp in {Grasp.UNDERSTOOD, Grasp.IN_PART})

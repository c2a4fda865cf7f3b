"""Results that are kept by place: through a real pair, from the second file of a place on they come from the cache."""

import pytest

from extractor_service.extraction import located
from extractor_service.modules.registry import BY_NAME
from metaextract.document.v1 import document_pb2
from metaextract.extractor.v1.extractor_pb2 import (
    CACHE_MODE_BYPASS,
    CACHE_STATUS_HIT,
    ExtractOptions,
    ExtractRequest,
    InlineSource,
)
from tests.support.guests import pair
from tests.tools import traces


def photo(seed, latitude=(52.0, 31.0, 12.0)):
    gps = {1: "N", 2: latitude, 3: "E", 4: (13.0, 24.0, 18.0)}
    return traces.jpeg(seed, exif=traces.exif({0x10F: "Maker"}, {}, gps))


def request(data, *modules, **options):
    return ExtractRequest(inline=InlineSource(data=data), options=ExtractOptions(modules=modules, **options))


def report(answer):
    return next(each for each in answer.document.modules if each.name == "places")


async def test_files_of_one_place_share_a_result(tmp_path):
    async with pair(tmp_path) as (stub, _):
        first = await stub.Extract(request(photo(1), "places"))
        assert [section.name for section in first.document.sections] == ["place"]
        assert not first.document.HasField("common")  # it was needed, and not asked for
        second = await stub.Extract(request(photo(2), "places"))
        assert report(second) == report(first)  # with the time that it took then
        assert second.document.sections == first.document.sections
        again = await stub.Extract(request(photo(2), "places"))
        assert again.info.cache_status == CACHE_STATUS_HIT
        elsewhere = await stub.Extract(request(photo(1, (48.0, 8.0, 0.0)), "places"))
        assert elsewhere.document.sections[0].fields[0] != first.document.sections[0].fields[0] or (
            elsewhere.document.sections != first.document.sections
        )
        bypassed = await stub.Extract(request(photo(3), "places", cache_mode=CACHE_MODE_BYPASS))
        assert bypassed.document.sections == first.document.sections


async def test_without_a_position_there_is_no_place(tmp_path):
    async with pair(tmp_path) as (stub, _):
        answer = await stub.Extract(request(traces.jpeg(), "places"))
        assert not answer.document.sections and not answer.document.problems


@pytest.mark.parametrize(
    ("latitude", "longitude", "key"),
    [
        (52.123456, 13.1, "geo:52.1235,13.1000"),
        (-0.00001, 0.00001, "geo:0.0000,0.0000"),
        (-33.9, -179.99999, "geo:-33.9000,-180.0000"),
    ],
)
def test_keys_are_rounded_positions(latitude, longitude, key):
    place = document_pb2.Position(latitude_degrees=latitude, longitude_degrees=longitude)
    fragment = document_pb2.Document(common=document_pb2.Common(position=place)).SerializeToString()
    assert located.key(BY_NAME["places"], located.position_of(fragment), "verified").content_id == key


@pytest.mark.parametrize("fragment", [None, b"", b"\xff\xff", document_pb2.Document().SerializeToString()])
def test_what_has_no_position_has_no_key(fragment):
    assert located.position_of(fragment) is None

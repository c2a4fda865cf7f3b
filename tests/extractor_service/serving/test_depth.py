"""How deep to read: what FAST reads and says, that each depth has its own results, what a plan says of each."""

import os
import time

import pytest

from extractor_service.depth import Depth
from extractor_service.sources.content import SETTLE_SECONDS
from extractor_service.sources.descriptor import BytesSource
from extractor_service.sources.shallow import END_BYTES, DepthReachedError, ShallowSource
from metaextract.document.v1 import document_pb2
from metaextract.extractor.v1 import extractor_pb2
from metaextract_client import ExtractorClient, InvalidRequestError
from metaextract_client.render import outcome_name
from metaextract_client.session_options import SessionOptions
from tests.golden import images, science
from tests.support import large_files
from tests.support.processes import start_cache, start_extractor

FAST, FULL = (
    extractor_pb2.ExtractOptions(depth=each) for each in (extractor_pb2.DEPTH_FAST, extractor_pb2.DEPTH_FULL)
)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with (
        start_cache(tmp_path_factory.mktemp("cache")) as cache,
        start_extractor(cache.address) as extractor,
        ExtractorClient(extractor.address) as one,
    ):
        yield one


def groups(answer):
    return {field.group for section in answer.document.sections for field in section.fields} - {"Composite"}


def test_both_ends_are_shown_and_nothing_between():
    source = ShallowSource(BytesSource(bytes(4 * END_BYTES)), has_tail=True)
    assert (
        len(source.read_range(0, END_BYTES))
        == END_BYTES
        == len(source.read_range(3 * END_BYTES, 2 * END_BYTES))
    )
    assert source.reached_at is None
    with pytest.raises(DepthReachedError):
        source.read_range(END_BYTES - 1, 2)
    assert source.reached_at == END_BYTES - 1
    with pytest.raises(DepthReachedError):
        ShallowSource(BytesSource(bytes(4 * END_BYTES)), has_tail=False).read_range(4 * END_BYTES - 1, 1)
    small = ShallowSource(BytesSource(bytes(END_BYTES)), has_tail=False)
    assert len(small.read_range(0, 10**9)) == END_BYTES


def test_fast_reads_the_ends_and_says_so(client, tmp_path):
    path = tmp_path / "large.fits"
    large_files.write_fits(path, 2**24)
    fast = client.extract_session(path, FAST)
    assert groups(fast) == {"HDU 0 (PRIMARY)"} and fast.info.round_trips == 0
    assert outcome_name(fast.document.outcome) == "PARTIAL"
    (problem,) = fast.document.problems
    assert problem.kind == document_pb2.PROBLEM_KIND_LIMIT and "DEPTH_STANDARD" in problem.message
    whole = client.extract_session(path)
    assert groups(whole) == {"HDU 0 (PRIMARY)", "HDU 1 (LAST)"} and not whole.document.problems


def test_a_healthy_file_is_not_called_damaged_for_not_being_read(client, tmp_path):
    path = tmp_path / "large.h5"
    large_files.write_hdf5(path, 2**22)
    fast = client.extract_session(path, FAST)
    assert {problem.kind for problem in fast.document.problems} <= {document_pb2.PROBLEM_KIND_LIMIT}


def test_each_depth_has_results_of_its_own(client):
    data = images.jpeg() + os.urandom(9)
    assert client.extract_bytes(data, "a.jpg").info.cache_status == extractor_pb2.CACHE_STATUS_MISS
    assert client.extract_bytes(data, "a.jpg", FAST).info.cache_status == extractor_pb2.CACHE_STATUS_MISS
    assert client.extract_bytes(data, "a.jpg", FAST).info.cache_status == extractor_pb2.CACHE_STATUS_HIT
    assert client.extract_bytes(data, "a.jpg", FULL).info.cache_status == extractor_pb2.CACHE_STATUS_MISS
    assert client.extract_bytes(data, "a.jpg").info.cache_status == extractor_pb2.CACHE_STATUS_HIT


def test_standard_after_fast_asks_for_the_rest_alone(client, tmp_path):
    path = tmp_path / "twice.fits"
    large_files.write_fits(path, 2**24)
    time.sleep(SETTLE_SECONDS + 0.1)  # until its times tell its states apart
    session = SessionOptions(client_id="c" * 32)
    first = client.extract_session(path, FAST, session).info.moved_bytes
    alone = client.extract_session(path, session=SessionOptions(client_id="d" * 32)).info.moved_bytes
    assert first > 0
    assert first + client.extract_session(path, session=session).info.moved_bytes <= alone


def test_full_keeps_long_lists_and_a_reply_says_what_it_left_out(client, tmp_path):
    cards = [f"KEY{number:<5}= '{'x' * 60}'" for number in range(40_000)]
    path = tmp_path / "long.fits"
    path.write_bytes(
        science.header(
            [
                "SIMPLE  =                    T",
                "BITPIX  =                    8",
                "NAXIS   =                    0",
                *cards,
            ]
        )
    )
    standard = client.extract_bytes(path.read_bytes(), "long.fits")
    assert any("DEPTH_FULL" in problem.message for problem in standard.document.problems)
    reply = client.extract_bytes(path.read_bytes(), "long.fits", FULL)
    assert any(
        "section fits" in problem.message and "ExtractSession" in problem.message
        for problem in reply.document.problems
    )
    session = client.extract_session(path, FULL)
    assert (
        sum(len(section.fields) for section in session.document.sections) == 40_003
        and not session.document.problems
    )


def test_a_plan_says_what_each_depth_takes(client):
    plan = client.plan_extraction(
        extractor_pb2.PlanExtractionRequest(
            name="x.fits", size_bytes=10**9, head=science.fits()[:16384], can_seek=True
        )
    )
    assert [each.depth for each in plan.depths] == [depth.value for depth in Depth]
    assert plan.depths[0].moved_bytes <= plan.depths[1].moved_bytes
    assert plan.depths[2].memory_bytes > plan.depths[1].memory_bytes


def test_an_unknown_depth_is_refused(client):
    with pytest.raises(InvalidRequestError, match="depth"):
        client.extract_bytes(b"x", "x", extractor_pb2.ExtractOptions(depth=9))

"""Batches over gRPC: order, statuses per item, folders, tokens, broken connections."""

from __future__ import annotations

import os

import grpc
import pytest

from metaextract.extractor.v1 import extractor_pb2 as pb
from metaextract.extractor.v1 import extractor_pb2_grpc
from metaextract_client import NEVER, AsyncExtractorClient, CacheClient, ExtractorClient, InvalidRequestError
from metaextract_client.render import outcome_name
from tests.samples import PHOTOS
from tests.support.processes import start_cache, start_extractor

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    (root / "inner").mkdir()
    (root / ".hidden").mkdir()
    (root / ".hidden" / "d.jpg").write_bytes(b"x")
    for name in ("a.jpg", "inner/b.jpg", "inner/ü c.jpg", ".e.jpg"):
        (root / name).write_bytes(PHOTOS[0].read_bytes())
    (root / "link.jpg").symlink_to("/etc/passwd")
    (root / "out").symlink_to("/etc")
    return root


@pytest.fixture(scope="module")
def pair(tmp_path_factory, root):
    with (
        start_cache(tmp_path_factory.mktemp("cache")) as cache,
        start_extractor(cache.address, METAEXTRACT_FILE_ROOTS=str(root)) as extractor,
    ):
        yield cache, extractor


@pytest.fixture
def client(pair):
    with ExtractorClient(pair[1].address, NEVER) as opened:
        yield opened


def inline(name, data):
    return pb.BatchItem(id=name, inline=pb.InlineSource(data=data, name=name))


def photos(count):
    return [inline(f"{n}.jpg", PHOTOS[n % len(PHOTOS)].read_bytes() + os.urandom(4)) for n in range(count)]


def test_every_item_is_answered_once_with_its_own_document(client):
    items = photos(60)
    results = list(client.extract_batch(items))
    assert sorted(each.id for each in results) == sorted(each.id for each in items)
    assert all(each.code == 0 and each.document.file.name == each.id for each in results)


@pytest.mark.parametrize("window", [1, 3, None])
def test_in_order_when_asked(client, window):
    items = photos(20)
    results = client.extract_batch(iter(items), in_order=True, window=window)
    assert [each.id for each in results] == [each.id for each in items]


async def test_asynchronously(pair):
    async def items():
        for item in photos(10):
            yield item

    async with AsyncExtractorClient(pair[1].address, NEVER) as client:
        results = [result async for result in client.extract_batch(items())]
    assert len(results) == 10 and all(each.code == 0 for each in results)


def test_a_bad_item_costs_itself(client, root):
    items = [
        *photos(2),
        pb.BatchItem(id="none"),
        pb.BatchItem(id="missing", uri=(root / "no.jpg").as_uri()),
        pb.BatchItem(id="outside", uri="file:///etc/passwd"),
        pb.BatchItem(id="unknown", digest="b3:" + "0" * 64),
        pb.BatchItem(id="far", uri="https://example.org/a.jpg"),
        inline("unknown-bytes", bytes(range(1, 9))),
    ]
    results = {each.id: each for each in client.extract_batch(items)}
    code = lambda name: grpc.StatusCode(
        next(each.value for each in grpc.StatusCode if each.value[0] == results[name].code)
    )
    assert results["0.jpg"].code == results["1.jpg"].code == 0
    assert code("none") is grpc.StatusCode.INVALID_ARGUMENT and results["none"].reason == "INVALID_FIELD"
    assert code("missing") is grpc.StatusCode.NOT_FOUND and not results["missing"].HasField("document")
    assert code("outside") is code("far") is grpc.StatusCode.PERMISSION_DENIED
    assert code("unknown") is grpc.StatusCode.NOT_FOUND
    assert outcome_name(results["unknown-bytes"].document.outcome) == "UNSUPPORTED"


def test_a_folder_becomes_its_files(client, root):
    results = {each.id: each for each in client.extract_batch([pb.BatchItem(id="f", folder=root.as_uri())])}
    assert set(results) == {"f", "f/a.jpg", "f/inner/b.jpg", "f/inner/ü c.jpg"}
    assert results["f"].expanded_count == 3 and results["f/inner/ü c.jpg"].document.file.name == "ü c.jpg"
    for bad in ("file:///etc", (root / "out").as_uri(), (root / "no").as_uri()):
        (result,) = client.extract_batch([pb.BatchItem(id="f", folder=bad)])
        assert result.code in (5, 7)


def test_what_was_finished_under_a_token_isn_t_done_again(client):
    items = photos(10)
    options = pb.ExtractOptions(cache_mode=pb.CACHE_MODE_BYPASS)
    first = list(client.extract_batch(items[:6], options, token="t1"))
    assert not any(each.was_finished for each in first)
    again = {each.id: each for each in client.extract_batch(items, options, token="t1")}
    assert {name for name, each in again.items() if each.was_finished} == {each.id for each in items[:6]}
    assert all(each.document.file.name == name for name, each in again.items())
    assert not any(each.was_finished for each in client.extract_batch(items, options, token="t2"))


def test_a_batch_outlives_its_extractor(tmp_path):
    items = photos(80)
    with start_cache(tmp_path) as cache:
        extractor = start_extractor(cache.address)
        with ExtractorClient(extractor.address) as client:
            results = client.extract_batch(items, token="broken")
            got = [next(results) for _ in range(10)]
            extractor.kill()
            with start_extractor(cache.address, port=extractor.port):
                got += list(results)
    assert sorted(each.id for each in got) == sorted(each.id for each in items)


def test_pressure_pauses_and_fails_nothing(tmp_path):
    from metaextract.cache.v1 import pressure_pb2

    with start_cache(tmp_path) as cache, start_extractor(cache.address) as extractor:
        with CacheClient(cache.address) as admin, ExtractorClient(extractor.address, NEVER) as client:
            results = client.extract_batch(photos(60), window=4)
            got = [next(results) for _ in range(5)]
            admin.set_pressure_override(pressure_pb2.PRESSURE_LEVEL_CRITICAL, 2.0)
            got += list(results)
    assert len(got) == 60 and all(each.code == 0 for each in got)


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [pb.ExtractBatchRequest(items=pb.BatchItems())],
        [pb.ExtractBatchRequest(start=pb.BatchStart(window=0))],
        [pb.ExtractBatchRequest(start=pb.BatchStart())] * 2,
        [
            pb.ExtractBatchRequest(start=pb.BatchStart()),
            pb.ExtractBatchRequest(items=pb.BatchItems(items=[pb.BatchItem(id="")])),
        ],
    ],
)
def test_a_bad_batch_is_told(pair, messages):
    with grpc.insecure_channel(pair[1].address) as channel:
        with pytest.raises(grpc.RpcError) as error:
            list(extractor_pb2_grpc.ExtractorServiceStub(channel).ExtractBatch(iter(messages)))
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_plans_learn(client):
    data = PHOTOS[0].read_bytes()
    request = pb.PlanExtractionRequest(name="a.jpg", size_bytes=10**9, head=data[:16384], can_seek=True)
    plan = client.plan_extraction(request)
    assert plan.format == "jpeg" and plan.strategy == pb.PLAN_STRATEGY_RANGES and plan.is_admissible
    assert list(plan.modules) == ["metadata", "composite", "common"] and plan.moved_bytes < 10**6
    for item in photos(12):
        client.extract_bytes(item.inline.data + b"only here")
    plan = client.plan_extraction(request)
    assert plan.basis == pb.ESTIMATE_BASIS_MEASURED and plan.sample_count >= 8, (
        "those of them that were read without a Problem"
    )
    assert 0.05 < plan.seconds_error_ratio < 20 and plan.memory_bytes > 0
    request = pb.PlanExtractionRequest(name="x.fits", size_bytes=100)
    assert client.plan_extraction(request).strategy == pb.PLAN_STRATEGY_INLINE
    request = pb.PlanExtractionRequest(name="x.fits", size_bytes=10**7)
    plan = client.plan_extraction(request)
    assert plan.format == "fits" and plan.strategy == pb.PLAN_STRATEGY_WHOLE_STREAM
    assert plan.moved_bytes == 10**7 and plan.basis == pb.ESTIMATE_BASIS_TABLE
    with pytest.raises(InvalidRequestError):
        client.plan_extraction(pb.PlanExtractionRequest(options=pb.ExtractOptions(modules=["?"])))

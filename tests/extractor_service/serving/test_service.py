"""The extractor over gRPC: the shared pair, and pairs of their own where the test needs them."""

from __future__ import annotations

import hashlib
import os
import random
import time

import grpc
import pytest
from blake3 import blake3

from extractor_service.modules.loaded import MODULES
from extractor_service.sources.content import SETTLE_SECONDS
from metaextract.cache.v1 import pressure_pb2
from metaextract.document.v1 import document_pb2
from metaextract.extractor.v1 import extractor_pb2, extractor_pb2_grpc
from metaextract_client import (
    NEVER,
    CacheClient,
    ExtractorClient,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    OverloadedError,
    to_dict,
)
from metaextract_client.render import cache_status_name, outcome_name
from tests.faults.hostile import make
from tests.golden import science
from tests.samples import PHOTOS
from tests.support.processes import start_cache, start_extractor, wait_until

pytestmark = pytest.mark.servers
Options = extractor_pb2.ExtractOptions
REFRESH = Options(cache_mode=extractor_pb2.CACHE_MODE_REFRESH)
BYPASS = Options(cache_mode=extractor_pb2.CACHE_MODE_BYPASS)


def status(extraction):
    return cache_status_name(extraction.info.cache_status)


def unique(data: bytes) -> bytes:
    """The same photograph as another content."""
    return data + os.urandom(8)


@pytest.mark.parametrize("photo", PHOTOS, ids=lambda path: path.stem)
def test_photographs_come_back_named_then_cached(extractor, photo):
    data = unique(photo.read_bytes())
    first = extractor.extract_bytes(data, "folder/" + photo.name)
    assert outcome_name(first.document.outcome) in ("OK", "PARTIAL") and status(first) == "MISS"
    assert first.document.file.name == photo.name and first.document.file.mime_type == "image/jpeg"
    assert first.document.common.device_model and first.info.source_bytes_read > 0
    again = extractor.extract_bytes(data, "other.jpg")
    assert status(again) == "HIT" and again.info.source_bytes_read == 0
    assert again.document.file.name == "other.jpg", "names belong to the request"
    again.document.file.name = first.document.file.name
    assert again.document == first.document


def test_every_golden_sample_is_read(extractor, samples):
    for path in samples.values():
        result = extractor.extract_file(path)
        assert outcome_name(result.document.outcome) == "OK", (path, result.document.problems)
        assert to_dict(result)["sections"]


def test_inline_and_upload_give_the_same_document(extractor, samples):
    data = samples["little.jpg"].read_bytes()
    inline = extractor.extract_bytes(data, "a.jpg", REFRESH)
    upload = extractor.extract_upload([data[:1000], data[1000:]], "a.jpg", len(data), BYPASS)
    for extraction in (inline, upload):
        for module in extraction.document.modules:
            module.elapsed_seconds = 0
    assert inline.document == upload.document
    assert inline.info.content_id == upload.info.content_id == "b3:" + blake3(data).hexdigest()
    assert status(extractor.extract_upload([data], "b.jpg")) == "HIT", (
        "the way in doesn't matter to the cache"
    )


def test_modes_of_the_cache(extractor):
    data = unique(PHOTOS[0].read_bytes())
    assert status(extractor.extract_bytes(data, options=BYPASS)) == "BYPASSED"
    assert status(extractor.extract_bytes(data)) == "MISS", "a bypass stores nothing"
    assert status(extractor.extract_bytes(data, options=REFRESH)) == "MISS"
    assert status(extractor.extract_bytes(data)) == "HIT"


def test_modules_are_cached_one_by_one(extractor):
    data = unique(PHOTOS[0].read_bytes())
    only = extractor.extract_bytes(data, options=Options(modules=["metadata"]))
    assert [module.name for module in only.document.modules] == ["metadata"] and not only.document.HasField(
        "common"
    )
    both = extractor.extract_bytes(data)
    assert status(both) == "PARTIAL" and both.document.common.device_model


def test_digests_by_request(extractor):
    data = unique(b"just bytes")
    wanted = Options(digests=[document_pb2.DIGEST_ALGORITHM_SHA256, document_pb2.DIGEST_ALGORITHM_MD5])
    for result in (
        extractor.extract_bytes(data, options=wanted),
        extractor.extract_upload([data], options=wanted),
    ):
        digests = to_dict(result)["digests"]
        assert digests == {
            "blake3": blake3(data).hexdigest(),
            "sha256": hashlib.sha256(data).hexdigest(),
            "md5": hashlib.md5(data).hexdigest(),
        }


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "application/x-empty"),
        (b"%!PS-Adobe-3.0\n%%EOF\n", "application/postscript"),
        (bytes(5000), "application/octet-stream"),
    ],
)
def test_files_without_a_reader_are_described_all_the_same(extractor, data, kind):
    result = extractor.extract_bytes(data, "x.bin")
    assert outcome_name(result.document.outcome) == "UNSUPPORTED"
    assert result.document.file.size_bytes == len(data)
    assert result.document.file.mime_type == kind
    assert result.document.file.digests[0].hex == blake3(data).hexdigest()


def test_a_corrupt_file_is_an_outcome_not_an_error(extractor):
    result = extractor.extract_bytes(b"\x89HDF\r\n\x1a\n" + random.Random(5).randbytes(500), "broken.h5")
    assert outcome_name(result.document.outcome) == "CORRUPT" and result.document.problems


def test_uris_beneath_the_root(extractor, samples, tmp_path):
    path = samples["hdus.fits"]
    time.sleep(max(0, path.stat().st_mtime + SETTLE_SECONDS + 0.1 - time.time()))
    first = extractor.extract_uri(path.as_uri())
    assert outcome_name(first.document.outcome) == "OK" and first.info.content_id.startswith("v1:")
    assert status(extractor.extract_uri(path.as_uri())) == "HIT"
    young = path.parent / "young.fits"
    young.write_bytes(science.fits())
    assert status(extractor.extract_uri(young.as_uri())) == "BYPASSED"
    with pytest.raises(NotFoundError):
        extractor.extract_uri((path.parent / "none").as_uri())
    with pytest.raises(ForbiddenError):
        extractor.extract_uri("file:///etc/passwd")
    with pytest.raises(ForbiddenError):
        extractor.extract_uri("http://example.invalid/x")


def test_digests_of_a_uri_read_the_whole_file(extractor, samples):
    path = samples["silence.wav"]
    result = extractor.extract_uri(path.as_uri(), Options(digests=[document_pb2.DIGEST_ALGORITHM_SHA256]))
    assert to_dict(result)["digests"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "options",
    [
        Options(modules=["nonsense"]),
        Options(digests=[99]),
        Options(cache_mode=99),
        Options(parse_seconds=0),
        Options(parse_seconds=1e9),
        Options(parse_seconds=float("nan")),
    ],
)
def test_bad_options_are_invalid_arguments(extractor, options):
    with pytest.raises(InvalidRequestError) as caught:
        extractor.extract_bytes(b"x", options=options)
    assert caught.value.reason == "INVALID_FIELD" and caught.value.request_id


def test_no_source_is_an_invalid_argument(extractor_process):
    with grpc.insecure_channel(extractor_process.address) as channel, pytest.raises(grpc.RpcError) as caught:
        extractor_pb2_grpc.ExtractorServiceStub(channel).Extract(extractor_pb2.ExtractRequest())
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


Part = extractor_pb2.ExtractUploadRequest
HEADER = extractor_pb2.UploadHeader


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([], "INVALID_ARGUMENT"),
        ([Part(data=b"x")], "INVALID_ARGUMENT"),
        ([Part(header=HEADER()), Part(header=HEADER())], "INVALID_ARGUMENT"),
        ([Part(header=HEADER()), Part()], "INVALID_ARGUMENT"),
        ([Part(header=HEADER()), Part(data=bytes(2**21 + 1))], "INVALID_ARGUMENT"),
        ([Part(header=HEADER(size_bytes=5)), Part(data=b"1234")], "OUT_OF_RANGE"),
        ([Part(header=HEADER(size_bytes=5)), Part(data=b"123456")], "OUT_OF_RANGE"),
        ([Part(header=HEADER(size_bytes=2**60))], "INVALID_ARGUMENT"),
    ],
)
def test_wrong_uploads_are_typed_errors(extractor_process, parts, code):
    with grpc.insecure_channel(extractor_process.address) as channel, pytest.raises(grpc.RpcError) as caught:
        extractor_pb2_grpc.ExtractorServiceStub(channel).ExtractUpload(iter(parts))
    assert caught.value.code().name == code


def test_capabilities_and_backoff_state(extractor):
    capabilities = extractor.get_capabilities()
    assert {"jpeg", "fits", "hdf5", "dicom", "pdf"} <= {each.name for each in capabilities.formats}
    assert [module.name for module in capabilities.modules] == [module.name for module in MODULES]
    assert capabilities.limits.max_inline_bytes == 4 * 2**20 and capabilities.file_uris_enabled
    wait_until(lambda: extractor.get_backoff_state().cache_level == pressure_pb2.PRESSURE_LEVEL_NORMAL)
    wait_until(
        lambda: extractor.get_backoff_state().concurrency_limit == 2
    )  # other tests may have pressed it
    state = extractor.get_backoff_state()
    assert state.policy == "proportional" and not state.HasField("refuse_above_bytes")


def test_files_are_refused_without_a_root(cache_process):
    with start_extractor(cache_process.address) as process, ExtractorClient(process.address) as client:
        with pytest.raises(ForbiddenError, match="FILE_ROOTS"):
            client.extract_uri("file:///etc/passwd")


def test_without_a_cache_extraction_works_and_says_so():
    with start_extractor("127.0.0.1:1") as process, ExtractorClient(process.address) as client:
        for _ in range(3):
            result = client.extract_file(PHOTOS[0])
            assert status(result) == "UNAVAILABLE" and result.document.common.device_model
        state = client.get_backoff_state()
        assert state.cache_level == pressure_pb2.PRESSURE_LEVEL_UNKNOWN
        assert state.level == state.local_level


def test_a_stopped_cache_slows_but_never_blocks(tmp_path):
    import signal

    with (
        start_cache() as cache,
        start_extractor(cache.address) as process,
        ExtractorClient(process.address) as client,
    ):
        client.extract_file(PHOTOS[0])
        cache.process.send_signal(signal.SIGSTOP)
        try:
            started = time.monotonic()
            result = client.extract_file(PHOTOS[0])
            first = time.monotonic() - started
            started = time.monotonic()
            client.extract_file(PHOTOS[0])
            second = time.monotonic() - started
        finally:
            cache.process.send_signal(signal.SIGCONT)
    assert status(result) == "UNAVAILABLE" and first < 3
    assert second < 0.4, "after a failure the cache isn't asked again for a while"


def test_at_critical_large_work_is_refused_before_its_bytes_are_sent():
    with (
        start_cache() as cache,
        start_extractor(cache.address) as process,
        ExtractorClient(process.address) as client,
        CacheClient(cache.address) as admin,
    ):
        admin.set_pressure_override(pressure_pb2.PRESSURE_LEVEL_CRITICAL, 60)
        wait_until(lambda: client.get_backoff_state().level == pressure_pb2.PRESSURE_LEVEL_CRITICAL)
        sent = []

        def chunks():
            for number in range(200):
                sent.append(number)
                yield bytes(2**20)

        with pytest.raises(OverloadedError) as caught:
            client.extract_upload(chunks(), "large.bin", 200 * 2**20)
        assert (
            len(sent) < 20
            and caught.value.reason == "OVERLOADED"
            and 3 < caught.value.retry_after_seconds < 8
        )
        assert outcome_name(client.extract_file(PHOTOS[0]).document.outcome) == "OK", "small work goes on"
        admin.set_pressure_override(pressure_pb2.PRESSURE_LEVEL_UNSPECIFIED)
        wait_until(lambda: client.get_backoff_state().level == pressure_pb2.PRESSURE_LEVEL_NORMAL)
        assert client.extract_upload([bytes(2**20)] * 2, "large.bin", 2**21).document.file.size_bytes == 2**21


def test_deadlines_bound_the_reading():
    with (
        start_cache() as cache,
        start_extractor(cache.address, "tests.faults.hostile_extractor") as process,
        ExtractorClient(process.address) as client,
    ):
        started = time.monotonic()
        result = client.extract_bytes(make("hang"), timeout=2.0)
        assert outcome_name(result.document.outcome) == "TIMEOUT", "the document leaves before the deadline"
        assert result.document.sections[0].fields[0].name == "Action", "with what was found"
        assert time.monotonic() - started < 2.0
        deaf = client.extract_bytes(make("hang-deaf"), timeout=2.0)
        assert outcome_name(deaf.document.outcome) == "TIMEOUT", "also when the worker has to be killed"
        assert outcome_name(client.extract_file(PHOTOS[0]).document.outcome) == "OK"


def test_cancelled_calls_leak_nothing(extractor_process, samples):
    import psutil

    front = psutil.Process(extractor_process.pid)
    uri = samples["hdus.fits"].as_uri()
    with grpc.insecure_channel(extractor_process.address) as channel:
        stub = extractor_pb2_grpc.ExtractorServiceStub(channel)
        stub.Extract(extractor_pb2.ExtractRequest(uri=uri))
        before = front.num_fds()
        for _ in range(300):
            stub.Extract.future(extractor_pb2.ExtractRequest(uri=uri)).cancel()
    wait_until(lambda: front.num_fds() <= before + 3)


def test_silent_uploads_lose_their_place_and_are_few(cache_process, tmp_path):
    settings = {
        "METAEXTRACT_UPLOAD_IDLE_SECONDS": "0.5",
        "METAEXTRACT_MAX_UPLOADS": "2",
        "METAEXTRACT_QUEUE_SECONDS": "0.1",
    }
    with (
        start_extractor(
            cache_process.address, METAEXTRACT_SPOOL_DIRECTORY=str(tmp_path), **settings
        ) as process,
        grpc.insecure_channel(process.address) as channel,
    ):
        stub = extractor_pb2_grpc.ExtractorServiceStub(channel)

        def silent():
            yield Part(header=HEADER())
            yield Part(data=b"x")
            time.sleep(2)

        calls = [stub.ExtractUpload.future(silent()) for _ in range(5)]
        codes = sorted(call.exception().code().name for call in calls)
        assert codes == ["ABORTED"] * 2 + ["RESOURCE_EXHAUSTED"] * 3
        with ExtractorClient(process.address) as client:
            assert client.extract_upload([b"data"]).document.file.size_bytes == 4


def test_a_busy_server_refuses_with_a_delay_instead_of_queueing_for_ever():
    from concurrent.futures import ThreadPoolExecutor

    settings = {
        "METAEXTRACT_PARSE_CONCURRENCY": "1",
        "METAEXTRACT_QUEUE_LENGTH": "2",
        "METAEXTRACT_QUEUE_SECONDS": "0.3",
    }
    with (
        start_cache() as cache,
        start_extractor(cache.address, "tests.faults.hostile_extractor", **settings) as process,
        ExtractorClient(process.address, NEVER) as client,
    ):

        def call(_):
            try:
                options = Options(parse_seconds=1.0)
                upload = client.extract_upload([make("hang")], options=options)
                return outcome_name(upload.document.outcome)
            except OverloadedError as error:
                return error.retry_after_seconds

        with ThreadPoolExecutor(8) as executor:
            results = list(executor.map(call, range(8)))
        delays = [result for result in results if isinstance(result, float)]
        assert (
            results.count("TIMEOUT") >= 1 and len(delays) >= 5 and all(0.3 < delay < 46 for delay in delays)
        )
        assert client.get_backoff_state().refused_total >= len(delays)


def test_a_document_above_the_limit_is_cut_with_a_problem(cache_process, samples):
    cards = [f"K{number:<7}= {number:>20} / {'x' * 40}" for number in range(3000)]
    data = science.header(
        [
            "SIMPLE  =                    T",
            "BITPIX  =                    8",
            "NAXIS   =                    0",
            *cards,
        ]
    )
    with (
        start_extractor(cache_process.address, METAEXTRACT_MAX_DOCUMENT_BYTES=str(100_000)) as process,
        ExtractorClient(process.address) as client,
    ):
        document, _ = client.extract_bytes(data, "many.fits")
    assert document.ByteSize() < 101_000 and outcome_name(document.outcome) == "PARTIAL"
    assert any(problem.kind == document_pb2.PROBLEM_KIND_LIMIT for problem in document.problems)

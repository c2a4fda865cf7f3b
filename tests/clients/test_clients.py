"""The asynchronous clients do what the synchronous ones do."""

import os

import pytest

from metaextract.cache.v1 import result_pb2
from metaextract_client import (
    AsyncCacheClient,
    AsyncExtractorClient,
    ExtractorClient,
    InvalidRequestError,
    UnavailableError,
)
from metaextract_client.extraction import Options
from metaextract_client.render import cache_status_name, to_dict
from tests.samples import PHOTOS

pytestmark = pytest.mark.servers


async def test_extractor_client(extractor_process, samples, tmp_path):
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom(2 * 2**20 + 5))
    async with AsyncExtractorClient(extractor_process.address) as client:
        photo = await client.extract_file(PHOTOS[0])
        assert photo.document.common.device_model
        uploaded = await client.extract_file(large)
        assert uploaded.document.file.size_bytes == 2 * 2**20 + 5
        assert (await client.extract_uri(samples["ct.dcm"].as_uri())).document.file.format == "dicom"
        assert (await client.get_capabilities()).chunk_bytes == 2**20
        assert (await client.get_backoff_state()).concurrency_limit >= 1
        with pytest.raises(InvalidRequestError):
            await client.extract_bytes(b"", options=Options(modules=["none"]))
        plain = to_dict(photo)
        assert (
            plain["cache_status"] == cache_status_name(photo.info.cache_status) and plain["sections"]["exif"]
        )


def test_what_a_pipe_brings_is_sent_to_its_end(extractor_process):
    import threading

    reading, writing = os.pipe()
    data = os.urandom(3 * 2**20)

    def feed():
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(data)

    writer = threading.Thread(target=feed)
    writer.start()
    with ExtractorClient(extractor_process.address) as client:
        assert client.extract_file(f"/dev/fd/{reading}").document.file.size_bytes == len(data)
    writer.join()
    os.close(reading)


async def test_cache_client(cache_process):
    key = result_pb2.ResultKey(space="verified", content_id="b3:async", module="m", version="1")
    async with AsyncCacheClient(cache_process.address) as client:
        put = await client.put_results([result_pb2.ResultEntry(key=key, value=b"x")])
        assert put.outcomes[0].status == result_pb2.PUT_STATUS_DISK
        assert (await client.get_results([key])).lookups[0].value == b"x"
        assert (await client.invalidate_results(content_id="b3:async")).removed_count == 1
        assert (await client.get_stats()).puts >= 1 and (await client.get_pressure()).epoch
        async for event in client.watch_pressure("test"):
            assert event.state.level
            break


async def test_an_unreachable_server_is_a_typed_error():
    async with AsyncCacheClient("127.0.0.1:1") as client:
        with pytest.raises(UnavailableError):
            await client.get_stats(timeout=5)

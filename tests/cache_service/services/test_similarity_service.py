"""FindSimilar over the wire, fed by PutResult and by an extractor."""

import grpc
import pytest

from metaextract.cache.v1 import result_pb2, similarity_pb2, similarity_pb2_grpc
from metaextract.extractor.v1.extractor_pb2 import ExtractOptions, ExtractRequest, InlineSource
from metaextract_client.cache_async import AsyncCacheClient
from tests.support.guests import pair
from tests.support.processes import start_cache
from tests.tools import traces

PHASH = similarity_pb2.HASH_KIND_PHASH


def entry(name, bits=bytes(8), space="verified"):
    key = result_pb2.ResultKey(space=space, content_id=f"b3:{name}", module="perceptual", version="1")
    hashes = [similarity_pb2.PerceptualHash(kind=PHASH, bits=bits)]
    return result_pb2.ResultEntry(
        key=key, value=b"x", ttl_class=result_pb2.TTL_CLASS_PERCEPTUAL_HASH, hashes=hashes
    )


async def ids(client, bits=bytes(8)):
    answer = await client.find_similar(similarity_pb2.PerceptualHash(kind=PHASH, bits=bits))
    return [each.content_id for each in answer.contents]


async def test_puts_are_found_until_they_are_invalidated():
    with start_cache() as process:
        async with AsyncCacheClient(process.address) as client:
            await client.put_results(
                [
                    entry("a"),
                    entry("b", b"\7" + bytes(7)),
                    entry("c", space="claimed/default/x"),
                    entry("d", b"short"),
                ]
            )
            assert await ids(client) == ["b3:a", "b3:b"]
            await client.invalidate_results(content_id="b3:a")
            assert await ids(client) == ["b3:b"]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (similarity_pb2.FindSimilarRequest(), "hash.kind"),
        (
            similarity_pb2.FindSimilarRequest(hash=similarity_pb2.PerceptualHash(kind=PHASH, bits=b"x")),
            "hash.bits",
        ),
        (
            similarity_pb2.FindSimilarRequest(
                hash=similarity_pb2.PerceptualHash(kind=PHASH, bits=bytes(8)), max_distance=25
            ),
            "max_distance",
        ),
        (
            similarity_pb2.FindSimilarRequest(
                hash=similarity_pb2.PerceptualHash(kind=PHASH, bits=bytes(8)), limit=1001
            ),
            "limit",
        ),
    ],
)
async def test_bad_requests_name_the_field(cache_process, request_, field):
    async with grpc.aio.insecure_channel(cache_process.address) as channel:
        with pytest.raises(grpc.aio.AioRpcError, match=field) as told:
            await similarity_pb2_grpc.SimilarityServiceStub(channel).FindSimilar(request_)
        assert told.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_an_extractors_pictures_are_found(tmp_path):
    async with pair(tmp_path) as (stub, channel):
        hashes = []
        for quality in (60, 90):
            data = traces.jpeg(3, quality, standard=True)
            answer = await stub.Extract(
                ExtractRequest(inline=InlineSource(data=data), options=ExtractOptions(modules=["perceptual"]))
            )
            fields = {field.name: field.value.text for field in answer.document.sections[0].fields}
            hashes.append((answer.info.content_id, bytes.fromhex(fields["PDQ"])))
        wanted = similarity_pb2.PerceptualHash(kind=similarity_pb2.HASH_KIND_PDQ, bits=hashes[0][1])
        found = await similarity_pb2_grpc.SimilarityServiceStub(channel).FindSimilar(
            similarity_pb2.FindSimilarRequest(hash=wanted)
        )
        assert {each.content_id for each in found.contents} == {content_id for content_id, _ in hashes}
        assert found.contents[0].distance == 0 and found.searched_count == 2

"""The SimilarityService servicer: decode, delegate to the index, encode."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from cache_service.services.tenancy import chosen
from cache_service.similarity.hashes import HashKind
from metaextract.cache.v1 import similarity_pb2, similarity_pb2_grpc
from service_runtime.errors import InvalidRequestError, UnavailableFeatureError
from service_runtime.identity.principal import DEFAULT_TENANT

if TYPE_CHECKING:
    from grpc import aio

    from cache_service.similarity.index import SimilarityIndex

    Context = aio.ServicerContext[Any, Any]

_MOST_CONTENTS, _USUAL_CONTENTS = 1000, 100  # similarity.proto


class SimilarityServicer(similarity_pb2_grpc.SimilarityServiceServicer):
    """Contents that look alike; see protos/metaextract/cache/v1/similarity.proto."""

    def __init__(self, index: SimilarityIndex) -> None:
        self._index = index

    async def FindSimilar(
        self, request: similarity_pb2.FindSimilarRequest, context: Context
    ) -> similarity_pb2.FindSimilarResponse:
        """The nearest first."""
        del context
        if importlib.util.find_spec("numpy") is None:
            raise UnavailableFeatureError("the search for similar pictures needs numpy (extra `similarity`)")
        if int(request.hash.kind) not in set(HashKind):
            raise InvalidRequestError("hash.kind", "is required")
        kind = HashKind(request.hash.kind)
        if len(request.hash.bits) != kind.length_bytes:
            raise InvalidRequestError("hash.bits", f"{kind.length_bytes} bytes are expected")
        if request.max_distance > kind.most_distance:
            raise InvalidRequestError("max_distance", f"must be at most {kind.most_distance}")
        if request.limit > _MOST_CONTENTS:
            raise InvalidRequestError("limit", f"must be at most {_MOST_CONTENTS}")
        found, count = await self._index.find(
            chosen(request.tenant) or DEFAULT_TENANT,
            kind,
            request.hash.bits,
            request.max_distance if request.HasField("max_distance") else kind.usual_distance,
            request.limit or _USUAL_CONTENTS,
        )
        return similarity_pb2.FindSimilarResponse(
            contents=[similarity_pb2.SimilarContent(**each._asdict()) for each in found], searched_count=count
        )

"""The ExtractorService servicer: decode, delegate, encode."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from extractor_service.backoff.tickets import ticket_of_call
from extractor_service.extraction.options import CacheUse
from extractor_service.serving import wire, wire_backoff, wire_plan
from extractor_service.serving.batch import Batch
from extractor_service.serving.open_source import spooling
from extractor_service.serving.sessions.session import Session
from extractor_service.serving.upload import UploadReceiver
from extractor_service.serving.upload_message import upload_part
from extractor_service.serving.writer import Writer
from metaextract.extractor.v1 import extractor_pb2, extractor_pb2_grpc
from service_runtime.backoff_table import WorkClass
from service_runtime.guarded import decoded_by
from service_runtime.telemetry import current_call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from grpc import aio

    from extractor_service.extraction.options import ExtractionOptions
    from extractor_service.serving.call_context import CallContext
    from extractor_service.serving.open_source import Opener
    from extractor_service.sources.base import Input

    Context = aio.ServicerContext[Any, Any]
Response = TypeVar("Response", extractor_pb2.ExtractResponse, extractor_pb2.ExtractUploadResponse)
_FIELDS = (
    extractor_pb2.ExtractResponse.DOCUMENT_FIELD_NUMBER,
    extractor_pb2.ExtractResponse.INFO_FIELD_NUMBER,
)


class ExtractorServicer(extractor_pb2_grpc.ExtractorServiceServicer):
    """Files in, documents out; see protos/metaextract/extractor/v1/extractor.proto."""

    def __init__(self, shared: CallContext, opener: Opener) -> None:
        self._shared = shared
        self._opener = opener
        self._backoff = shared.backoff
        self._settings = shared.settings
        self._modules = shared.modules

    async def Extract(  # type: ignore[override] # what is at hand is encoded already
        self, request: extractor_pb2.ExtractRequest, context: Context
    ) -> extractor_pb2.ExtractResponse | bytes:
        """One file, inline or by URI."""
        del context
        self._count()
        started_at = time.monotonic()
        options = wire.options_from_wire(request.options, self._modules, self._settings.parse_seconds)
        data = request.inline.data  # each access copies them
        with self._backoff.limiter.message(len(data), partial(ticket_of_call, options.work)):
            source = await self._opener.open(request, data)
            return await self._describe(source, options, started_at, extractor_pb2.ExtractResponse())

    @decoded_by(upload_part)
    async def ExtractUpload(  # type: ignore[override] # as above
        self,
        request_iterator: AsyncIterator[extractor_pb2.ExtractUploadRequest | memoryview],
        context: Context,
    ) -> extractor_pb2.ExtractUploadResponse | bytes:
        """One file in chunks."""
        del context
        self._count()
        options, source = await UploadReceiver(self._shared, request_iterator).receive()
        if options.cache_use is not CacheUse.BYPASS:
            self._shared.chunks.keep_whole(source.descriptor(), source.size_bytes, source.content_id)
        return await self._describe(source, options, time.monotonic(), extractor_pb2.ExtractUploadResponse())

    async def ExtractSession(  # type: ignore[override] # writes through the context
        self, request_iterator: AsyncIterator[extractor_pb2.ExtractSessionRequest], context: Context
    ) -> None:
        """One file of which only the needed bytes move. Writes through the context, to bound how long a message may take."""
        self._count()
        async with Writer(context.write) as writer:
            await Session(self._shared, request_iterator, writer.send).run()

    async def ExtractBatch(  # type: ignore[override] # as above
        self, request_iterator: AsyncIterator[extractor_pb2.ExtractBatchRequest], context: Context
    ) -> None:
        """Many files over one call."""
        self._count()
        async with Writer(context.write) as writer:
            await Batch(self._shared, self._opener, request_iterator, writer.send).run()

    async def PlanExtraction(
        self, request: extractor_pb2.PlanExtractionRequest, context: Context
    ) -> extractor_pb2.PlanExtractionResponse:
        """What an extraction would take."""
        del context
        self._count()
        options = wire.options_from_wire(request.options, self._modules, self._settings.parse_seconds)
        return wire_plan.plan_to_wire(request, options, self._shared)

    async def GetCapabilities(
        self, request: extractor_pb2.GetCapabilitiesRequest, context: Context
    ) -> extractor_pb2.GetCapabilitiesResponse:
        """What this server can do."""
        del request, context
        return wire.capabilities_to_wire(self._shared, self._chunk_bytes())

    async def GetBackoffState(
        self, request: extractor_pb2.GetBackoffStateRequest, context: Context
    ) -> extractor_pb2.GetBackoffStateResponse:
        """How much work is accepted, and why."""
        del request, context
        return wire_backoff.backoff_to_wire(self._backoff, time.monotonic())

    def _count(self) -> None:
        """Of the tenant's requests; raises QuotaExceededError. A batch counts its items as well."""
        self._backoff.accounts.admit(current_call.get().tenant)

    def _chunk_bytes(self) -> int:
        return self._backoff.decide().rows[WorkClass.INTERACTIVE].chunk_bytes

    async def _describe(
        self,
        source: Input,
        options: ExtractionOptions,
        started_at: float,
        response: Response,
    ) -> Response | bytes:
        """The response, filled, or its bytes where the document is at hand. Both kinds have the same fields."""
        try:
            ready = self._shared.pipeline.at_hand(source, options)
            if ready is not None:
                seconds = time.monotonic() - started_at
                return wire.hit_to_wire(ready, _FIELDS, source.content_id, seconds, self._backoff.instance)
            with spooling():
                extraction = await self._shared.pipeline.extract(source, options, response.document)
        finally:
            source.close()
        response.info.CopyFrom(
            wire.info_to_wire(
                extraction, source.content_id, time.monotonic() - started_at, self._backoff.instance
            )
        )
        return response

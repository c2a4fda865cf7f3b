"""The extractor's hot paths. Each is a context that gives one turn of the work; what was prepared before isn't counted."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from typing import TYPE_CHECKING, Any, cast

from smoke.photographs import photos

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from pathlib import Path

    from extractor_service.extraction.worker_job import WorkerJobs
    from extractor_service.modules.base import Module
    from extractor_service.workers.protocol import Job
    from metaextract.cache.v1 import result_pb2

    Turn = Callable[[], Awaitable[None]]

MODULES = ("metadata", "composite", "common")
_FOREVER = 1e6  # seconds; nothing may expire between two turns


@contextlib.asynccontextmanager
async def jpeg_parse() -> AsyncIterator[Turn]:
    """All photographs through the JPEG parser, from memory."""
    from extractor_service.document import Document
    from extractor_service.formats.containers.photo import jpeg
    from extractor_service.sources.descriptor import BytesSource

    sources = [BytesSource(path.read_bytes()) for path in photos()]

    async def turn() -> None:
        for source in sources:
            document = Document()
            jpeg.parse(source, document)
            assert document.field_count > 20

    yield turn


class _Worker:
    """A worker's end and the front's end of the same socket, in one process."""

    def __init__(self) -> None:
        from extractor_service.formats.registry import BY_NAME
        from extractor_service.modules import registry
        from extractor_service.workers import child, heartbeat, isolation

        heartbeat.BEAT_SECONDS = 1e6  # no beat falls into a job
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        # Older code, which this is compared with, is given the formats alone.
        self._skills: Any = child.Skills(BY_NAME, registry.BY_NAME) if hasattr(child, "Skills") else BY_NAME
        self._near, self._far = socket.socketpair()
        self._near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self._heartbeat = heartbeat.Heartbeat(self._near)
        # Older code, which this is compared with, reads its memory by name.
        has_growth = hasattr(child, "Growth")
        self._growth = (child.Growth(isolation.OwnMemory()),) if has_growth else ()
        self._buffer = bytearray(1 << 20)

    def run(self, job: Job, descriptor: int) -> memoryview:
        """The frames that it sends."""
        from extractor_service.workers import child

        child._run_job(job, descriptor, self._near, self._heartbeat, self._skills, *self._growth)
        return memoryview(self._buffer)[: self._far.recv_into(self._buffer)]


def _job(path: Path) -> tuple[Job, int]:
    from extractor_service.workers.protocol import Job

    return Job("jpeg", MODULES, path.stat().st_size, 3600.0), os.open(path, os.O_RDONLY)


def fragments(path: Path) -> dict[str, bytes]:
    """What the modules find in a photograph, as it is cached."""
    job, descriptor = _job(path)
    data = bytes(_Worker().run(job, descriptor))
    os.close(descriptor)
    try:
        from extractor_service.workers import frames
    except ImportError:  # older code, which this is compared with
        from extractor_service.workers.protocol import FrameBuffer

        return {
            header["name"]: payload
            for header, payload in FrameBuffer().feed(data)
            if header["kind"] == "module"
        }
    return {
        MODULES[int(numbers[0])]: payload
        for kind, numbers, payload in frames.FrameBuffer().feed(data)
        if kind == frames.Kind.MODULE
    }


@contextlib.asynccontextmanager
async def worker_job() -> AsyncIterator[Turn]:
    """All photographs as jobs: three modules each, encoded and sent."""
    worker = _Worker()
    jobs = [_job(path) for path in photos()]

    async def turn() -> None:
        for job, descriptor in jobs:
            assert len(worker.run(job, descriptor)) > 1000

    yield turn


class _Cache:
    """The extractor's client of the cache: has everything, and is asked only once."""

    def __init__(self, values: dict[str, bytes]) -> None:
        self._values = values
        self.calls = 0

    async def acquire_results(
        self, groups: Sequence[result_pb2.ResultGroup], *_: object
    ) -> result_pb2.AcquireResultResponse:
        from metaextract.cache.v1 import result_pb2

        self.calls += 1
        hit = [
            result_pb2.ResultLookup(found=True, value=self._values[key.module], expires_in_seconds=_FOREVER)
            for key in groups[0].keys
        ]
        return result_pb2.AcquireResultResponse(
            acquisitions=[
                result_pb2.Acquisition(
                    status=result_pb2.ACQUIRE_STATUS_HIT, lookups=[*hit, result_pb2.ResultLookup()]
                )
            ],
            read_point=result_pb2.InvalidationPoint(log_id="log", revision=1),
        )


def _witness() -> tuple[Any, ...]:
    """Who tells innocent files from killers; older code has nobody."""
    try:
        from extractor_service.extraction.blame import Witness
    except ImportError:
        return ()
    return (Witness(lambda: 0, lambda: False),)


def _grouped(jobs: WorkerJobs, modules: Sequence[Module]) -> Any:
    """What runs modules by their kinds of workers; older code has one kind."""
    try:
        from extractor_service.extraction.groups import Groups
    except ImportError:
        return jobs
    return Groups({each.name: each for each in modules}, jobs, {})


def _unavailable() -> tuple[Any, ...]:
    """The modules that can't run; in older code all can."""
    from extractor_service.serving.call_context import CallContext

    return ({},) if "unavailable" in CallContext._fields else ()


def _lobby() -> tuple[Any, ...]:
    """Where streams wait; older code has no such place."""
    try:
        from service_runtime.lobby import Lobby
    except ImportError:
        return ()
    return (Lobby(),)


@contextlib.asynccontextmanager
async def cached_extract() -> AsyncIterator[Turn]:
    """An inline photograph that is near at hand: request bytes in, response bytes out."""
    from smoke.served import Served

    from extractor_service.assembly import make_backoff
    from extractor_service.extraction.estimates import Planner
    from extractor_service.extraction.pipeline import Pipeline
    from extractor_service.extraction.worker_job import WorkerJobs
    from extractor_service.formats.registry import FORMATS
    from extractor_service.modules.registry import BY_NAME as BY_MODULE
    from extractor_service.results.client import ResultsClient
    from extractor_service.results.near_cache import NearCache
    from extractor_service.serving.call_context import CallContext
    from extractor_service.serving.open_source import Opener
    from extractor_service.serving.service import ExtractorServicer
    from extractor_service.settings import Settings
    from extractor_service.sources.spool import SpoolBudget
    from extractor_service.uploads.chunk_store import ChunkStoreClient
    from metaextract.cache.v1 import result_pb2
    from metaextract.extractor.v1 import extractor_pb2, extractor_pb2_grpc
    from service_runtime.credits import CreditPool
    from service_runtime.memory.levels import PressureLevel

    modules_here = tuple(BY_MODULE.values())
    photo = next(path for path in photos() if "FujiFilm" in path.name)
    settings = Settings()
    backoff = make_backoff(settings, 1 << 32, "smoke")
    near = NearCache(settings.near_cache_bytes, lambda: backoff.level() > PressureLevel.NORMAL)
    near.hear(
        result_pb2.WatchInvalidationsResponse(
            point=result_pb2.InvalidationPoint(log_id="log", revision=1), valid_for_seconds=_FOREVER
        )
    )
    client = _Cache(fragments(photo))
    nobody = cast("Any", None)  # what a hit doesn't need
    planner = Planner()
    pipeline = Pipeline(
        FORMATS,
        modules_here,
        _grouped(WorkerJobs(nobody, backoff, planner, 1, *_witness()), modules_here),
        backoff,
        ResultsClient(cast("Any", client), near, timeout_seconds=_FOREVER),
        max_document_bytes=settings.max_document_bytes,
    )
    chunks = ChunkStoreClient(nobody, backoff.level, tenant_header="", is_enabled=False)
    spool = SpoolBudget(settings.spool_bytes, 1)
    modules = {each.name: each for each in modules_here}
    context = cast("Any", CallContext)(
        settings, FORMATS, modules, *_unavailable(), pipeline, planner, backoff, chunks, spool, CreditPool(1 << 20), *_lobby()
    )  # fmt: skip
    servicer = ExtractorServicer(context, Opener(settings, chunks, spool))
    served = Served(extractor_pb2_grpc.add_ExtractorServiceServicer_to_server, servicer)
    inline = extractor_pb2.InlineSource(data=photo.read_bytes(), name=photo.name)
    request = extractor_pb2.ExtractRequest(inline=inline).SerializeToString()

    async def turn() -> None:
        answer = await served.call("/metaextract.extractor.v1.ExtractorService/Extract", request)
        assert len(answer) > 1000

    yield turn
    assert client.calls == 1

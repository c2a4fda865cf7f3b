"""Puts the extractor service together from its settings. The only wiring."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sys
from typing import TYPE_CHECKING

from extractor_service import metrics, status
from extractor_service.backoff.overload_file import OverloadFile
from extractor_service.backoff.policies.registry import POLICIES
from extractor_service.backoff.state import BackoffState, Limits
from extractor_service.backoff.watch import watch_cache, watch_own_memory
from extractor_service.extraction.blame import Witness
from extractor_service.extraction.estimates import Planner
from extractor_service.extraction.groups import Groups
from extractor_service.extraction.pipeline import Pipeline
from extractor_service.extraction.worker_job import WorkerJobs
from extractor_service.formats.registry import FORMATS
from extractor_service.modules.loaded import MODULES
from extractor_service.results.client import ResultsClient
from extractor_service.results.held_lease import settle
from extractor_service.results.near_cache import NearCache, follow
from extractor_service.serving.call_context import CallContext
from extractor_service.serving.load_report import SERVICE as ORCA_SERVICE
from extractor_service.serving.load_report import LoadReporter, OrcaService, add_orca
from extractor_service.serving.open_source import Opener
from extractor_service.serving.service import ExtractorServicer
from extractor_service.sources.spool import SpoolBudget
from extractor_service.uploads.chunk_store import ChunkStoreClient
from extractor_service.workers.hosting import hosted
from extractor_service.workers.pool import WorkerPool
from extractor_service.workers.pools import WorkerPools
from extractor_service.workers.sandbox.jail import BARRIERS
from extractor_service.workers.sandbox.probes import PROBES
from extractor_service.workers.sandbox.profile import profile_of
from metaextract.extractor.v1 import extractor_pb2_grpc
from metaextract_client.cache_async import AsyncCacheClient
from metaextract_client.chunks import AsyncChunkClient
from metaextract_client.security import Security
from service_runtime import server as runtime
from service_runtime import tracing
from service_runtime.background import background
from service_runtime.backoff_table import make_table
from service_runtime.credits import CreditPool
from service_runtime.identity.access_file import LiveAccess, no_quota
from service_runtime.identity.accounts import Accounts
from service_runtime.listener import Registration, ServerOptions
from service_runtime.lobby import Lobby
from service_runtime.memory.levels import PressureLevel
from service_runtime.memory.oom_kills import OomKills
from service_runtime.memory.signals.host import ReservedBytes
from service_runtime.memory.signals.registry import tightest_limit_bytes
from service_runtime.memory.wiring import make_monitor, thresholds_of
from service_runtime.operations.opening import opened
from service_runtime.operations.shown import Operations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from extractor_service.formats.base import Format
    from extractor_service.settings import Settings
    from extractor_service.workers.sandbox.probes import SandboxReport

_log = logging.getLogger(__name__)
SERVICE_NAME = "metaextract-extractor"
WORKER_COMMAND = (sys.executable, "-m", "extractor_service.workers")
# A client says at once what it wants; the rest is for slow links and large first messages.
_FIRST_MESSAGE_SECONDS = 20.0
# Files in the queue from which on a call to the cache may wait for more to share it: fewer would all be waiting for calls then, and no
# worker would have anything to do (`make bench ONLY=scale_curve`: 240 files a second of 8 clients instead of 320).
_CROWD = 16
_SETTLE_SECONDS = 0.5  # for leases and chunks on their way at the end: others wait for them, but not for ever
# Above the largest inline file and the largest chunk, so that our own, better errors are the ones that callers see.
# Beyond max_inline_bytes: for the other fields; with its default a 2 MiB chunk fits.
_RECEIVE_SLACK_BYTES = 1024 * 1024
# Where there is memory, larger ones are taken in as well, only to say what to do instead: gRPC's own refusal says nothing.
_MOST_SLACK_BYTES = 28 * 1024 * 1024
_SLACK_RATIO = 1 / 256  # of the container's memory, for each call: 2 MiB of 512
_INFLIGHT_RATIO = 0.4  # three fifths of the container are left for idle processes, caches, bad estimates
_INFLIGHT_BYTES = 1 << 30  # where the limit of memory isn't known


@contextlib.asynccontextmanager
async def running_extractor(
    settings: Settings,
    formats: Sequence[Format] = FORMATS,
    worker_command: Sequence[str] = WORKER_COMMAND,
) -> AsyncIterator[runtime.RunningServer]:
    """A started extractor server, not yet marked ready; everything is closed on leaving."""
    pools = make_pools(settings, worker_command)
    try:
        await pools.readers.start()  # before gRPC has threads
        _check_sandbox(pools.readers.sandbox, is_required=settings.require_sandbox)
        modules = {each.name: each for each in (*MODULES, *await hosted(settings.modules, pools))}
    except BaseException:
        await pools.close()
        raise
    unavailable = {name: reason for name, module in modules.items() if (reason := module.unavailable())}
    tracing.start(settings, SERVICE_NAME)
    memory = make_monitor(settings)
    limit_bytes = tightest_limit_bytes(memory.sampler.signals)
    instance = f"{socket.gethostname()}:{os.getpid()}"
    access = LiveAccess(settings)
    accounts = Accounts(access.quota_of if access.has_quotas else no_quota)
    backoff = make_backoff(settings, limit_bytes, instance, accounts)
    if limit_bytes:
        memory.sampler.signals.append(ReservedBytes(lambda: backoff.ledger.reserved_bytes, limit_bytes))
    security = Security(
        settings.tls_ca,
        settings.tls_cert if settings.tls_ca else "",
        settings.tls_key if settings.tls_ca else "",
        settings.tls_server_name,
        token_file=settings.cache_token_file,
    )
    cache_client = AsyncCacheClient(settings.cache_address, security)
    near = NearCache(settings.near_cache_bytes, lambda: backoff.level() > PressureLevel.NORMAL)
    cache = ResultsClient(
        cache_client,
        near,
        timeout_seconds=settings.cache_timeout_seconds,
        is_crowded=lambda: backoff.limiter.queued >= _CROWD,
        tenant_header=settings.cache_tenant_header,
    )
    planner = Planner()
    oom_kills = OomKills()

    def is_pressed() -> bool:
        return backoff.level() >= PressureLevel.HIGH

    witness = Witness(oom_kills.count, is_pressed)
    parsing = WorkerJobs(pools, backoff, planner, settings.max_round_trips, witness)
    pipeline = Pipeline(
        formats,
        list(modules.values()),
        Groups(modules, parsing, unavailable),
        backoff,
        cache,
        max_document_bytes=settings.max_document_bytes,
    )
    chunk_client = AsyncChunkClient(settings.cache_address, security)
    chunks = ChunkStoreClient(
        chunk_client,
        backoff.level,
        tenant_header=settings.cache_tenant_header,
        is_enabled=settings.retain_uploads,
    )
    spool = SpoolBudget(settings.spool_bytes, settings.max_uploads + settings.max_sessions)
    opener = Opener(settings, chunks, spool)
    servicer = ExtractorServicer(
        CallContext(
            settings,
            formats,
            modules,
            unavailable,
            pipeline,
            planner,
            backoff,
            chunks,
            spool,
            CreditPool(settings.upload_credit_bytes),
            Lobby(
                seconds=min(settings.upload_idle_seconds, _FIRST_MESSAGE_SECONDS),
                is_pressed=is_pressed,
            ),
            pools.readers.sandbox,
        ),
        opener,
    )
    reporter = LoadReporter(backoff)
    orca = OrcaService(reporter)
    registrations = [
        Registration(
            "metaextract.extractor.v1.ExtractorService",
            servicer,
            extractor_pb2_grpc.add_ExtractorServiceServicer_to_server,
        ),
        Registration(ORCA_SERVICE, orca, add_orca, has_trailer=False),
    ]
    options = ServerOptions(
        settings.extractor_address,
        share_port=True,
        max_receive_bytes=settings.max_inline_bytes + _receive_slack_bytes(limit_bytes),
        read_ahead_bytes=settings.read_ahead_bytes,
        tenant_header=settings.tenant_header,
        address_variable="METAEXTRACT_EXTRACTOR_ADDRESS",
        access=access,
        trailer=reporter.trailer,
    )
    is_fleet = settings.pressure_scope == "fleet"
    loops = [
        background(watch_cache(cache_client, backoff, instance, fleet=is_fleet), "cache pressure"),
        background(follow(cache_client, near), "invalidations"),
        background(watch_own_memory(memory, backoff), "own pressure"),
    ]
    if settings.extractor_overload_file:
        overload = OverloadFile(settings.extractor_overload_file, backoff)
        loops.append(background(overload.run(), "overload file"))
    try:
        server = await runtime.start_server(registrations, options, settings)
        server.on_drain(orca.drain)
        server.on_reload(lambda new: memory.follow(thresholds_of(new)))
        if settings.policy_file:
            server.on_reload(
                lambda _: backoff.take_table(make_table(settings.policy_file, settings.large_file_bytes))
            )
        parts = metrics.Parts(backoff, pipeline.tally, pools, cache, spool)

        def operations() -> Operations:
            return Operations(
                metrics.PREFIX,
                metrics.METRICS,
                parts,
                {"/api/status/system": lambda: status.system_status(parts, is_ready=server.health.is_ready)},
            )

        default = type(settings).extractor_operations_address
        async with opened(settings.extractor_operations_address, default, operations, server):
            yield server
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        memory.sampler.close()
        oom_kills.close()
        await settle(_SETTLE_SECONDS)
        await chunks.settle(_SETTLE_SECONDS)
        await opener.close()
        await chunk_client.close()
        await cache_client.close()
        await pools.close()


def make_pools(settings: Settings, worker_command: Sequence[str]) -> WorkerPools:
    """The workers' pools as they are configured."""

    def make(kind: str) -> WorkerPool:
        return WorkerPool(
            worker_command,
            int(settings.parse_concurrency * (1 + settings.spare_parses_ratio)),
            settings.parse_memory_bytes,
            settings.stall_seconds,
            profile=profile_of(kind) if settings.sandbox else "none",
            kind=kind,
        )

    return WorkerPools(make)


def _receive_slack_bytes(limit_bytes: int) -> int:
    return max(_RECEIVE_SLACK_BYTES, min(_MOST_SLACK_BYTES, int(limit_bytes * _SLACK_RATIO)))


def _check_sandbox(sandbox: SandboxReport, *, is_required: bool) -> None:
    """Says what workers are kept in by; raises ValueError where something is missing that is required."""
    if sandbox.is_tight:
        _log.info("workers are sandboxed", extra={"barriers": list(BARRIERS), "refused": list(PROBES)})
    elif is_required:
        raise ValueError(f"METAEXTRACT_REQUIRE_SANDBOX: {sandbox.explanation()}")
    else:
        _log.warning("workers aren't fully sandboxed", extra={"why": sandbox.explanation()})


def make_backoff(
    settings: Settings, limit_bytes: int, instance: str, accounts: Accounts | None = None
) -> BackoffState:
    """The limiter as it is configured; a share of `limit_bytes` (0: unknown) may be in flight."""
    limits = Limits(
        settings.parse_concurrency,
        settings.queue_length,
        settings.queue_seconds,
        settings.max_uploads,
        settings.inflight_bytes or int(limit_bytes * _INFLIGHT_RATIO) or _INFLIGHT_BYTES,
        settings.max_sessions,
        settings.spare_parses_ratio,
        settings.spare_places_ratio,
    )
    return BackoffState(
        POLICIES[settings.backoff_policy](),
        limits,
        make_table(settings.policy_file, settings.large_file_bytes),
        instance=instance,
        follows_cache_table=not settings.policy_file,
        accounts=accounts,
    )

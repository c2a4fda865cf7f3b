"""Settings of the cache service."""

from __future__ import annotations

from dataclasses import dataclass

from cache_service.eviction.registry import POLICIES
from service_runtime.addresses import check_header, check_listen, check_listen_http
from service_runtime.settings import RuntimeSettings, setting

_MIB = 1024 * 1024  # in bytes


@dataclass(frozen=True)
class Settings(RuntimeSettings):
    """Read once in `__main__`; see the README's table."""

    cache_address: str = setting(
        "127.0.0.1:50052", "Address that the cache listens on.", unit="host:port", check=check_listen
    )
    cache_admin_address: str = setting(
        "",
        "Address of CacheAdminService alone. Unset: it is at the cache's own address.",
        unit="host:port",
        check=check_listen,
    )
    cache_operations_address: str = setting(
        "127.0.0.1:50062",
        "Address of metrics, probes and status by HTTP; `none`: there isn't one. Reading is open to whoever reaches it.",
        unit="host:port",
        check=check_listen_http,
    )
    cache_replica: str = setting("", "Name of this replica among the others. Unset: host name and process.")
    cache_directory: str = setting("", "Folder of the disk tier. Without one, results live in memory only.")
    cache_profile: str = setting(
        "auto",
        "Size of the memory tier, entries and MiB: dev 100/50, constrained 200/100, default 500/200,"
        " high-memory 2,000/1,000; auto: a quarter of the container's memory, bounded by bytes alone.",
        choices=("auto", "dev", "default", "high-memory", "constrained"),
    )
    cache_memory_bytes: int = setting(
        0, "Largest memory tier, overhead included; 0: by the profile.", unit="B", low=0, high=1 << 40
    )
    cache_memory_entries: int = setting(
        -1,
        "Most entries in the memory tier; 0: only bytes count; -1: by the profile.",
        low=-1,
        high=100_000_000,
    )
    cache_large_ratio: float = setting(
        0.25,
        "Share of the memory tier that is for values above 64 KiB as stored.",
        unit="ratio", low=0.01, high=0.99,
    )  # fmt: skip
    cache_policy: str = setting(
        "gdsf", "Who is evicted from memory; compare them with `metaextract cache replay`.",
        choices=tuple(POLICIES),
    )  # fmt: skip
    cache_allocator: str = setting(
        "messages",
        "What freed memory is for: messages keeps some for the next large message, which is faster; values gives it back"
        " at once; system is the allocator's own choice.",
        choices=("values", "messages", "system"),
    )
    cache_disk_bytes: int = setting(2048 * _MIB, "Largest disk tier.", unit="B", low=_MIB, high=1 << 44)
    cache_chunk_bytes: int = setting(
        4096 * _MIB,
        "Largest store of uploaded chunks, beside the disk tier; without a folder it is memory, and a sixteenth of this.",
        unit="B", low=_MIB, high=1 << 44,
    )  # fmt: skip
    cache_chunk_memory_bytes: int = setting(
        8 * _MIB,
        "Chunks used last that are kept in memory too; shrinks with the memory tier.",
        unit="B",
        low=0,
        high=1 << 34,
    )
    cache_upload_seconds: float = setting(
        3600.0, "How long an upload that broke off can be continued.", unit="s", low=1, high=604_800
    )
    cache_blob_seconds: float = setting(
        86_400.0, "How long uploaded content is kept after its last use.", unit="s", low=1, high=31_536_000
    )
    cache_upload_credit_bytes: int = setting(
        12 * _MIB,
        "Bytes that all streams of chunks together may have on their way beyond one chunk each.",
        unit="B",
        low=0,
        high=1 << 34,
    )
    cache_upload_idle_seconds: float = setting(
        60.0, "Longest silence of who sends chunks.", unit="s", low=0.1, high=3600
    )
    cache_tenant_header: str = setting(
        "x-metaextract-tenant",
        "Metadata by which extractors name the tenant whose call it is; believed from the role results alone.",
        check=check_header,
    )
    cache_regrow_ratio_per_second: float = setting(
        0.01,
        "How fast the memory tier's budget grows back after pressure, as a share of its maximum.",
        unit="1/s", low=0.0001, high=1,
    )  # fmt: skip
    cache_redis_url: str = setting(
        "",
        "Redis or Valkey that replicas share: redis://, rediss://, unix://, and with +sentinel or +cluster."
        " Without one, a replica is alone.",
    )
    cache_redis_prefix: str = setting("metaextract", "First part of all key names in Redis.")
    cache_redis_timeout_seconds: float = setting(
        0.25, "Longest wait for Redis; what takes longer is a miss.", unit="s", low=0.01, high=10
    )
    cache_redis_write: str = setting(
        "through",
        "Whether a put waits for Redis (through) or not (behind: faster, and other replicas see it later).",
        choices=("through", "behind"),
    )
    cache_similar_entries: int = setting(
        1_000_000,
        "Contents whose perceptual hashes are kept for finding similar ones, of all tenants together; 0: none. A million take 0.3 GiB of disk,"
        " and while they are searched up to 0.15 GiB of memory a kind.",
        low=0,
        high=100_000_000,
    )
    cache_trace_path: str = setting(
        "", "File that requests are logged to, for `metaextract cache replay`. Without one, they aren't."
    )
    cache_trace_bytes: int = setting(
        256 * _MIB, "Largest trace; then the logging ends.", unit="B", low=1, high=1 << 40
    )
    pressure_heartbeat_seconds: float = setting(
        2.0,
        "Longest silence on WatchPressure; a state is valid for three of them.",
        unit="s",
        low=0.1,
        high=60,
    )

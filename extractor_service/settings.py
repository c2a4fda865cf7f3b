"""Settings of the extractor service."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from extractor_service.backoff.policies.registry import POLICIES
from service_runtime.addresses import check_header, check_listen, check_listen_http, check_target
from service_runtime.settings import InvalidSettingError, RuntimeSettings, setting

_MIB = 1024 * 1024  # bytes; the estimates below are in MiB


@dataclass(frozen=True)
class Settings(RuntimeSettings):
    """Read once in `__main__`; see the README's table."""

    def __post_init__(self) -> None:
        """Checks that the roots are there: one that isn't would refuse every file without a reason."""
        super().__post_init__()
        for root in self.file_roots:
            if not Path(root).is_absolute() or not Path(root).is_dir():
                raise InvalidSettingError(
                    f"METAEXTRACT_FILE_ROOTS={root!r}: an absolute path of a folder is expected"
                )

    extractor_address: str = setting(
        "127.0.0.1:50051",
        "Address that the extractor listens on; replicas may share it.",
        unit="host:port",
        check=check_listen,
    )
    extractor_operations_address: str = setting(
        "127.0.0.1:50061",
        "Address of metrics, probes and status by HTTP; `none`: there isn't one. Replicas never share it; one that finds the default"
        " taken uses a free port.",
        unit="host:port",
        check=check_listen_http,
    )
    extractor_overload_file: str = setting(
        "",
        "File that tells an Envoy on this machine how pressed the extractor is, 0 to 1, for its overload manager's"
        " `injected_resource`. Unset: none.",
    )
    cache_address: str = setting(
        "127.0.0.1:50052", "Address of the cache service.", unit="host:port", check=check_target
    )
    cache_timeout_seconds: float = setting(
        0.5, "Longest wait for the cache; a slower answer is a miss.", unit="s", low=0.01, high=60
    )
    cache_tenant_header: str = setting(
        "x-metaextract-tenant",
        "Metadata by which this extractor tells the cache whose call it is; the cache's setting of that name.",
        check=check_header,
    )
    tls_ca: str = setting(
        "",
        "Whose certificate the cache has to show, or `system`; METAEXTRACT_TLS_CERT is then shown to it. Unset: plaintext.",
        unit="PEM file",
    )
    tls_server_name: str = setting("", "Name in the cache's certificate, where it isn't that of its address.")
    cache_token_file: str = setting(
        "", "File with the bearer token that is shown to the cache, read again when it changes.", unit="file"
    )
    near_cache_bytes: int = setting(
        8 * _MIB,
        "Copies of cached results in the extractor itself, dropped first under pressure; 0: none.",
        unit="B",
        low=0,
        high=1 << 34,
    )
    file_roots: tuple[str, ...] = setting(
        (), "Folders whose files `file://` URIs may name, separated by commas.", unit="paths"
    )
    remote_prefixes: tuple[str, ...] = setting(
        (),
        "URIs beneath which files of other servers may be read, such as `https://data.example.org/public/` or"
        " `s3://bucket/`, separated by commas. Redirects have to lead to one of them as well.",
        unit="URIs",
    )
    remote_private_addresses: bool = setting(
        False, "Whether a host's name in `remote_prefixes` may stand for a private address."
    )
    remote_seconds: float = setting(
        30.0, "Longest time of one request to another server.", unit="s", low=0.1, high=3600
    )
    parse_concurrency: int = setting(
        2, "Parses at once, each in a process of its own; `spare_parses_ratio` allows more.", low=1, high=256
    )
    parse_seconds: float = setting(30.0, "Longest reading time of one file.", unit="s", low=0.1, high=3600)
    stall_seconds: float = setting(
        10.0, "Longest time a reader may go without any progress.", unit="s", low=0.1, high=3600
    )
    max_round_trips: int = setting(
        64,
        "Times that a reader may ask for bytes of a distant file; what is beyond is left out, with a Problem.",
        low=1,
        high=10_000,
    )
    parse_memory_bytes: int = setting(
        512 * _MIB,
        "Address space that one worker may add to its start.",
        unit="B",
        low=64 * _MIB,
        high=1 << 40,
    )
    modules: tuple[str, ...] = setting(
        (),
        "Modules of other packages to offer, by the names of their entry points (group `metaextract.modules`), separated by commas."
        " Each runs in workers of its own.",
        unit="names",
    )
    sandbox: bool = setting(
        True,
        "Whether workers shut themselves off (seccomp, Landlock) before they read a file, as far as the kernel allows.",
    )
    require_sandbox: bool = setting(
        False, "Whether to refuse to start where a barrier around workers is missing."
    )
    queue_length: int = setting(64, "Most requests that wait for a place.", low=0, high=100_000)
    queue_seconds: float = setting(
        2.0, "Longest wait for a place before a request is refused.", unit="s", low=0, high=60
    )
    spare_parses_ratio: float = setting(
        3.0,
        "Parses beyond `parse_concurrency`, as a share of it, for callers whom heavier ones keep waiting; 0: none.",
        unit="ratio", low=0, high=16,
    )  # fmt: skip
    spare_places_ratio: float = setting(
        0.25, "The same for uploads and sessions.", unit="ratio", low=0, high=4
    )
    inflight_bytes: int = setting(
        0,
        "Memory that work in flight may be expected to need together; 0: two fifths of the container's.",
        unit="B", low=0, high=1 << 44,
    )  # fmt: skip
    backoff_policy: str = setting(
        "proportional",
        "What pressure does to the concurrency; aimd and gradient also go by latencies, none ignores everything.",
        choices=tuple(POLICIES),
    )
    pressure_scope: str = setting(
        "replica",
        "Whose pressure concerns this extractor: replica, the cache that it is connected to; fleet, the worst of all,"
        " for calls that are balanced over them.",
        choices=("replica", "fleet"),
    )
    tenant_header: str = setting(
        "x-metaextract-tenant",
        "Metadata by which a proxy names the tenant; believed from proxies in METAEXTRACT_ACCESS_FILE alone.",
        check=check_header,
    )
    large_file_bytes: int = setting(
        _MIB, "Files above this size are refused at CRITICAL.", unit="B", low=0, high=1 << 44
    )
    read_ahead_bytes: int = setting(
        524288,
        "Bytes of a stream that are taken in before they are asked for, by TLS four times as many; 0: gRPC's own estimate of the link, which is faster"
        " over long distances and may take 4 MiB a waiting stream, and 70 MiB an upload.",
        unit="B", low=0, high=1 << 30,
    )  # fmt: skip
    max_inline_bytes: int = setting(
        4 * _MIB, "Largest file inside a message.", unit="B", low=1024, high=64 * _MIB
    )
    max_upload_bytes: int = setting(16 * 1024 * _MIB, "Largest upload.", unit="B", low=_MIB, high=1 << 44)
    max_document_bytes: int = setting(
        3 * _MIB, "Largest document in a unary reply.", unit="B", low=64 * 1024, high=4 * _MIB
    )
    spool_directory: str = setting(
        "", "Folder for uploads on their way; not one in memory. Unset: the system's temporary folder."
    )
    max_uploads: int = setting(64, "Most uploads on their way at once.", low=1, high=100_000)
    max_sessions: int = setting(1024, "Most sessions open at once.", low=1, high=1_000_000)
    upload_credit_bytes: int = setting(
        16 * _MIB,
        "Bytes that all uploads together may have on their way beyond a chunk each.",
        unit="B",
        low=0,
        high=1 << 34,
    )
    retain_uploads: bool = setting(
        True,
        "Whether what clients send is kept in the cache's chunks, as far as pressure allows, so that they aren't asked"
        " again.",
    )
    upload_idle_seconds: float = setting(
        60.0, "Longest silence within an upload.", unit="s", low=0.1, high=3600
    )
    upload_bytes_per_second: float = setting(
        256.0,
        "Least average rate at which a sender's bytes have to come, after its first 10 s; waiting for us doesn't count.",
        unit="B/s", low=0, high=1 << 30,
    )  # fmt: skip
    upload_seconds: float = setting(
        7200.0,
        "Longest time that one upload or session may be waited for in all.",
        unit="s",
        low=1,
        high=604_800,
    )
    spool_bytes: int = setting(
        32 * 1024 * _MIB, "Most bytes of all uploads on their way.", unit="B", low=_MIB, high=1 << 44
    )

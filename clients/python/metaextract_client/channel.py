"""How the clients connect, and the service config that makes clients in other languages obey.

This library retries by itself (see `retry`), because gRPC can't repeat an upload.
"""

from __future__ import annotations

import ipaddress
import json
import os
from typing import TYPE_CHECKING, Any, cast

import grpc
from grpc import aio

from metaextract_client.secured_channel import SecuredChannel
from metaextract_client.security import Security, SecurityError

if TYPE_CHECKING:
    from collections.abc import Sequence

    Options = Sequence[tuple[str, str | int]]

MAX_MESSAGE_BYTES = 16 * 1024 * 1024  # as much as the cache takes; its replies stay below 12 MiB
DEFAULT_EXTRACTOR_ADDRESS = "127.0.0.1:50051"
DEFAULT_CACHE_ADDRESS = "127.0.0.1:50052"
EXTRACTOR_VARIABLE = "METAEXTRACT_EXTRACTOR_ADDRESS"
CACHE_VARIABLE = "METAEXTRACT_CACHE_ADDRESS"
ADMIN_VARIABLE = "METAEXTRACT_CACHE_ADMIN_ADDRESS"

# The same in every language. The server's `grpc-retry-pushback-ms` overrides the delays (gRFC A6); uploads above
# about 200 KB are not replayed by gRPC, whatever this says.
SERVICE_CONFIG = {
    "methodConfig": [
        {
            "name": [
                {"service": "metaextract.extractor.v1.ExtractorService", "method": method}
                for method in ("Extract", "GetCapabilities", "GetBackoffState")
            ],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.2s",
                "maxBackoff": "5s",
                "backoffMultiplier": 2,
                # CANCELLED: what a server that stops hadn't accepted yet (grpc/grpc#41785).
                "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "CANCELLED"],
            },
        }
    ],
    # All calls of a channel together: at half of ten tokens nothing is tried again; ten successes pay for one failure.
    "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
}


# A server that was restarted is found again within a second or so.
FAST_RECONNECT: list[tuple[str, str | int]] = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
]


def extractor_address() -> str:
    """METAEXTRACT_EXTRACTOR_ADDRESS, or this machine's usual port."""
    return os.environ.get(EXTRACTOR_VARIABLE) or DEFAULT_EXTRACTOR_ADDRESS


def cache_address() -> str:
    """METAEXTRACT_CACHE_ADDRESS, or this machine's usual port."""
    return os.environ.get(CACHE_VARIABLE) or DEFAULT_CACHE_ADDRESS


def admin_address(address: str) -> str:
    """Where operators ask: METAEXTRACT_CACHE_ADMIN_ADDRESS, where `address` is the cache that the environment means."""
    return (os.environ.get(ADMIN_VARIABLE) if address == cache_address() else "") or address


def options(address: str, *, retries: bool) -> list[tuple[str, str | int]]:
    """Channel options for `address`; `retries` lets gRPC repeat calls by SERVICE_CONFIG.

    gRPC sends even loopback through `http_proxy` (grpc#29718), which no proxy can reach.
    """
    common: list[tuple[str, str | int]] = [
        ("grpc.enable_http_proxy", 0 if _is_near(address) else 1),
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ]
    if retries:
        return [*common, ("grpc.service_config", json.dumps(SERVICE_CONFIG))]
    # No policy of gRPC's; what was never taken in is sent again all the same (gRFC A6).
    return common


def open_sync(address: str, security: Security | None = None, extra: Options = ()) -> grpc.Channel:
    """A channel for the synchronous clients; raises SecurityError."""
    return cast("grpc.Channel", _open(grpc, address, security, extra))


def open_async(address: str, security: Security | None = None, extra: Options = ()) -> aio.Channel:
    """A channel for the asynchronous clients; raises SecurityError."""
    return cast("aio.Channel", _open(aio, address, security, extra))


def _open(library: Any, address: str, security: Security | None, extra: Options) -> object:
    """By TLS where an authority is named; with a token where there is one."""
    security = Security.from_environ() if security is None else security
    settings = [*options(address, retries=False), *extra]
    if security.tls_server_name:
        settings.append(("grpc.ssl_target_name_override", security.tls_server_name))
    if not security.is_encrypted:
        if security.tls_cert or security.tls_key or security.tls_server_name:
            raise SecurityError(
                "a certificate or a server's name is given, and no authority to trust: METAEXTRACT_TLS_CA or --tls-ca"
            )
        if not (security.token or security.token_file):
            return library.insecure_channel(address, options=settings)
        if not _is_here(address):
            raise SecurityError(
                f"a token would be readable on the way to {address}: METAEXTRACT_TLS_CA or --tls-ca is needed"
            )

    def make(credentials: grpc.ChannelCredentials | None) -> object:
        if credentials is None:
            return library.insecure_channel(address, options=settings)
        return library.secure_channel(address, credentials, options=settings)

    return SecuredChannel(security, make)


def _is_here(address: str) -> bool:
    """Whether what is sent there doesn't leave this machine."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        return address.startswith("unix:") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_near(address: str) -> bool:
    """Whether `address` is of this machine, or a private one, where no proxy stands in between."""
    if address.startswith("unix:"):
        return True
    host = address.rpartition(":")[0].strip("[]")
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host  # localhost, and names within a cluster

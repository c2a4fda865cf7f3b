"""How the clients connect, and the service config that makes clients in other languages obey.

This library retries by itself (see `retry`), because gRPC can't repeat an upload.
"""

from __future__ import annotations

import ipaddress
import json
import os

MAX_MESSAGE_BYTES = 16 * 1024 * 1024  # as much as the cache takes; its replies stay below 12 MiB
DEFAULT_EXTRACTOR_ADDRESS = "127.0.0.1:50051"
DEFAULT_CACHE_ADDRESS = "127.0.0.1:50052"
EXTRACTOR_VARIABLE = "METAEXTRACT_EXTRACTOR_ADDRESS"
CACHE_VARIABLE = "METAEXTRACT_CACHE_ADDRESS"

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
                "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
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
    return [*common, ("grpc.enable_retries", 0)]


def _is_near(address: str) -> bool:
    """Whether `address` is of this machine, or a private one, where no proxy stands in between."""
    if address.startswith("unix:"):
        return True
    host = address.rpartition(":")[0].strip("[]")
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host  # localhost, and names within a cluster

"""`metaextract health`: for container health checks and scripts."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from grpc_health.v1 import health_pb2, health_pb2_grpc

from metaextract_client.channel import open_sync
from metaextract_client.cli import exit_codes
from metaextract_client.errors import translated

if TYPE_CHECKING:
    import argparse

SERVICES = {
    "metaextract.cache.v1.ResultService": "a cache service",
    "metaextract.extractor.v1.ExtractorService": "an extractor",
}
"""By what they serve, for a caller who mixed them up."""
_TIMEOUT_SECONDS = 5.0  # below the images' HEALTHCHECK --timeout of 6 s, so that our message is seen


def run(arguments: argparse.Namespace) -> int:
    """0 when serving, 1 when not; an unreachable server raises UnavailableError."""
    is_serving = check(arguments.address, arguments.service)
    print("SERVING" if is_serving else "NOT_SERVING")
    return exit_codes.OK if is_serving else exit_codes.FAILED


def check(address: str, service: str = "") -> bool:
    """Whether the service at `address` says that it is serving."""
    with contextlib.closing(open_sync(address)) as opened, translated():
        response = health_pb2_grpc.HealthStub(opened).Check(
            health_pb2.HealthCheckRequest(service=service), timeout=_TIMEOUT_SECONDS
        )
    return bool(response.status == health_pb2.HealthCheckResponse.SERVING)

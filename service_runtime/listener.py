"""What a server listens with: its services, and the options of gRPC's server.

Everything that is specific to the gRPC library's server stays behind :func:`make_server`, so that another wire-compatible one can be
tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grpc import aio

from service_runtime.connections import HANDSHAKE_SECONDS, MAX_STREAMS
from service_runtime.drain import age_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from service_runtime.identity.access_file import LiveAccess
    from service_runtime.interceptors import CallTrailer
    from service_runtime.settings import RuntimeSettings

_MOST_PENDING = 16_384  # more than the streams of one address; they wait in order
_LEAST_PING_SECONDS = 5.0  # between two of a client's pings: half of what meshes do
_PING_SECONDS = (
    60.0  # of ours; silence of an hour ends nothing, a dead peer is known after a minute and a half
)
_PONG_SECONDS = 20.0  # for their answer; slow links take a second or two
_TLS_FACTOR = 4  # see `make_server`


@dataclass
class Registration:
    """One service on a server: its full name, the servicer, and the generated function that adds it."""

    name: str
    servicer: object
    add: Callable[[Any, Any], None]
    has_trailer: bool = True
    """Whether its unary calls carry the server's trailer."""
    is_admin: bool = False
    """Whether it is for operators."""


@dataclass
class ServerOptions:
    """What differs between servers."""

    address: str
    share_port: bool
    """Whether a second process may listen on the same port (SO_REUSEPORT); never for a stateful service."""
    max_receive_bytes: int
    max_send_bytes: int = 16 * 1024 * 1024
    max_streams: int = MAX_STREAMS
    """Calls at once on one connection."""
    read_ahead_bytes: int = 0
    """Bytes of a stream that are taken in before they are asked for; 0: the library's own estimate."""
    tenant_header: str = ""
    """Metadata by which a trusted caller names the tenant whose call it is; "": none does."""
    trusts_extractors: bool = False
    """Whether an extractor is such a caller, and not only a listed proxy."""
    address_variable: str = ""
    """The setting that `address` comes from, for messages."""
    admin_address: str = ""
    """Where the services of operators listen instead; "": with the others."""
    admin_variable: str = ""
    access: LiveAccess | None = None
    """Who may what; None: as the settings say."""
    trailer: CallTrailer | None = None
    """What every answer to a unary call of this server's own services carries."""


def make_server(
    options: ServerOptions, settings: RuntimeSettings | None = None, *, has_tls: bool = False
) -> aio.Server:
    """A bare asynchronous server: message sizes, port sharing, and a bound on what the library reads ahead.

    By default gRPC estimates a connection's bandwidth and opens its windows accordingly: 48 uploads from this machine, of
    which 47 only waited for a place, took 1.6 GB. Without the probe, and with half a MiB each, they take 38 MiB, an upload being
    received 5.5 MiB instead of 71, at about 94 % of the speed. A reader that asks for a message still gets a window for the whole of it, so that a link of
    100 ms carries about a chunk in that time. It costs a small call 4 % of its CPU, so only a server of uploads has it.

    By TLS it is four times as much: with half a MiB an upload kept 0.78 of plaintext's speed, with two 1.0 (16 uploads
    took 6 to 27 MiB more).
    """
    ahead = options.read_ahead_bytes * (_TLS_FACTOR if has_tls else 1)
    bounded = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", ahead))
    return aio.server(
        options=(
            ("grpc.so_reuseport", 1 if options.share_port else 0),
            ("grpc.max_receive_message_length", options.max_receive_bytes),
            ("grpc.max_send_message_length", options.max_send_bytes),
            ("grpc.max_concurrent_streams", options.max_streams),
            # Calls that wait to be accepted. Beyond gRPC's own thousand it drops some by chance, as CANCELLED: a burst of idle
            # streams had honest calls fail.
            ("grpc.server.max_pending_requests", _MOST_PENDING),
            ("grpc.server.max_pending_requests_hard_limit", 2 * _MOST_PENDING),
            # Meshes and clients in many languages ping every 10 s, with and without calls; gRPC's default closes after two of them.
            ("grpc.http2.min_ping_interval_without_data_ms", int(_LEAST_PING_SECONDS * 1000)),
            ("grpc.keepalive_permit_without_calls", 1),
            # A host that vanished closes no connection.
            ("grpc.keepalive_time_ms", int(_PING_SECONDS * 1000)),
            ("grpc.keepalive_timeout_ms", int(_PONG_SECONDS * 1000)),
            ("grpc.http2.max_pings_without_data", 0),
            ("grpc.server_handshake_timeout_ms", int(HANDSHAKE_SECONDS * 1000)),
            ("grpc.http2.settings_timeout", int(HANDSHAKE_SECONDS * 1000)),
            *(_ages(settings) if settings else ()),
            *(bounded if options.read_ahead_bytes else ()),
        ),
    )


def _ages(settings: RuntimeSettings) -> Iterator[tuple[str, int]]:
    yield "grpc.max_connection_idle_ms", int(settings.connection_idle_seconds * 1000)
    if seconds := age_seconds(settings):
        # Streams go on beyond it, without a limit: it is about where new calls go.
        yield "grpc.max_connection_age_ms", int(seconds * 1000)

"""Life of a server: bind, start, become ready, serve, drain on SIGTERM.

Everything that is specific to the gRPC library's server stays behind :func:`make_server`, so that another
wire-compatible one can be tried.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grpc import aio
from grpc_health.v1 import health_pb2_grpc

from service_runtime import drain, tracing
from service_runtime.access_log import AccessLog
from service_runtime.addresses import is_private, is_unix, unix_path
from service_runtime.calls import Calls
from service_runtime.connections import (
    HANDSHAKE_SECONDS,
    MAX_STREAMS,
    ConnectionReaper,
    raise_descriptor_limit,
)
from service_runtime.health import HealthServicer
from service_runtime.identity.access_file import LiveAccess
from service_runtime.identity.configured import key_set_of, make_gate
from service_runtime.interceptors import InterceptingServer
from service_runtime.reflection import add_reflection
from service_runtime.settings import RELOADABLE, changed_fields
from service_runtime.sockets import Place
from service_runtime.transport import check_address, server_credentials
from service_runtime.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator

    from service_runtime.configuration import Configuration
    from service_runtime.identity.gate import Gate
    from service_runtime.interceptors import CallTrailer
    from service_runtime.settings import RuntimeSettings

_MOST_PENDING = 16_384  # more than the streams of one address; they wait in order
_LEAST_PING_SECONDS = 5.0  # between two of a client's pings: half of what meshes do
_PING_SECONDS = (
    60.0  # of ours; silence of an hour ends nothing, a dead peer is known after a minute and a half
)
_PONG_SECONDS = 20.0  # for their answer; slow links take a second or two
_KNOCK_SECONDS = 0.5  # on this machine an answer comes at once
_TLS_FACTOR = 4  # see `make_server`
_log = logging.getLogger(__name__)


class AddressInUseError(OSError):
    """The address can't be bound: another process listens there, or it isn't ours."""


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

    name: str
    """Of the service, in traces."""
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


@dataclass
class RunningServer:
    """A started server, its bound port, and how to stop it."""

    port: int
    health: HealthServicer
    trust: str
    """Who may call, in words."""
    calls: Calls
    gate: Gate
    reaper: ConnectionReaper
    _servers: list[aio.Server]
    _place: Place
    _settings: RuntimeSettings
    admin_port: int = 0
    """Where operators call; 0: where everybody does."""
    operations_port: int = 0
    """Where metrics are; 0: nowhere."""
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _on_drain: list[Callable[[], None]] = field(default_factory=list)
    _on_reload: list[Callable[[RuntimeSettings], None]] = field(default_factory=list)

    def on_drain(self, callback: Callable[[], None]) -> None:
        """Calls `callback` when the drain begins, to end watches before calls are counted."""
        self._on_drain.append(callback)

    def on_reload(self, callback: Callable[[RuntimeSettings], None]) -> None:
        """Calls `callback` with the settings as they are read again; a ValueError or OSError of it is logged."""
        self._on_reload.append(callback)

    def reload(self, settings: RuntimeSettings) -> None:
        """Takes over what can change while it runs, and says what can't."""
        for callback in self._on_reload:
            try:
                callback(settings)
            except (OSError, ValueError) as error:
                _log.warning("not taken over", extra={"error": str(error)})
        later = changed_fields(self._settings, settings) - RELOADABLE
        if later:
            _log.warning("these settings change with a restart", extra={"settings": sorted(later)})
        _log.info("the configuration was read again")

    async def drain(self, *, hastily: bool = False) -> None:
        """Ends watches, moves clients on to other replicas, then waits for running calls up to the grace period.

        `hastily`: clients aren't moved on; a person waits.
        """
        for callback in self._on_drain:
            callback()
        self.health.drain()
        if self._settings.drain_seconds and not hastily:
            left = await drain.leave(self._place, self._settings.drain_seconds)
            _log.info("stopping", extra={"connections": left, "calls": len(self.calls.running)})
        await drain.stop(self._servers, self.calls, self._settings.shutdown_grace_seconds)
        for task in self._tasks:
            task.cancel()


async def start_server(
    registrations: list[Registration], options: ServerOptions, settings: RuntimeSettings
) -> RunningServer:
    """A server that accepts calls, with health and reflection; its services aren't marked ready yet.

    Raises:
        AddressInUseError: the address is taken.
        InvalidSettingError: strangers could listen or call, or certificates can't be used.
        OSError, ValueError: what says who may call can't be read.
    """
    tracing.start(settings, options.name, VERSION)
    is_split = bool(options.admin_address)
    check_address(options.address_variable, options.address, settings)
    if is_split:
        check_address(options.admin_variable, options.admin_address, settings)
    access = options.access or LiveAccess(settings)
    keys = key_set_of(settings)
    gate = make_gate(
        settings,
        access,
        keys,
        tenant_header=options.tenant_header,
        trusts_extractors=options.trusts_extractors,
    )
    names = [registration.name for registration in registrations]
    health = HealthServicer(names)
    own = [each for each in registrations if not (is_split and each.is_admin)]
    calls = Calls()
    if options.share_port and await _is_taken(options.address):
        _log.info(
            "another process listens here already; they share the calls", extra={"address": options.address}
        )
    server, port = await _listen(own, options, options.address, gate, health, settings, calls)
    servers, ports = [server], {port}
    if is_split:
        others = [each for each in registrations if each.is_admin]
        second, admin_port = await _listen(
            others, options, options.admin_address, gate, health, settings, calls
        )
        servers.append(second)
        ports.add(admin_port)
    place = Place(frozenset(ports), _socket_paths(options))
    reaper = ConnectionReaper(ports, settings.max_connections_per_peer, settings.max_connections)

    def follow_access_log(new: RuntimeSettings) -> None:
        calls.log = AccessLog(new.access_log_ratio) if new.access_log_ratio else None

    running = RunningServer(
        port, health, _trust(gate, options.address), calls, gate, reaper, servers, place, settings,
        admin_port=admin_port if is_split else 0,
    )  # fmt: skip
    follow_access_log(settings)
    running.on_reload(follow_access_log)
    running.on_reload(lambda _: access.reload())
    running.on_reload(lambda new: logging.getLogger().setLevel(new.log_level.upper()))
    running._tasks.append(background(reaper.run(), "connections"))  # noqa: SLF001 - this is its factory
    if keys is not None:
        running._tasks.append(background(keys.run(), "issuer's keys"))  # noqa: SLF001 - as above
    return running


async def _listen(
    registrations: list[Registration],
    options: ServerOptions,
    address: str,
    gate: Gate,
    health: HealthServicer,
    settings: RuntimeSettings,
    calls: Calls,
) -> tuple[aio.Server, int]:
    """A started server at `address`, and its port. Its credentials are its own: they tell each listener once what there is."""
    credentials = server_credentials(settings)
    server = make_server(options, settings, has_tls=credentials is not None)
    intercepting = InterceptingServer(server, gate, calls=calls)
    reporting = InterceptingServer(server, gate, options.trailer, calls)
    for registration in registrations:
        registration.add(registration.servicer, reporting if registration.has_trailer else intercepting)
    health_pb2_grpc.add_HealthServicer_to_server(health, intercepting)
    names = [registration.name for registration in registrations]
    add_reflection(intercepting, [*names, "grpc.health.v1.Health"])
    try:
        port = (
            server.add_insecure_port(address)
            if credentials is None
            else server.add_secure_port(address, credentials)
        )
    except RuntimeError as error:
        raise AddressInUseError(f"can't listen on {address}: {error}") from error
    if port == 0:
        raise AddressInUseError(f"can't listen on {address}")
    await server.start()
    return server, port


async def _is_taken(address: str) -> bool:
    """Whether somebody accepts connections at a TCP address."""
    host, _, port = address.rpartition(":")
    if is_unix(address) or not int(port):
        return False
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_KNOCK_SECONDS):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        writer.close()
        return True
    return False


def _socket_paths(options: ServerOptions) -> frozenset[str]:
    """Of addresses in the file system."""
    return frozenset(unix_path(each) for each in (options.address, options.admin_address) if is_unix(each))


def _trust(gate: Gate, address: str) -> str:
    if not gate.is_open:
        return "callers that prove who they are"
    if not is_private(address):
        _log.warning(
            "nobody has to prove who they are: no identity is configured", extra={"address": address}
        )
    return f"whoever reaches {address}: no identity is configured"


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
    if age_seconds := drain.age_seconds(settings):
        # Streams go on beyond it, without a limit: it is about where new calls go.
        yield "grpc.max_connection_age_ms", int(age_seconds * 1000)


async def serve_until_signal(
    server: RunningServer, configuration: Configuration[Any], read: Callable[[], Configuration[Any]]
) -> None:
    """Marks the services ready, waits for SIGTERM or SIGINT, and drains. A second signal doesn't wait. SIGHUP reads the configuration
    again.
    """
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[signal.Signals] = loop.create_future()

    def take(number: signal.Signals) -> None:
        if not stopped.done():
            stopped.set_result(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows' loops have no signal handlers
            loop.add_signal_handler(number, take, number)

    def reload() -> None:
        try:
            server.reload(read().settings)
        except (OSError, ValueError) as error:
            _log.warning(
                "the configuration can't be read again; it stays as it was", extra={"error": str(error)}
            )

    with contextlib.suppress(NotImplementedError):  # as above
        loop.add_signal_handler(signal.SIGHUP, reload)
    server.health.set_all(serving=True)
    _log.info(
        "ready",
        extra={
            "port": server.port,
            "operations_port": server.operations_port,
            "trusts": server.trust,
            "version": VERSION,
            "settings": configuration.changed(),
        },
    )
    received = await stopped
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.remove_signal_handler(number)
    _log.info("draining", extra={"signal": received.name})
    await server.drain(hastily=received == signal.SIGINT)
    await asyncio.to_thread(tracing.stop)
    _log.info("stopped")


def background(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """A task that runs beside the server; one that ends by an error says so, for nobody waits for it."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_log_failure)
    return task


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("a background task has ended", extra={"task": task.get_name()}, exc_info=error)


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Runs `main` on uvloop where it exists."""
    raise_descriptor_limit()
    try:
        import uvloop  # noqa: PLC0415 - absent on Windows
    except ImportError:
        asyncio.run(_as_coroutine(main))
    else:
        uvloop.run(_as_coroutine(main))


async def _as_coroutine(main: Callable[[], Awaitable[None]]) -> None:
    await main()

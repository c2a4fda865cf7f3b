"""Life of a server: bind, start, become ready, serve, drain on SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grpc_health.v1 import health_pb2_grpc

from service_runtime import drain, tracing
from service_runtime.access_log import AccessLog
from service_runtime.addresses import is_private, is_unix, unix_path
from service_runtime.background import background
from service_runtime.calls import Calls
from service_runtime.connections import ConnectionReaper, raise_descriptor_limit
from service_runtime.health import HealthServicer
from service_runtime.identity.access_file import LiveAccess
from service_runtime.identity.configured import key_set_of, make_gate
from service_runtime.interceptors import InterceptingServer
from service_runtime.listener import make_server
from service_runtime.memory.surplus import Surplus
from service_runtime.reflection import add_reflection
from service_runtime.settings import RELOADABLE, changed_fields
from service_runtime.sockets import Place
from service_runtime.transport import check_address, server_credentials
from service_runtime.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from grpc import aio

    from service_runtime.configuration import Configuration
    from service_runtime.identity.gate import Gate
    from service_runtime.listener import Registration, ServerOptions
    from service_runtime.settings import RuntimeSettings

_KNOCK_SECONDS = 0.5  # on this machine an answer comes at once
_log = logging.getLogger(__name__)


class AddressInUseError(OSError):
    """The address can't be bound: another process listens there, or it isn't ours."""


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
            _log.info("stopping", extra={"connections": left, "calls": self.calls.running})
        await drain.stop(self._servers, self.calls, self._settings.shutdown_grace_seconds)
        self.calls.tell(None)
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
        calls.tell(AccessLog(new.access_log_ratio, new.log_format) if new.access_log_ratio else None)

    running = RunningServer(
        port, health, _trust(gate, options.address), calls, gate, reaper, servers, place, settings,
        admin_port=admin_port if is_split else 0,
    )  # fmt: skip
    follow_access_log(settings)
    running.on_reload(follow_access_log)
    running.on_reload(lambda _: access.reload())
    running.on_reload(lambda new: logging.getLogger().setLevel(new.log_level.upper()))
    running._tasks.append(background(reaper.run(), "connections"))  # noqa: SLF001 - this is its factory
    running._tasks.append(background(Surplus().run(), "freed memory"))  # noqa: SLF001 - as above
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
    # What was loaded stays: no collection looks at it again, each of which would take as long as ten calls.
    gc.collect()
    gc.freeze()
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

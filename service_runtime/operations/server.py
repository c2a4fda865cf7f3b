"""HTTP for operators: `/metrics`, `/livez`, `/readyz`, and what a service tells as JSON.

Reading is open to whoever reaches the address, as health is; what changes something needs the caller's identity.
"""

from __future__ import annotations

import contextlib
import logging
import socket
from typing import TYPE_CHECKING

from aiohttp import web

from service_runtime.background import background
from service_runtime.errors import ServiceError
from service_runtime.identity.gate import tenant_of
from service_runtime.operations.common import COMMON, Common
from service_runtime.operations.exposition import Exposition
from service_runtime.operations.loop_lag import LoopLag
from service_runtime.telemetry import CallContext, current_call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from service_runtime.operations.shown import Action, Operations
    from service_runtime.server import RunningServer

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
    Json = Callable[[], dict[str, object]]

_log = logging.getLogger(__name__)
_HTTP_STATUS = {"UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403, "UNAVAILABLE": 503}


@contextlib.asynccontextmanager
async def operations_port(
    address: str, operations: Operations, server: RunningServer, *, is_default: bool
) -> AsyncIterator[None]:
    """Serves while the block runs, and tells `server` its port. `is_default`: nobody has chosen the address, so another port will do.

    Raises:
        OSError: the address can't be used.
    """
    lag = LoopLag()
    exposition = Exposition(
        operations.prefix, [(COMMON, Common(server, lag)), (operations.metrics, operations.parts)]
    )
    app = web.Application()
    app.router.add_get("/metrics", _metrics(exposition))
    app.router.add_get("/livez", _plain(lambda: True))
    app.router.add_get("/readyz", _plain(lambda: server.health.is_ready))
    for path, page in operations.pages.items():
        app.router.add_get(path, _json(page))
    for action in operations.actions:
        app.router.add_delete(action.path, _action(action, server))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        listening = _bind(address, is_default=is_default)
        await web.SockSite(runner, listening).start()
        measuring = background(lag.run(), "event loop lag")
        try:
            server.operations_port = int(listening.getsockname()[1])
            yield
        finally:
            measuring.cancel()
    finally:
        await runner.cleanup()


def _bind(address: str, *, is_default: bool) -> socket.socket:
    """A socket for `address`, which replicas never share: each has figures of its own."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, int(port)))
        except OSError:
            if not is_default:
                raise
            listening.bind((host, 0))
            _log.info("the usual operations port is taken; another one is used", extra={"usual": address})
        listening.listen(64)
    except OSError as error:
        listening.close()
        raise OSError(f"can't listen on {address} for operations: {error.strerror}") from error
    return listening


def _metrics(exposition: Exposition) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        text, content_type = exposition.render(request.headers.get("Accept", ""))
        return web.Response(body=text, headers={"Content-Type": content_type})

    return handle


def _plain(is_good: Callable[[], bool]) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        del request
        good = is_good()
        return web.Response(text="ok\n" if good else "not ready\n", status=200 if good else 503)

    return handle


def _json(page: Json) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        del request
        return web.json_response(page(), headers={"Cache-Control": "no-store"})

    return handle


def _action(action: Action, server: RunningServer) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        if (
            "Origin" in request.headers
        ):  # a page in somebody's browser, which reaches this machine as well as he does
            return web.json_response({"error": "not from a browser"}, status=403)
        if not _is_here(request.remote):  # what would prove who calls is readable on the way
            return web.json_response({"error": "from this machine alone"}, status=403)
        headers = {key.lower(): value for key, value in request.headers.items()}
        wanted = {key: headers[key] for key in server.gate.headers if key in headers}
        try:
            principal = await server.gate.admit(action.method, wanted, dict)
            current_call.set(CallContext("", None, tenant_of(principal), principal))
            return web.json_response(await action.act())
        except ServiceError as error:
            body = {"error": str(error), "reason": error.reason}
            return web.json_response(body, status=_HTTP_STATUS.get(error.code.name, 500))

    return handle


def _is_here(remote: str | None) -> bool:
    return remote is not None and (remote.startswith("127.") or remote == "::1")

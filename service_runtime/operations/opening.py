"""Opens the operations port where it is wanted and its packages are installed, which take 15 MiB (measured)."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

from service_runtime.addresses import NONE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from service_runtime.operations.shown import Operations
    from service_runtime.server import RunningServer

_log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def opened(
    address: str, default: str, make: Callable[[], Operations], server: RunningServer
) -> AsyncIterator[None]:
    """The operations port at `address`, while the block runs; raises OSError where that can't be used."""
    if address == NONE:
        yield
        return
    try:
        from service_runtime.operations.server import operations_port  # noqa: PLC0415 - see the module
    except ImportError as error:
        if address != default:
            raise OSError(f"the operations port needs metaextract[operations]: {error}") from error
        _log.info("no operations port: metaextract[operations] isn't installed")
        yield
        return
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(
                operations_port(address, make(), server, is_default=address == default)
            )
        except OSError:
            await server.drain(hastily=True)
            raise
        yield

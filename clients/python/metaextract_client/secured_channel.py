"""A channel that carries a token and follows certificates that are rotated.

It stands where a gRPC channel stands. A gRPC interceptor would do for the token, and cost the asynchronous client a task a
call; certificates of a client can't be changed within a channel, so that a new one takes the calls that begin.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING, Any

from grpc import aio

from metaextract_client.security import ClientCertificates, SecurityError, Token

if TYPE_CHECKING:
    from collections.abc import Callable

    import grpc

    from metaextract_client.security import Security

    Make = Callable[[grpc.ChannelCredentials | None], Any]

_log = logging.getLogger(__name__)
_RETIRE_SECONDS = 30.0  # for calls on the channel before; longer ones are watches, which connect again


class SecuredChannel:
    """See the module. `make` builds a channel with credentials, or a plaintext one without."""

    def __init__(self, security: Security, make: Make) -> None:
        """Raises SecurityError when certificates or token can't be read."""
        self._make = make
        self._token = Token(security)
        self._certificates = ClientCertificates(security) if security.is_encrypted else None
        credentials = self._certificates.changed() if self._certificates is not None else None
        self._channel = make(credentials)
        self._retired: set[Any] = set()
        self._lock = threading.Lock()

    def unary_unary(self, *arguments: Any, **options: Any) -> Any:
        """See `grpc.Channel`."""
        return _Method(self, "unary_unary", arguments, options)

    def unary_stream(self, *arguments: Any, **options: Any) -> Any:
        """See `grpc.Channel`."""
        return _Method(self, "unary_stream", arguments, options)

    def stream_unary(self, *arguments: Any, **options: Any) -> Any:
        """See `grpc.Channel`."""
        return _Method(self, "stream_unary", arguments, options)

    def stream_stream(self, *arguments: Any, **options: Any) -> Any:
        """See `grpc.Channel`."""
        return _Method(self, "stream_stream", arguments, options)

    def close(self, grace: float | None = None) -> Any:
        """See `grpc.Channel`; to be awaited where the channel is an asynchronous one."""
        channels = [self._channel, *self._retired]
        if isinstance(self._channel, aio.Channel):
            return asyncio.gather(*(channel.close(grace) for channel in channels))
        for channel in channels:
            channel.close()
        return None

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What every call carries."""
        return self._token.metadata()

    def current(self) -> Any:
        """The channel for calls that begin now."""
        if self._certificates is None:
            return self._channel
        with self._lock:
            try:
                credentials = self._certificates.changed()
            except SecurityError as error:  # half replaced: the ones before go on
                _log.warning("certificates can't be read again yet", extra={"error": str(error)})
                credentials = None
            if credentials is not None:
                before, self._channel = self._channel, self._make(credentials)
                self._retire(before)
            return self._channel

    def _retire(self, channel: Any) -> None:
        self._retired.add(channel)
        if isinstance(channel, aio.Channel):
            task = asyncio.ensure_future(channel.close(_RETIRE_SECONDS))
            task.add_done_callback(lambda _: self._retired.discard(channel))
            return

        def close() -> None:
            channel.close()
            self._retired.discard(channel)

        timer = threading.Timer(_RETIRE_SECONDS, close)
        timer.daemon = True
        timer.start()


class _Method:
    """One RPC of whichever channel is the current one."""

    def __init__(
        self, owner: SecuredChannel, kind: str, arguments: tuple[Any, ...], options: dict[str, Any]
    ) -> None:
        self._owner = owner
        self._kind = kind
        self._arguments = arguments
        self._options = options
        self._channel: Any = None
        self._call: Any = None

    def __call__(self, *arguments: Any, metadata: Any = None, **options: Any) -> Any:
        channel = self._owner.current()
        if channel is not self._channel:
            self._call = getattr(channel, self._kind)(*self._arguments, **self._options)
            self._channel = channel
        return self._call(*arguments, metadata=(*(metadata or ()), *self._owner.metadata()), **options)

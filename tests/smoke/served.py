"""A service without a network: bytes in, bytes out, through the interceptor, the servicer and the generated code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from service_runtime.interceptors import InterceptingServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    import grpc


class _Details(NamedTuple):
    method: str
    invocation_metadata: tuple[()] = ()


class _Context:
    """What the interceptor asks of a call."""

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return (("user-agent", "grpc-python-asyncio/1.85.0"),)

    def peer(self) -> str:
        return "ipv4:127.0.0.1:50000"

    def time_remaining(self) -> float | None:
        return 10.0

    def set_trailing_metadata(self, trailing: object) -> None:
        pass

    async def abort(self, code: grpc.StatusCode, details: str, trailing: object = ()) -> None:
        raise AssertionError(f"{code}: {details}")


class Served:
    """The methods of one service."""

    def __init__(self, add: Callable[[Any, Any], None], servicer: object) -> None:
        self._handlers: list[Any] = []
        add(servicer, InterceptingServer(self))  # type: ignore[arg-type] # a server that only takes handlers

    def add_generic_rpc_handlers(self, handlers: Sequence[object]) -> None:
        self._handlers += handlers

    def add_registered_method_handlers(self, service: str, handlers: object) -> None:
        pass

    async def call(self, method: str, request: bytes) -> bytes:
        """A unary call, as the server makes it."""
        handler = self._handler(method)
        response = await handler.unary_unary(_decoded(handler, request), _Context())
        return handler.response_serializer(response)  # type: ignore[no-any-return]

    async def stream(self, method: str, request: bytes) -> AsyncIterator[bytes]:
        """The messages of a call that answers with a stream."""
        handler = self._handler(method)
        async for response in handler.unary_stream(_decoded(handler, request), _Context()):
            yield handler.response_serializer(response)

    def _handler(self, method: str) -> Any:
        for each in self._handlers:
            found = each.service(_Details(method))
            if found is not None:
                return found
        raise KeyError(method)


def _decoded(handler: Any, request: bytes) -> Any:
    """As gRPC hands it on: as bytes, where the service decodes them itself."""
    return handler.request_deserializer(request) if handler.request_deserializer else request

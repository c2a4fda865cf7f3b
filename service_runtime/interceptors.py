"""One interceptor for every call: request id, deadline, and errors turned into statuses.

It is one and not three because each wrapping layer costs the call again (research/grpc-limits.md, H).
"""

from __future__ import annotations

import inspect
import logging
import secrets
import time
from typing import TYPE_CHECKING, Any

import grpc
from grpc import aio

from service_runtime.errors import ServiceError, to_trailers
from service_runtime.telemetry import CallContext, current_call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Handler = grpc.RpcMethodHandler[Any, Any]
    Context = aio.ServicerContext[Any, Any]
    ServerInterceptor = aio.ServerInterceptor[Any, Any]
else:
    ServerInterceptor = aio.ServerInterceptor  # generic in its stubs only

REQUEST_ID_HEADER = "x-request-id"
_MAX_REQUEST_ID_CHARS = 128
_log = logging.getLogger(__name__)


class CallInterceptor(ServerInterceptor):
    """Gives every call a :class:`CallContext` and maps :class:`ServiceError` to a rich status."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """The handler, wrapped; None (UNIMPLEMENTED) stays None, whatever the stubs say."""
        handler = await continuation(handler_call_details)
        if not handler:
            return handler
        request_id = _request_id(handler_call_details)
        behaviour, factory = _parts(handler)
        if handler.response_streaming:
            wrapped: Callable[..., Any] = _wrap_stream(behaviour, request_id)
        else:
            wrapped = _wrap_unary(behaviour, request_id)
        result: Handler = factory(
            wrapped,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )
        return result


def _wrap_unary(behaviour: Callable[..., Any], request_id: str) -> Callable[..., Any]:
    async def call(request: object, context: Context) -> object:
        current_call.set(_call_context(request_id, context))
        try:
            return await behaviour(request, context)
        except Exception as error:
            await _abort(context, error, request_id)
            raise  # abort always raises; this is for the type checker

    return call


def _wrap_stream(behaviour: Callable[..., Any], request_id: str) -> Callable[..., Any]:
    async def call(request: object, context: Context) -> AsyncIterator[object]:
        current_call.set(_call_context(request_id, context))
        try:
            stream = behaviour(request, context)
            if inspect.isasyncgen(stream):
                async for message in stream:
                    yield message
            else:  # a handler that writes through the context, such as the standard health service
                await stream
        except Exception as error:
            await _abort(context, error, request_id)
            raise

    return call


async def _abort(context: Context, error: Exception, request_id: str) -> None:
    if isinstance(error, aio.AbortError):  # a servicer has chosen its status itself
        raise error
    if isinstance(error, ServiceError):
        await context.abort(error.code, str(error), to_trailers(error, request_id))
    _log.exception("unexpected error", exc_info=error)
    internal = ServiceError(f"internal error, request id {request_id}")
    await context.abort(internal.code, str(internal), to_trailers(internal, request_id))


def _call_context(request_id: str, context: Context) -> CallContext:
    remaining = context.time_remaining()
    deadline_at = None if remaining is None else time.monotonic() + remaining
    return CallContext(request_id, deadline_at)


def _request_id(details: grpc.HandlerCallDetails) -> str:
    for key, value in details.invocation_metadata or ():
        if key == REQUEST_ID_HEADER and isinstance(value, str) and 0 < len(value) <= _MAX_REQUEST_ID_CHARS:
            return value
    return secrets.token_hex(8)


def _parts(handler: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The behaviour of a handler of any kind, and the function that makes another of that kind."""
    if handler.request_streaming and handler.response_streaming:
        return handler.stream_stream, grpc.stream_stream_rpc_method_handler
    if handler.request_streaming:
        return handler.stream_unary, grpc.stream_unary_rpc_method_handler
    if handler.response_streaming:
        return handler.unary_stream, grpc.unary_stream_rpc_method_handler
    return handler.unary_unary, grpc.unary_unary_rpc_method_handler

"""Around every call: who calls, request id, deadline, and errors turned into statuses.

It is one layer and not three because each costs the call again (measured).
"""

from __future__ import annotations

import asyncio
import errno
import inspect
import logging
import random
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import grpc
from grpc import aio

from service_runtime import tracing
from service_runtime.calls import Calls, DrainingError
from service_runtime.errors import OverloadedError, ServiceError, TokenExpiredError, to_trailers
from service_runtime.guarded import GuardedMethod, decoded, decoder_of
from service_runtime.identity.gate import TWICE, Gate, tenant_of
from service_runtime.identity.principal import NOBODY
from service_runtime.identity.refusals import Refusals
from service_runtime.repeated import RepeatedErrors
from service_runtime.telemetry import CallContext, current_call

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from service_runtime.calls import MethodCalls
    from service_runtime.identity.principal import Principal

    Handler = grpc.RpcMethodHandler[Any, Any]
    Context = aio.ServicerContext[Any, Any]
    GenericRpcHandler = grpc.GenericRpcHandler[Any, Any]
    Headers = dict[str, str]
    Begin = Callable[[Any, Context, str, Headers], Awaitable[Any]]
else:
    GenericRpcHandler = grpc.GenericRpcHandler  # generic in its stubs only

_OK, _CANCELLED = grpc.StatusCode.OK.name, grpc.StatusCode.CANCELLED.name
REQUEST_ID_HEADER = "x-request-id"
_MAX_REQUEST_ID_CHARS = 128  # it goes into logs; a longer one is ignored
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE})
_EXHAUSTED_RETRY_SECONDS = 1.0  # connections are closed where there are too many, once a second
# Request ids must differ, and are no secrets: the system's randomness would cost each call a system call.
_random = random.Random()
_log = logging.getLogger(__name__)
_unexpected = RepeatedErrors(_log, "unexpected error")


class CallTrailer(Protocol):
    """Counts a unary call that has ended; its trailing metadata."""

    def __call__(self, *, failed: bool) -> tuple[tuple[str, bytes], ...]:
        """The metadata."""
        ...


class InterceptingServer:
    """Takes the place of a server where handlers are added: wraps each of them once.

    A `grpc.aio.ServerInterceptor` does the same for every call anew, and costs a tenth of a small call's CPU
    (`make bench ONLY=get_result_vs_echo`: 1.38 of a bare echo with it, 1.24 so).
    """

    def __init__(
        self,
        server: aio.Server,
        gate: Gate | None = None,
        trailer: CallTrailer | None = None,
        calls: Calls | None = None,
    ) -> None:
        """`gate`: who may call; without one, everybody. `trailer`: see `ServerOptions`. `calls`: where they are counted.

        Whoever gets the trailer, and sent a request id, finds it in the initial metadata of what succeeds. Not before: with its
        headers sent, gRPC would make no call again.
        """
        self._server = server
        self._wrapping = _Wrapping(gate or Gate(), trailer, calls or Calls())

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler[Any, Any]]) -> None:
        """See `aio.Server.add_generic_rpc_handlers`."""
        self._server.add_generic_rpc_handlers(
            [_Intercepting(handler, self._wrapping) for handler in handlers]
        )

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Handler]) -> None:
        """Nothing to do: the asynchronous server looks methods up in the generic handlers."""


class _Intercepting(GenericRpcHandler):
    """A generic handler whose method handlers are wrapped, each when it is first called."""

    def __init__(self, inner: grpc.GenericRpcHandler[Any, Any], wrapping: _Wrapping) -> None:
        self._inner = inner
        self._wrapping = wrapping
        self._wrapped: dict[str, Handler] = {}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        """The wrapped handler; None for a method that isn't one of these."""
        method = handler_call_details.method
        wrapped = self._wrapped.get(method)
        if wrapped is None:
            handler = self._inner.service(handler_call_details)
            if handler is None:
                return None
            wrapped = self._wrapped[method] = self._wrapping.wrapped(method, handler)
        return wrapped


class _Entry(NamedTuple):
    """How a method's calls begin."""

    begin: Begin | None
    """Admits the caller, and gives the message; None: everybody is."""
    decode: Callable[[bytes], Any] | None
    """Of messages that come as bytes."""
    reader: GuardedMethod | None
    calls: MethodCalls


class _Wrapping:
    """What is put around each method."""

    def __init__(self, gate: Gate, trailer: CallTrailer | None, calls: Calls) -> None:
        self._gate = gate
        self._calls = calls
        self._trailer = trailer
        self._refusals = Refusals()

    def wrapped(self, method: str, handler: Handler) -> Handler:
        """The handler with its behaviour wrapped."""
        behaviour, factory = _parts(handler)
        decode, reader, begin = decoder_of(behaviour, handler.request_deserializer), None, None
        if not self._gate.is_open:
            reader = GuardedMethod(method, decode)
            is_late = not handler.request_streaming and not self._gate.admits_connections
            if is_late:
                factory = (
                    grpc.stream_stream_rpc_method_handler
                    if handler.response_streaming
                    else grpc.stream_unary_rpc_method_handler
                )
            begin = self._guarded(method, reader, is_stream=handler.request_streaming, is_late=is_late)
        # Requests are decoded here: what isn't a message is the caller's fault, and not an error of ours.
        if begin is None and handler.request_streaming and decode is not None:
            behaviour, decode = _decoding(behaviour, decode), None
        entry = _Entry(begin, decode, reader, self._calls.of(method))
        wrap = self._wrap_stream if handler.response_streaming else self._wrap_unary
        result: Handler = factory(
            wrap(entry, behaviour),
            request_deserializer=None,
            response_serializer=_serializer(handler.response_serializer),
        )
        return result

    def _guarded(self, method: str, reader: GuardedMethod, *, is_stream: bool, is_late: bool) -> Begin:
        """`is_late`: a unary request that is read here, after its sender was admitted."""

        async def begin(request: Any, context: Context, request_id: str, headers: Headers) -> Any:
            current_call.set(CallContext(request_id, None, principal=NOBODY))  # for the log of a refusal
            try:
                principal = await self._gate.admit(method, headers, context.auth_context)
            except ServiceError as error:
                self._refusals.record(error.reason, method, context.peer())
                raise
            _enter(context, request_id, principal)
            if is_stream:
                return reader.all(request, principal)
            return (
                await reader.one(context.read, principal) if is_late else reader.decoded(request, principal)
            )

        return begin

    def _wrap_unary(self, entry: _Entry, behaviour: Callable[..., Any]) -> Callable[..., Any]:
        trailer, gate, calls = self._trailer, self._gate, self._calls
        begin, decode, _, counts = entry
        ended, now = counts.ended, time.perf_counter

        async def call(request: object, context: Context) -> object:
            request_id, headers, is_given = self._headers(context)
            started_at, code = now(), _OK
            calls.running += 1
            span = tracing.begin(counts.method, context) if tracing.active is not None else None
            try:
                try:
                    if begin is None:  # a coroutine less in every call
                        _enter(context, request_id, gate.unproven(headers))
                        message = decoded(request, decode)
                    else:
                        message = await begin(request, context, request_id, headers)
                    response = await behaviour(message, context)
                except Exception as error:  # noqa: BLE001 - whatever it is becomes a status
                    failure = _bare(error, request_id)
                except asyncio.CancelledError:
                    code = _CANCELLED
                    if not calls.was_cut():
                        raise
                    failure = _draining()
                else:
                    if trailer is not None:
                        context.set_trailing_metadata(trailer(failed=False))
                        if is_given:
                            await context.send_initial_metadata(((REQUEST_ID_HEADER, request_id),))
                    return response
                request = message = None
                code = _code_of(failure, context)
                await _abort(context, failure, request_id, trailer(failed=True) if trailer else ())
                raise failure  # abort always raises; this is for the type checker
            finally:
                calls.running -= 1
                ended(code, now() - started_at)
                if span is not None:
                    span.end(code)

        return call

    def _wrap_stream(self, entry: _Entry, behaviour: Callable[..., Any]) -> Callable[..., Any]:
        gate, calls = self._gate, self._calls
        begin, decode, reader, counts = entry
        ended, now = counts.ended, time.perf_counter

        async def call(request: object, context: Context) -> AsyncIterator[object]:
            request_id, headers, _ = self._headers(context)
            started_at, code = now(), _OK
            calls.running += 1
            span = tracing.begin(counts.method, context) if tracing.active is not None else None
            try:
                try:
                    if begin is None:
                        _enter(context, request_id, gate.unproven(headers))
                        message = decoded(request, decode)
                    else:
                        message = await begin(request, context, request_id, headers)
                    stream = behaviour(message, context)
                    if inspect.isasyncgen(stream):
                        principal = current_call.get().principal
                        async for answer in stream:
                            if reader is not None:
                                reader.check(principal)
                            yield answer
                    elif reader is None:  # a handler that writes through the context
                        await stream
                    else:
                        await _as_long_as_good(stream, reader.left_seconds(current_call.get().principal))
                except Exception as error:  # noqa: BLE001 - whatever it is becomes a status
                    failure = _bare(error, request_id)
                except asyncio.CancelledError:
                    code = _CANCELLED
                    if not calls.was_cut():
                        raise
                    failure = _draining()
                else:
                    return
                request = message = stream = None
                code = _code_of(failure, context)
                await _abort(context, failure, request_id)
            finally:
                calls.running -= 1
                ended(code, now() - started_at)
                if span is not None:
                    span.end(code)

        return call

    def _headers(self, context: Context) -> tuple[str, dict[str, str], bool]:
        """The request id, the headers that say who calls (one that comes twice says nothing that could be true), and whether the id
        is the caller's own.
        """
        request_id, wanted = "", self._gate.headers
        headers: dict[str, str] = {}
        for key, value in context.invocation_metadata() or ():
            if key in wanted:
                text = value if isinstance(value, str) else value.decode("ascii", "replace")
                headers[key] = TWICE if key in headers else text
            elif (
                key == REQUEST_ID_HEADER
                and isinstance(value, str)
                and 0 < len(value) <= _MAX_REQUEST_ID_CHARS
            ):
                request_id = value
        return request_id or f"{_random.getrandbits(64):016x}", headers, request_id != ""


def _serializer(serialize: Callable[[Any], bytes] | None) -> Callable[[Any], bytes] | None:
    """The same, for answers that may be encoded already."""
    if serialize is None:
        return None
    return lambda answer: answer if type(answer) is bytes else serialize(answer)


def _draining() -> ServiceError:
    return DrainingError("the server has stopped before the call was done")


def _code_of(failure: Exception, context: Context) -> str:
    """The name of the status that the caller gets."""
    if isinstance(failure, ServiceError):
        return failure.code.name
    chosen = context.code()  # by a servicer that has ended the call itself
    return chosen.name if isinstance(chosen, grpc.StatusCode) else grpc.StatusCode.UNKNOWN.name


async def _as_long_as_good(stream: Awaitable[None], seconds: float | None) -> None:
    """Ends what a caller has begun when what it proved isn't good any more."""
    try:
        async with asyncio.timeout(seconds) as validity:
            await stream
    except TimeoutError:
        if validity.expired():
            raise TokenExpiredError("the token has expired") from None
        raise


def _enter(context: Context, request_id: str, principal: Principal) -> None:
    """Sets the call's context."""
    remaining = context.time_remaining()
    deadline_at = None if remaining is None else time.monotonic() + remaining
    current_call.set(CallContext(request_id, deadline_at, tenant_of(principal), principal, context.peer))


def _bare(error: Exception, request_id: str) -> Exception:
    """What the caller is told of `error`, without the frames that it came through.

    gRPC keeps the exception that ends a call in a circle with the call's state. With its frames it would keep the request, until
    a collection of the oldest generation: 2 GB after 12 s of refused messages of 3 MiB (measured).
    """
    if isinstance(
        error, ServiceError | aio.AbortError
    ):  # of the latter, a servicer has chosen its status itself
        found: Exception = error
    elif isinstance(error, OSError) and error.errno in _EXHAUSTED:
        _unexpected.log(error)
        found = OverloadedError("the process has no descriptors left", _EXHAUSTED_RETRY_SECONDS)
    else:
        _unexpected.log(error)
        found = ServiceError(f"internal error, request id {request_id}")
    found.__traceback__ = found.__context__ = found.__cause__ = None
    return found


async def _abort(
    context: Context, failure: Exception, request_id: str, trailer: Sequence[tuple[str, bytes]] = ()
) -> None:
    """Ends the call; always raises."""
    if not isinstance(failure, ServiceError):
        raise failure
    await context.abort(failure.code, str(failure), (*to_trailers(failure, request_id), *trailer))


def _decoding(behaviour: Callable[..., Any], decode: Callable[[bytes], Any]) -> Callable[..., Any]:
    """The behaviour, given messages where bytes come."""
    return lambda incoming, context: behaviour(_decoded_all(incoming, decode), context)


async def _decoded_all(incoming: AsyncIterable[bytes], decode: Callable[[bytes], Any]) -> AsyncIterator[Any]:
    """A stream's messages; raises InvalidRequestError for bytes that are none, of which gRPC would make UNKNOWN and a traceback."""
    async for raw in incoming:
        yield decoded(raw, decode)


def _parts(handler: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The behaviour of a handler of any kind, and the function that makes another of that kind."""
    if handler.request_streaming and handler.response_streaming:
        return handler.stream_stream, grpc.stream_stream_rpc_method_handler
    if handler.request_streaming:
        return handler.stream_unary, grpc.stream_unary_rpc_method_handler
    if handler.response_streaming:
        return handler.unary_stream, grpc.unary_stream_rpc_method_handler
    return handler.unary_unary, grpc.unary_unary_rpc_method_handler

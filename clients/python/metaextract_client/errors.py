"""What the servers' statuses become: one table from gRPC codes to exceptions."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, cast

import grpc
from google.rpc import error_details_pb2, status_pb2
from grpc import aio

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class MetaExtractError(Exception):
    """Base of all errors that a call can raise.

    Attributes:
        code: gRPC status code.
        reason: the server's stable identifier ("OVERLOADED", "SOURCE_NOT_FOUND" …); "" without one.
        request_id: what to name when asking the operator; "" without one.
    """

    def __init__(self, message: str, code: grpc.StatusCode, reason: str = "", request_id: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.request_id = request_id


class InvalidRequestError(MetaExtractError):
    """The request is wrong; the same one will fail again."""


class NotFoundError(MetaExtractError):
    """What was named doesn't exist."""


class ForbiddenError(MetaExtractError):
    """The server may not or will not do it for this caller."""


class UnauthenticatedError(MetaExtractError):
    """The server doesn't know who calls, or the token has expired (`reason` TOKEN_EXPIRED)."""


class OverloadedError(MetaExtractError):
    """The server sheds work; try again after `retry_after_seconds`, negative: never.

    `is_advised`: the server named that delay itself.
    """

    retry_after_seconds: float = 1.0
    is_advised: bool = False

    @property
    def is_own_limit(self) -> bool:
        """Whether gRPC itself refused a message for its size, under the same code: it will never fit."""
        return "larger than max" in str(self) and not self.reason


class UnavailableError(MetaExtractError):
    """The server can't be reached or is stopping; a later try may succeed."""


class DeadlineError(MetaExtractError):
    """The time limit of the call passed."""


class AbortedError(MetaExtractError):
    """The state that the call relied on changed; start again."""


_TABLE: dict[grpc.StatusCode, type[MetaExtractError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequestError,
    grpc.StatusCode.OUT_OF_RANGE: InvalidRequestError,
    grpc.StatusCode.FAILED_PRECONDITION: InvalidRequestError,
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.PERMISSION_DENIED: ForbiddenError,
    grpc.StatusCode.UNAUTHENTICATED: UnauthenticatedError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: OverloadedError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    # What a server that stops hadn't accepted yet (grpc/grpc#41785); whoever cancels a call himself isn't told of it.
    grpc.StatusCode.CANCELLED: UnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineError,
    grpc.StatusCode.ABORTED: AbortedError,
    grpc.StatusCode.DATA_LOSS: AbortedError,
}


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turns gRPC errors raised inside the block into MetaExtractErrors."""
    try:
        yield
    except grpc.RpcError as error:
        raise from_rpc_error(error) from error
    except aio.UsageError as error:  # the channel was closed while the call was on its way
        raise UnavailableError(str(error), grpc.StatusCode.UNAVAILABLE) from error


def from_rpc_error(error: grpc.RpcError) -> MetaExtractError:
    """The exception that a failed call stands for, with the server's details."""
    call = cast("grpc.Call", error)  # every RpcError that a stub raises is a Call
    code = call.code()
    message = call.details() or code.name
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    trailers = cast("Iterable[tuple[str, str | bytes]]", call.trailing_metadata() or ())
    pushback_ms: int | None = None
    for key, value in trailers:
        if key == "grpc-retry-pushback-ms" and isinstance(value, str):
            # What isn't a number means "never", as gRPC's own clients take it (gRFC A6).
            try:
                pushback_ms = int(value)
            except ValueError:
                pushback_ms = -1
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            for detail in status_pb2.Status.FromString(value).details:
                detail.Unpack(info)
                detail.Unpack(retry)
    kind = _TABLE.get(code, MetaExtractError)
    result = kind(message, code, info.reason, info.metadata.get("request_id", ""))
    if isinstance(result, OverloadedError) and retry.HasField("retry_delay"):
        result.retry_after_seconds = retry.retry_delay.ToNanoseconds() / 1e9
        result.is_advised = True
    if isinstance(result, OverloadedError) and pushback_ms is not None:
        result.retry_after_seconds = pushback_ms / 1000
        result.is_advised = True
    return result

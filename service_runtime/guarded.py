"""Calls to a service that knows its callers: nothing of a message is taken in before its sender is admitted.

gRPC reads and decodes a unary request before its handler runs, as large as messages may be, from anybody. So here messages are
decoded later, and where connections themselves prove nothing every method takes a stream, as gRPC sees it: on the wire it is
the same, and the first message is read when it is wanted (5 % of a small call). What is open to strangers (health,
reflection) is read a few at a time, for a moment each.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, TypeVar

from service_runtime.errors import InvalidRequestError, RequestStalledError, TokenExpiredError
from service_runtime.identity.principal import NOBODY
from service_runtime.identity.roles import ONE_FILE
from service_runtime.lobby import Lobby

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable

    from service_runtime.identity.principal import Principal

Behaviour = TypeVar("Behaviour", bound="Callable[..., Any]")

_DECODER = "decode_request"


def decoded_by(decode: Callable[[bytes], Any]) -> Callable[[Behaviour], Behaviour]:
    """Marks a servicer's method whose messages aren't decoded by the generated code, but so."""

    def mark(behaviour: Behaviour) -> Behaviour:
        setattr(behaviour, _DECODER, decode)
        return behaviour

    return mark


def decoder_of(
    behaviour: Callable[..., Any], generated: Callable[[bytes], Any] | None
) -> Callable[[bytes], Any] | None:
    """What decodes the messages of a servicer's method."""
    decode: Callable[[bytes], Any] | None = getattr(behaviour, _DECODER, generated)
    return decode


class Limits:
    """Of `GuardedMethod`."""

    request_seconds = 60.0  # for a request from somebody known; the largest takes 2 s at 8 MiB/s
    stranger_seconds = 2.0  # for one from a stranger: a few bytes
    leeway_seconds = 5.0  # as tokens have at their beginning
    stranger_bytes = 4096  # a service's or symbol's name; longer ones are refused undecoded
    # Read at once, of each method: a stranger may withhold the end of a message of 16 MiB, so 96 MiB. One more, and whoever has been
    # silent the longest goes: an honest one is done in a millisecond, and waits for nobody.
    strangers = 6


class GuardedMethod:
    """What one method reads of its callers."""

    def __init__(self, method: str, decode: Callable[[bytes], Any] | None) -> None:
        self._decode = decode
        # A file that takes longer than its sender's token lives is taken to its end; a watch or a batch isn't.
        self._outlives_tokens = method in ONE_FILE
        most = Limits.strangers
        self._strangers = Lobby(
            seconds=Limits.stranger_seconds, most=most, most_per_caller=most, endings_per_second=None
        )

    async def one(self, read: Callable[[], Awaitable[Any]], principal: Principal) -> Any:
        """The only message of a unary request, by the context's `read`: an iterator over one message costs more.

        Raises:
            InvalidRequestError: there is none, or it isn't one.
            RequestStalledError: it doesn't come.
        """
        raw = await (
            self._strangers.hear(read, NOBODY.subject, "message")
            if principal is NOBODY
            else self._within(read(), Limits.request_seconds)
        )
        if not isinstance(raw, bytes):  # gRPC's mark of the end
            raise InvalidRequestError("request", "a message is expected")
        return self.decoded(raw, principal)

    async def all(self, incoming: AsyncIterable[bytes], principal: Principal) -> AsyncIterator[Any]:
        """The messages of a stream, as long as its sender's identity is good; raises as `one`, and TokenExpiredError."""
        if principal is NOBODY:
            iterator = aiter(incoming)
            while (raw := await self._strangers.first(iterator, NOBODY.subject, "message")) is not None:
                yield self.decoded(raw, principal)
            return
        async for raw in incoming:
            self.check(principal)
            yield self.decoded(raw, principal)

    def check(self, principal: Principal) -> None:
        """Raises TokenExpiredError when what the caller proved isn't good any more."""
        left_seconds = self.left_seconds(principal)
        if left_seconds is not None and left_seconds < 0:
            raise TokenExpiredError("the token has expired")

    def left_seconds(self, principal: Principal) -> float | None:
        """How long a call of this method may go on; None: to its end."""
        if principal.expires_at is None or self._outlives_tokens:
            return None
        return principal.expires_at + Limits.leeway_seconds - time.time()

    @staticmethod
    async def _within(reading: Awaitable[Any], seconds: float) -> Any:
        try:
            async with asyncio.timeout(seconds):
                return await reading
        except TimeoutError:
            raise RequestStalledError(f"no message came within {seconds:g} s") from None

    def decoded(self, raw: bytes, principal: Principal) -> Any:
        """The message; raises InvalidRequestError for bytes that are none, or too many of a stranger."""
        if principal is NOBODY and len(raw) > Limits.stranger_bytes:
            raise InvalidRequestError("request", f"at most {Limits.stranger_bytes} bytes are expected")
        return decoded(raw, self._decode)


def decoded(raw: Any, decode: Callable[[bytes], Any] | None) -> Any:
    """The message; raises InvalidRequestError for bytes that are none."""
    if decode is None:
        return raw
    try:
        return decode(raw)
    except Exception:  # noqa: BLE001 - protobuf's DecodeError, and what broken UTF-8 or nesting raise
        raise InvalidRequestError("request", "the bytes aren't a message of this call's type") from None

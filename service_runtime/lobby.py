"""Where those wait who haven't said yet what they want."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, TypeVar

from service_runtime.errors import RequestStalledError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Crowd = OrderedDict[asyncio.Timeout, asyncio.TimerHandle]

_MOST_AT_ALL = 16_384  # 29 KB each (measured), 490 MB; beyond it a newcomer is ended at once
_ENDED_TOGETHER = 16  # at once where memory is short: those who wait for their turn then have none
_T = TypeVar("_T")


class Lobby:
    """Bounds those who are silent. An honest one says at once what it wants; a stream costs its opener nothing, and 29 KB here (measured).

    Who has been silent for too long is ended, but only so many a second: whoever is ended comes again, which costs a millisecond,
    where waiting costs nothing. Ten thousand that were ended after 5 to 20 s kept a front busy with nothing else. Where memory is
    short they go all the same, the longest silent of whoever has the most first.
    """

    def __init__(
        self,
        *,
        seconds: float = 20.0,
        most: int = 1024,
        most_per_caller: int = 256,
        endings_per_second: float | None = 50.0,
        is_pressed: Callable[[], bool] = lambda: False,
    ) -> None:
        """`seconds`: longest silence; `endings_per_second`: how many are ended for it; None: all, and more than `most` never wait.
        `is_pressed`: whether memory is short: then nobody waits beyond `most` and `most_per_caller`.
        """
        self._is_pressed = is_pressed
        self._seconds = seconds
        self._most = most
        self._most_per_caller = most_per_caller
        self._turn_seconds = 1 / endings_per_second if endings_per_second else 0.0
        self._turn_at = 0.0
        self._waiting: dict[str, Crowd] = {}
        self._count = 0

    async def first(self, incoming: AsyncIterator[_T], caller: str, what: str) -> _T | None:
        """The stream's first message; None when it ends without one. Raises as `hear`."""
        return await self.hear(lambda: anext(aiter(incoming), None), caller, what)

    async def hear(self, read: Callable[[], Awaitable[_T]], caller: str, what: str) -> _T:
        """What `read` brings.

        Raises:
            RequestStalledError: nothing came in time, or others need the place; `what` names it.
        """
        try:
            async with asyncio.timeout(None) as patience:
                self._add(caller, patience)
                try:
                    if not self._turn_seconds or self._is_pressed():
                        self._end_longest()
                    return await read()
                finally:
                    self._remove(caller, patience)
        except TimeoutError:
            raise RequestStalledError(f"no {what} came in time") from None

    def _add(self, caller: str, patience: asyncio.Timeout) -> None:
        """Raises RequestStalledError where newcomers are ended at once.

        Whoever is, comes again: so only where there is no memory for letting them wait.
        """
        own = self._waiting.get(caller, ())
        is_full = self._count >= _MOST_AT_ALL
        if self._is_pressed():
            is_full = len(own) >= self._most_per_caller or self._count >= self._most
        if is_full:
            raise RequestStalledError("too many are silent already")
        timer = asyncio.get_running_loop().call_later(self._seconds, self._overdue, caller, patience)
        self._waiting.setdefault(caller, OrderedDict())[patience] = timer
        self._count += 1

    def _remove(self, caller: str, patience: asyncio.Timeout) -> None:
        self._count -= 1
        own = self._waiting[caller]
        own.pop(patience).cancel()
        if not own:
            del self._waiting[caller]

    def _overdue(self, caller: str, patience: asyncio.Timeout) -> None:
        """Ends a silence that was long enough, when it is its turn."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if not self._turn_seconds or self._is_pressed():
            self._turn_at = now
        if self._turn_at <= now:
            self._end(patience)
        else:
            self._waiting[caller][patience] = loop.call_at(self._turn_at, self._end, patience)
        self._turn_at = max(now, self._turn_at) + self._turn_seconds

    def _end(self, patience: asyncio.Timeout) -> None:
        if not patience.expired():
            patience.reschedule(asyncio.get_running_loop().time())
        if self._turn_seconds and self._is_pressed():
            for _ in range(_ENDED_TOGETHER):
                self._end_longest()

    def _end_longest(self) -> None:
        """Ends the longest silent of whoever has the most, where too many are silent."""
        crowd = max(self._waiting.values(), key=len, default=None)
        if crowd is None or (len(crowd) <= self._most_per_caller and self._count <= self._most):
            return
        longest = next(iter(crowd))
        crowd.move_to_end(longest)  # it is on its way out
        if not longest.expired():  # else it is out, and only hasn't gone yet: such can't be told again
            longest.reschedule(asyncio.get_running_loop().time())

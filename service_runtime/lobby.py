"""Where those wait who haven't said yet what they want."""

from __future__ import annotations

import asyncio
import heapq
from collections import OrderedDict
from typing import TYPE_CHECKING, TypeVar

from service_runtime.errors import RequestStalledError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

_MOST_AT_ALL = 16_384  # 29 KB each (measured), 490 MB
_LOOK_SECONDS = 0.1  # between two looks, while somebody is to be ended
_PRESSED_SECONDS = 1.0  # between two, while there are many: memory may become short
_ENDED_TOGETHER = 64  # in one look, where memory is short: each takes a millisecond
_T = TypeVar("_T")


class Lobby:
    """Bounds those who are silent. An honest one says at once what it wants; a stream costs its opener nothing, and 29 KB here (measured).

    Who has been silent for too long is ended, the longest silent first, but only so many a second: whoever is ended comes again, which
    costs a millisecond, where waiting costs nothing. Ten thousand that were ended after 5 to 20 s kept a front busy with nothing else.
    Where memory is short they go all the same, the longest silent of whoever has the most first.
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
        self._per_second = endings_per_second
        self._order: OrderedDict[asyncio.Timeout, tuple[str, float]] = OrderedDict()
        """All who wait, by when they came: the caller, and when they are overdue. Who has been told to go is none of them."""
        self._crowds: dict[str, OrderedDict[asyncio.Timeout, None]] = {}
        self._timer: asyncio.TimerHandle | None = None

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
                    return await read()
                finally:
                    self._remove(patience)
        except TimeoutError:
            raise RequestStalledError(f"no {what} came in time") from None

    def _add(self, caller: str, patience: asyncio.Timeout) -> None:
        """Raises RequestStalledError where newcomers are ended at once.

        Whoever is, comes again: so only where there is no memory for letting them wait, or the caller has its share of all places.
        """
        own, count = len(self._crowds.get(caller, ())), len(self._order)
        if self._is_pressed() and (own >= self._most_per_caller or count >= self._most):
            self._look_within(_LOOK_SECONDS)
            raise RequestStalledError("too many are silent already")
        if count >= _MOST_AT_ALL:
            if own * len(self._crowds) >= count:
                raise RequestStalledError("too many are silent already")
            self._thin(1, _MOST_AT_ALL - 1)
        self._order[patience] = caller, asyncio.get_running_loop().time() + self._seconds
        self._crowds.setdefault(caller, OrderedDict())[patience] = None
        if self._per_second is None:
            self._thin(1, self._most, self._most_per_caller)
        self._look_within(min(self._seconds, _PRESSED_SECONDS) if self._is_crowded else self._seconds)

    @property
    def _is_crowded(self) -> bool:
        """Whether there may be too many for somebody, should memory become short."""
        return len(self._order) > self._most_per_caller

    def _remove(self, patience: asyncio.Timeout) -> None:
        """Nothing for one that has been told to go."""
        if patience in self._order:
            caller, _ = self._order.pop(patience)
            crowd = self._crowds[caller]
            del crowd[patience]
            if not crowd:
                del self._crowds[caller]
        if not self._order and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_within(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            if self._timer.when() <= loop.time() + seconds:
                return
            self._timer.cancel()
        self._timer = loop.call_later(seconds, self._look)

    def _look(self) -> None:
        """Ends who is to be ended now, and looks again when somebody will be."""
        self._timer = None
        now, ended = asyncio.get_running_loop().time(), 0
        if self._per_second is None:
            pause_seconds = 0.0
            self._end_overdue(now, len(self._order))
        elif self._is_pressed():
            pause_seconds = _LOOK_SECONDS
            ended = self._thin(_ENDED_TOGETHER, self._most, self._most_per_caller)
            ended += self._end_overdue(now, _ENDED_TOGETHER - ended)
        else:
            turns = max(1, int(self._per_second * _LOOK_SECONDS))
            pause_seconds = turns / self._per_second
            self._end_overdue(now, turns)
        if not self._order:
            return
        _, overdue_at = next(iter(self._order.values()))
        wait_seconds = pause_seconds if ended else max(overdue_at - now, pause_seconds)
        if self._is_crowded:
            wait_seconds = min(wait_seconds, max(pause_seconds, _PRESSED_SECONDS))
        self._look_within(wait_seconds)

    def _end_overdue(self, now: float, count: int) -> int:
        """Ends up to `count` of those who have been silent for too long, the longest first; how many."""
        for ended in range(count):
            patience, (_, overdue_at) = next(iter(self._order.items()), (None, ("", 0.0)))
            if patience is None or overdue_at > now:
                return ended
            self._end(patience)
        return count

    def _end(self, patience: asyncio.Timeout) -> None:
        self._remove(patience)
        patience.reschedule(asyncio.get_running_loop().time())

    def _thin(self, count: int, most: int, most_per_caller: int = _MOST_AT_ALL) -> int:
        """Ends up to `count` of the longest silent of whoever has the most, while there are more than there may be; how many."""
        heap = [(-len(crowd), number, crowd) for number, crowd in enumerate(self._crowds.values())]
        if len(self._order) <= most and all(-size <= most_per_caller for size, _, _ in heap):
            return 0
        heapq.heapify(heap)
        ended = 0
        while ended < count and heap and (-heap[0][0] > most_per_caller or len(self._order) > most):
            size, number, crowd = heap[0]
            self._end(next(iter(crowd)))
            ended += 1
            if size + 1:
                heapq.heapreplace(heap, (size + 1, number, crowd))
            else:
                heapq.heappop(heap)
        return ended

"""Where those wait who haven't said yet what they want: a few per caller, and not for long."""

from __future__ import annotations

import asyncio
import random
from collections import OrderedDict
from typing import TYPE_CHECKING, TypeVar

from service_runtime.errors import RequestStalledError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

_MOST_AT_ALL = 16_384  # 29 KB each (measured), 490 MB; beyond it a newcomer is ended at once
_LEAST_RATIO = (
    0.25  # of the longest wait; an honest stream's first message is there at once, or a round trip later
)
_T = TypeVar("_T")


class Lobby:
    """Bounds those who are silent: when there are too many, the longest silent goes, of whoever has the most. An honest one says at
    once what it wants. A stream costs its opener nothing, and 29 KB here (measured).
    """

    def __init__(
        self,
        *,
        seconds: float = 20.0,
        most: int = 1024,
        most_per_caller: int = 256,
        least_ratio: float = _LEAST_RATIO,
        is_pressed: Callable[[], bool] = lambda: False,
    ) -> None:
        """`seconds`: longest silence; `least_ratio`: what of it everybody has, however many there are. `is_pressed`: whether memory
        is short.
        """
        self._is_pressed = is_pressed
        self._seconds = seconds
        self._most = most
        self._most_per_caller = most_per_caller
        self._least_ratio = least_ratio
        self._waiting: dict[str, OrderedDict[asyncio.Timeout, float]] = {}
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
            async with asyncio.timeout(self._seconds) as patience:
                self._add(caller, patience)
                try:
                    self._make_room(self._waiting[caller])
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
        self._waiting.setdefault(caller, OrderedDict())[patience] = asyncio.get_running_loop().time()
        self._count += 1

    def _remove(self, caller: str, patience: asyncio.Timeout) -> None:
        self._count -= 1
        own = self._waiting[caller]
        del own[patience]
        if not own:
            del self._waiting[caller]

    def _make_room(self, own: OrderedDict[asyncio.Timeout, float]) -> None:
        crowd = own
        if len(own) <= self._most_per_caller:
            if self._count <= self._most:
                return
            crowd = max(self._waiting.values(), key=len)
        longest, came_at = next(iter(crowd.items()))
        crowd.move_to_end(longest)  # it is on its way out
        if longest.expired():  # it is out, and only hasn't gone yet: such can't be told again
            return
        now, least = asyncio.get_running_loop().time(), self._least_ratio
        # Not all together: who opens another one for each that is ended would keep us busy with that.
        patience_seconds = random.uniform(least, 1.0) * self._seconds if least else 0.0
        longest.reschedule(max(now, came_at + patience_seconds))

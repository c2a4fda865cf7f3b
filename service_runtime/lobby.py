"""Where streams wait that haven't said yet what they want: a few per caller, and not for long."""

from __future__ import annotations

import asyncio
import random
from collections import OrderedDict
from typing import TYPE_CHECKING, TypeVar

from service_runtime.errors import RequestStalledError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

_MOST_AT_ALL = 16_384  # 29 KB each (measured), 490 MB; beyond it a newcomer is ended at once
_LEAST_RATIO = (
    0.25  # of the longest wait; an honest stream's first message is there at once, or a round trip later
)
_T = TypeVar("_T")


class Lobby:
    """Streams before their first message. Each holds 29 KB (measured), and costs its opener nothing.

    When there are too many, the one that has been silent the longest goes, of whoever has the most: an honest one says at once
    what it wants.
    """

    def __init__(
        self,
        *,
        seconds: float = 20.0,
        most: int = 1024,
        most_per_caller: int = 256,
        is_pressed: Callable[[], bool] = lambda: False,
    ) -> None:
        """`seconds`: longest wait for the first message. `is_pressed`: whether memory is short."""
        self._is_pressed = is_pressed
        self._seconds = seconds
        self._most = most
        self._most_per_caller = most_per_caller
        self._waiting: dict[str, OrderedDict[asyncio.Timeout, float]] = {}
        self._count = 0

    async def first(self, incoming: AsyncIterator[_T], caller: str, what: str) -> _T | None:
        """The stream's first message; None when it ends without one.

        Raises:
            RequestStalledError: none came in time, or others need the place; `what` names it.
        """
        try:
            async with asyncio.timeout(self._seconds) as patience:
                waiting = self._waiting.setdefault(caller, OrderedDict())
                if self._is_closed(waiting):
                    raise RequestStalledError(f"too many streams are waiting for their {what} already")
                waiting[patience] = asyncio.get_running_loop().time()
                self._count += 1
                try:
                    self._make_room(waiting)
                    return await anext(aiter(incoming), None)
                finally:
                    self._remove(caller, patience)
        except TimeoutError:
            raise RequestStalledError(f"no {what} came in time") from None
        finally:
            if not self._waiting.get(caller, True):
                del self._waiting[caller]

    def _is_closed(self, own: OrderedDict[asyncio.Timeout, float]) -> bool:
        """Whether a newcomer is ended at once. Whoever is, comes again: so only where there is no memory for letting them wait."""
        if self._is_pressed():
            return len(own) >= self._most_per_caller or self._count >= self._most
        return self._count >= _MOST_AT_ALL

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
        # Not at once, nor all together: who opens another one for each that is ended would keep us busy with that.
        patience = random.uniform(_LEAST_RATIO, 1.0) * self._seconds
        longest.reschedule(max(asyncio.get_running_loop().time(), came_at + patience))

    def _remove(self, caller: str, patience: asyncio.Timeout) -> None:
        self._count -= 1
        del self._waiting[caller][patience]

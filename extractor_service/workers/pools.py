"""The pools of all kinds of workers. The readers' is there from the start, the others when they are first needed."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from extractor_service.modules.base import READER
from extractor_service.workers.protocol import Loss

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor_service.workers.pool import WorkerPool


class WorkerPools:
    """One pool for each kind, made by `make`."""

    def __init__(self, make: Callable[[str], WorkerPool]) -> None:
        self._make = make
        self._starting = asyncio.Lock()
        self.readers = make(READER)
        self._pools = {READER: self.readers}

    async def get(self, kind: str) -> WorkerPool:
        """The pool of that kind, started.

        Raises:
            WorkerStartError: it doesn't start.
        """
        pool = self._pools.get(kind)
        if pool is not None:
            return pool
        async with self._starting:
            if kind not in self._pools:
                pool = self._make(kind)
                try:
                    await pool.start()
                except BaseException:
                    await pool.close()
                    raise
                self._pools[kind] = pool
            return self._pools[kind]

    def demote(self, seconds: float, is_spared: Callable[[str], bool]) -> bool:
        """As the pools do, for all of them."""
        going_on = [pool.demote(seconds, is_spared) for pool in self._pools.values()]  # all of them are told
        return any(going_on)

    @property
    def states(self) -> dict[str, int]:
        """How many workers are what."""
        states = Counter(self.readers.states)
        for pool in self._pools.values():
            if pool is not self.readers:
                states.update(pool.states)
        return states

    @property
    def lost(self) -> Counter[str]:
        """Workers that ended while they read, by cause."""
        lost = Counter(dict.fromkeys((loss.name for loss in Loss), 0))
        for pool in self._pools.values():
            lost.update(pool.lost)
        return lost

    @property
    def started_total(self) -> int:
        """Workers that were started."""
        return sum(pool.started_total for pool in self._pools.values())

    def resident_bytes(self) -> int:
        """Memory of all workers, what they share counted for each."""
        return sum(pool.resident_bytes() for pool in self._pools.values())

    async def close(self) -> None:
        """Ends all workers and templates."""
        for pool in self._pools.values():
            await pool.close()

"""How late the event loop comes to things: what a blocking step costs everybody."""

from __future__ import annotations

import asyncio

from service_runtime.histogram import Histogram

_LOOK_SECONDS = 0.5  # two wake-ups a second are no load; what blocks more briefly than this is seen by chance


class LoopLag:
    """Measures it. `run` it."""

    def __init__(self) -> None:
        self.histogram = Histogram()

    async def run(self) -> None:
        """Looks until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _LOOK_SECONDS
            await asyncio.sleep(_LOOK_SECONDS)
            self.histogram.observe(max(0.0, loop.time() - due))

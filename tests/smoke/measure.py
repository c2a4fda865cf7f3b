"""One hot path under Callgrind: `python -m smoke.measure PATH WARM TURNS WASTED`, started by `smoke.runs`.

WARM turns come first: the interpreter specialises code that has run 8 times, and libraries fill what they keep. WASTED
turns of an empty loop go with each turn of the path, to see whether a slowdown is noticed.
"""

from __future__ import annotations

from smoke.fixed import fix_world, stop_collecting

fix_world()  # before anything binds the clock

import contextlib  # noqa: E402
import itertools  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from typing import TYPE_CHECKING  # noqa: E402

from smoke.callgrind import Callgrind  # noqa: E402
from smoke.paths import PATHS  # noqa: E402
from smoke.runs import CPU_FACTOR, EMPTY_LOOP, ROUNDS  # noqa: E402

from service_runtime import server as runtime  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from smoke.extractor_paths import Turn
    from smoke.paths import Opened


def _waste(turns: int) -> None:
    for _ in itertools.repeat(None, turns):  # not a range: its small numbers are cheaper than its large ones
        pass


@contextlib.asynccontextmanager
async def _nothing() -> AsyncIterator[Turn]:
    async def turn() -> None:
        _waste(1000)

    yield turn


async def _measure(open_path: Opened, warm: int, turns: int, wasted: int) -> None:
    callgrind = Callgrind()
    async with open_path() as turn:
        for _ in range(warm):
            await turn()
        stop_collecting()
        if not callgrind.is_there:
            print(await _cpu_seconds(turn, turns))
            return
        callgrind.start()
        for _ in range(ROUNDS):
            callgrind.begin()
            for _ in range(turns):
                await turn()
                if wasted:
                    _waste(wasted)
            callgrind.end()
        callgrind.stop()


async def _cpu_seconds(turn: Turn, turns: int) -> float:
    """CPU time of one turn, the least of the rounds: what there is without Valgrind."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(turns * CPU_FACTOR):
            await turn()
        rounds.append(time.process_time() - began)
    return min(rounds) / (turns * CPU_FACTOR)


if __name__ == "__main__":
    name, *numbers = sys.argv[1:]
    runtime.run(lambda: _measure(_nothing if name == EMPTY_LOOP else PATHS[name], *map(int, numbers)))

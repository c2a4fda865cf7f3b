"""What a worker that was lost has died of, or why it was late."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import psutil

from extractor_service.document import Outcome
from extractor_service.workers.child import EXIT_OUT_OF_MEMORY
from extractor_service.workers.protocol import STARVED_RATIO, Loss, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

# SIGKILL isn't ours there, so it is the kernel's, for memory, or somebody's.
_SENT_FROM_OUTSIDE = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL})
_LOOKS, _LOOK_SECONDS = 4, 0.003  # one that sleeps now and then may be seen running once


async def cause_of(
    error: Exception, exit_status: Callable[[], Awaitable[int | None]]
) -> tuple[int, str, Loss]:
    """The outcome, what is said of it, and how the worker was lost; `exit_status` waits for its wait status."""
    if isinstance(error, ProtocolError):
        return Outcome.CRASHED.value, f"the worker sent nonsense: {error}", Loss.CRASH
    status = await exit_status()
    if status is None:
        return Outcome.CRASHED.value, "the worker was lost", Loss.OUTSIDE
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGKILL:
            return Outcome.OUT_OF_MEMORY.value, "the worker was killed by the system", Loss.OUTSIDE
        message = f"the worker died of {signal.Signals(number).name}"
        loss = Loss.OUTSIDE if number in _SENT_FROM_OUTSIDE else Loss.CRASH
        return Outcome.CRASHED.value, message, loss
    if os.WEXITSTATUS(status) == EXIT_OUT_OF_MEMORY:
        return Outcome.OUT_OF_MEMORY.value, "the worker ran out of memory", Loss.SPENT
    return Outcome.CRASHED.value, f"the worker exited with {os.WEXITSTATUS(status)}", Loss.CRASH


async def is_starved(pid: int, cpu_before: float, seconds: float) -> bool:
    """Whether a worker that is late by `seconds` could have gone on, and wasn't let: it got no CPU since `cpu_before` seconds of
    it, waits for a disk, or was stopped.
    """
    try:
        process = psutil.Process(pid)
        times = process.cpu_times()
        if times.user + times.system - cpu_before >= STARVED_RATIO * seconds:
            return False
        for _ in range(_LOOKS):
            status = process.status()
            if status in {psutil.STATUS_DISK_SLEEP, psutil.STATUS_STOPPED}:
                return True
            if status != psutil.STATUS_RUNNING:
                return False
            await asyncio.sleep(_LOOK_SECONDS)
    except psutil.Error:
        return False
    return True

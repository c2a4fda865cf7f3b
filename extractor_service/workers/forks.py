"""The front's side of the template process: starts it, asks it for workers, hears of their ends."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_START_SECONDS = 15.0  # the preload took 0.6 s (measured); the rest is for loaded machines
_EXIT_WAIT_SECONDS = 2.0  # the template reaps at once; without a status the death counts as a crash


class WorkerStartError(Exception):
    """No worker can be started, for now."""


class Template:
    """One running template process. All methods belong to the event loop's thread."""

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket) -> None:
        self._process = process
        self._control = control
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[int] = self._loop.create_future()
        self._forking: deque[asyncio.Future[int]] = deque()
        self._exits: dict[int, int] = {}
        self._exit_waiters: dict[int, asyncio.Future[int]] = {}
        self.is_alive = True
        self._loop.add_reader(control.fileno(), self._on_readable)

    @classmethod
    async def start(cls, command: Sequence[str], memory_bytes: int) -> Template:
        """A template that is ready to fork; `command` gets the control socket and the memory limit appended.

        Raises:
            WorkerStartError: it didn't become ready.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            # Popen and not asyncio's subprocess: that one blocks the loop 6 ms and warns about forking beside
            # gRPC's threads (both measured).
            process = subprocess.Popen(  # noqa: ASYNC220, S603 - half a millisecond; our own command
                [*command, str(theirs.fileno()), str(memory_bytes)],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                env={**_without_ours(os.environ), "OPENBLAS_NUM_THREADS": "1"},
            )
        ours.setblocking(False)
        template = cls(process, ours)
        try:
            async with asyncio.timeout(_START_SECONDS):
                await template._ready
        except TimeoutError:
            template.close()
            raise WorkerStartError("the worker template didn't become ready") from None
        except BaseException:
            template.close()
            raise
        return template

    async def fork(self) -> tuple[int, socket.socket]:
        """A new worker's pid and the socket to it.

        Raises:
            WorkerStartError: the template has died.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        forked: asyncio.Future[int] = self._loop.create_future()
        try:
            with theirs:
                socket.send_fds(self._control, [b"fork"], [theirs.fileno()])
            self._forking.append(forked)
            async with asyncio.timeout(_START_SECONDS):
                pid = await forked
        except (OSError, TimeoutError) as error:
            ours.close()
            self.close()  # one that doesn't answer is no use to anybody; the next request starts another
            raise WorkerStartError(f"the worker template doesn't answer: {error}") from error
        except BaseException:
            ours.close()
            raise
        ours.setblocking(False)
        return pid, ours

    async def exit_status(self, pid: int) -> int | None:
        """The wait status of a worker that has died; None when it isn't known in time."""
        if pid in self._exits:
            return self._exits.pop(pid)
        waiter: asyncio.Future[int] = self._loop.create_future()
        self._exit_waiters[pid] = waiter
        try:
            async with asyncio.timeout(_EXIT_WAIT_SECONDS):
                return await waiter
        except (TimeoutError, WorkerStartError):
            return None
        finally:
            self._exit_waiters.pop(pid, None)

    def forget(self, pid: int) -> None:
        """Drops the exit status of a worker that nobody will ask for."""
        self._exits.pop(pid, None)

    def close(self) -> None:
        """Ends the template; its workers die with it. May be called again."""
        self._lose("the template was closed")
        self._process.kill()
        self._process.wait()

    def _on_readable(self) -> None:
        try:
            data = self._control.recv(65536)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(str(error))
            return
        if not data:
            self._lose("the template has died")
            self._process.wait()
            return
        message = json.loads(data)
        if "ready" in message and not self._ready.done():
            self._ready.set_result(message["ready"])
        elif "forked" in message:
            forked = self._forking.popleft()
            if not forked.done():
                forked.set_result(message["forked"])
        elif "failed" in message:
            forked = self._forking.popleft()
            if not forked.done():
                forked.set_exception(WorkerStartError(f"no new worker: {message['failed']}"))
        elif "exited" in message:
            waiter = self._exit_waiters.get(message["exited"])
            if waiter is not None and not waiter.done():
                waiter.set_result(message["status"])
            else:
                self._exits[message["exited"]] = message["status"]
                while len(self._exits) > 1000:  # statuses of workers that nobody asked for
                    del self._exits[next(iter(self._exits))]

    def _lose(self, reason: str) -> None:
        if not self.is_alive:
            return
        self.is_alive = False
        self._loop.remove_reader(self._control.fileno())
        self._control.close()
        pending = [self._ready, *self._forking, *self._exit_waiters.values()]
        for future in pending:
            if not future.done():
                future.set_exception(WorkerStartError(reason))
                future.exception()  # marks it as seen, should nobody await it any more
        self._forking.clear()


def _without_ours(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without our settings, which name secrets: workers read what strangers send, and need none."""
    return {name: value for name, value in environ.items() if not name.startswith("METAEXTRACT_")}

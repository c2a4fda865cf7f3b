"""The front's side of the template process: starts it, asks it for workers, hears of their ends."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar

import psutil

from extractor_service.modules.base import READER
from extractor_service.workers.sandbox.probes import SandboxReport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_T = TypeVar("_T")
_log = logging.getLogger(__name__)

# The preload took 0.6 s of CPU (measured). On an overloaded node that may be a minute: it is waited for as long as the
# template gets CPU time at all.
_STEP_SECONDS = 5.0
_MOST_IDLE_STEPS = 3
_NEEDED = frozenset(
    [
        "PATH",
        "PYTHONPATH",
        "PYTHONHOME",
        "PYTHONSAFEPATH",
        "LD_LIBRARY_PATH",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "TZ",
        "OPENBLAS_CORETYPE",
    ]
)
_DYING_SECONDS = 1.0  # between the end of its socket and of its process: microseconds
_EXIT_WAIT_SECONDS = 2.0  # the template reaps at once; without a status the death counts as a crash


class WorkerStartError(Exception):
    """No worker can be started, for now."""

    def __init__(self, message: str, *, was_killed: bool = False) -> None:
        """`was_killed`: by somebody else; the next one may well start."""
        super().__init__(message)
        self.was_killed = was_killed


class Template:
    """One running template process. All methods belong to the event loop's thread."""

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket) -> None:
        self._process = process
        self._control = control
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[int] = self._loop.create_future()
        self.told: dict[str, Any] = {}
        """What it said of itself when it was ready: a guest's description."""
        self._forking: deque[asyncio.Future[int]] = deque()
        self._exits: dict[int, int] = {}
        self._exit_waiters: dict[int, asyncio.Future[int]] = {}
        self.is_alive = True
        self._has_told = False
        self._loop.add_reader(control.fileno(), self._on_readable)

    @classmethod
    async def start(
        cls, command: Sequence[str], memory_bytes: int, profile: str, kind: str = READER
    ) -> Template:
        """A template that is ready to fork; `command` gets the control socket, the memory limit, the jail's profile and the
        kind of its workers appended.

        Raises:
            WorkerStartError: it didn't become ready.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            # Popen and not asyncio's subprocess: that one blocks the loop 6 ms and warns about forking beside
            # gRPC's threads (both measured).
            process = subprocess.Popen(  # noqa: ASYNC220, S603 - half a millisecond; our own command
                [*command, str(theirs.fileno()), str(memory_bytes), profile, kind],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                env={**_needed(os.environ), "OPENBLAS_NUM_THREADS": "1"},
            )
        ours.setblocking(False)
        template = cls(process, ours)
        try:
            await template._patiently(template._ready)
        except TimeoutError:
            template.close()
            raise WorkerStartError("the worker template didn't become ready") from None
        except BaseException:
            template.close()
            raise
        return template

    async def probe(self) -> SandboxReport:
        """What the jail of this template's workers is worth: one enters it and tries to break out; raises WorkerStartError."""
        _, connection = await self.fork(b"probe")
        with connection:
            try:
                data = await self._patiently(asyncio.ensure_future(self._loop.sock_recv(connection, 65536)))
                told = json.loads(data)
            except (OSError, ValueError, TimeoutError) as error:
                raise WorkerStartError(f"the sandbox's probe didn't answer: {error}") from error
        return SandboxReport(told["missing"], told["failures"])

    async def fork(self, purpose: bytes = b"fork") -> tuple[int, socket.socket]:
        """A new worker's pid and the socket to it.

        Raises:
            WorkerStartError: the template has died.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        forked: asyncio.Future[int] = self._loop.create_future()
        try:
            with theirs:
                socket.send_fds(self._control, [purpose], [theirs.fileno()])
            self._forking.append(forked)
            pid = await self._patiently(forked)
        except (OSError, TimeoutError) as error:
            ours.close()
            was_killed = not isinstance(error, TimeoutError) and self._was_killed()
            self.close()  # one that doesn't answer is no use to anybody; the next request starts another
            message = f"the worker template doesn't answer: {error}"
            raise WorkerStartError(message, was_killed=was_killed) from error
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

    async def _patiently(self, awaited: asyncio.Future[_T]) -> _T:
        """What `awaited` brings, as long as the template gets on; raises TimeoutError when it doesn't."""
        cpu_before, idle_steps = self._cpu_seconds(), 0
        while True:
            done, _ = await asyncio.wait({awaited}, timeout=_STEP_SECONDS)
            if done:
                return awaited.result()
            cpu_now = self._cpu_seconds()
            idle_steps = 0 if cpu_now > cpu_before else idle_steps + 1
            cpu_before = cpu_now
            if idle_steps == _MOST_IDLE_STEPS:
                awaited.cancel()
                raise TimeoutError(f"no answer and no progress for {_MOST_IDLE_STEPS * _STEP_SECONDS:g} s")
            if not self._has_told:
                self._has_told = True
                _log.warning("this machine gives the worker template little CPU time; waiting for it")

    def _cpu_seconds(self) -> float:
        try:
            times = psutil.Process(self._process.pid).cpu_times()
        except psutil.Error:
            return 0.0
        return times.user + times.system

    def _on_readable(self) -> None:
        try:
            data = self._control.recv(65536)
        except BlockingIOError:
            return
        except OSError as error:  # it died with something of ours unread
            self._lose(str(error), was_killed=self._was_killed())
            return
        if not data:
            self._lose("the template has died", was_killed=self._was_killed())
            return
        message = json.loads(data)
        if "ready" in message and not self._ready.done():
            self.told = message
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

    def _was_killed(self) -> bool:
        """Whether a template that has closed its socket was killed, and not by us. It is no process any more then."""
        try:
            return self._process.wait(_DYING_SECONDS) == -signal.SIGKILL
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return False

    def _lose(self, reason: str, *, was_killed: bool = False) -> None:
        if not self.is_alive:
            return
        self.is_alive = False
        self._loop.remove_reader(self._control.fileno())
        self._control.close()
        pending = [self._ready, *self._forking, *self._exit_waiters.values()]
        for future in pending:
            if not future.done():
                future.set_exception(WorkerStartError(reason, was_killed=was_killed))
                future.exception()  # marks it as seen, should nobody await it any more
        self._forking.clear()


def _needed(environ: Mapping[str, str]) -> dict[str, str]:
    """What of the environment leads Python to its packages. The rest may have secrets, and workers read what strangers send."""
    return {name: value for name, value in environ.items() if name in _NEEDED}

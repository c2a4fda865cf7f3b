"""Who is asking, and where it is logged: request id and deadline of the current call, one log format.

A line per call is an option (`access_log`).
"""

from __future__ import annotations

import json
import logging
import sys
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING

from service_runtime.identity.caller import caller_of
from service_runtime.identity.principal import ANYBODY, DEFAULT_TENANT, Principal

if TYPE_CHECKING:
    from collections.abc import Callable


class CallContext:
    """The call that the current task works for.

    Attributes:
        deadline_at: monotonic time at which the caller stops waiting; None when it never does.
        tenant: whose data it reads and writes.
        principal: who calls.
        peer: the other end of the connection; asked only where it counts.
    """

    __slots__ = ("_caller", "deadline_at", "peer", "principal", "request_id", "tenant")

    def __init__(
        self,
        request_id: str,
        deadline_at: float | None,
        tenant: str = DEFAULT_TENANT,
        principal: Principal = ANYBODY,
        peer: Callable[[], str] = str,
    ) -> None:
        self.request_id = request_id
        self.deadline_at = deadline_at
        self.tenant = tenant
        self.principal = principal
        self.peer = peer
        self._caller: str | None = None

    @property
    def caller(self) -> str:
        """Whose share the call uses."""
        if self._caller is None:
            self._caller = caller_of(self.principal, self.tenant, self.peer())
        return self._caller

    def remaining_seconds(self) -> float | None:
        """Time until the deadline, at least 0; None without one."""
        return None if self.deadline_at is None else max(0.0, self.deadline_at - time.monotonic())


NO_CALL = CallContext(request_id="", deadline_at=None)
current_call: ContextVar[CallContext] = ContextVar("current_call", default=NO_CALL)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, request id, and what `extra=` added."""

    STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
    """What every record has."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        entry: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        request_id = current_call.get().request_id
        if request_id:
            entry["request_id"] = request_id
        entry.update({key: value for key, value in vars(record).items() if key not in self.STANDARD})
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str, ensure_ascii=False)


class ConsoleFormatter(logging.Formatter):
    """The same for people: time, level, message, and what `extra=` added as key=value."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line, and the lines of an exception."""
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        extra = {key: value for key, value in vars(record).items() if key not in JsonFormatter.STANDARD}
        request_id = current_call.get().request_id
        if request_id:
            extra["request_id"] = request_id
        words = " ".join(f"{key}={value}" for key, value in extra.items())
        line = f"{clock} {record.levelname:<7} {record.getMessage()}  {words}".rstrip()
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure_logging(level: str, style: str = "json") -> None:
    """Sends records of `level` and above to standard error, as JSON lines, or for people (`console`)."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(ConsoleFormatter() if style == "console" else JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())

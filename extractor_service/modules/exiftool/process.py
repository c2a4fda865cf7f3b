"""One ExifTool that stays: asked over pipes, given files as copies in memory, ended when it is late, worn, or with its worker.

`exiftool -stay_open` (exiftool.org/exiftool_pod.html). It is started inside its worker's jail: it can open what Perl needs, and the one
file that it inherits.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from extractor_service.sources.base import ByteSource

MOST_BYTES = 64 * 1024 * 1024
"""Of a file that is copied for it; as much as its jail lets it write."""
_ANSWER_SECONDS = 5.0  # it takes a quarter of one to start, and milliseconds a file
_MOST_ANSWER_BYTES = 8 * 1024 * 1024  # three times what a document holds
_MOST_FILES = 500  # then another one: what leaks goes with it
_STEP_BYTES = 1024 * 1024  # copied at once
_PR_SET_PDEATHSIG = 1
_ARGUMENTS = (
    "-j", "-G1", "-struct", "-charset", "UTF8", "-api", "LargeFileSupport=1", "--System:all", "--ExifTool:all", "--File:FileName",
    "-m",
)  # fmt: skip


class ExifToolError(Exception):
    """It gave no answer."""


class LateError(ExifToolError):
    """It took too long, and was ended."""


def program() -> str:
    """Where the script is; "" where Perl or it isn't installed."""
    script = shutil.which("exiftool")
    return script if script and shutil.which("perl") else ""


class ExifTool:
    """A running ExifTool."""

    def __init__(self, script: str) -> None:
        self._script = script
        self._file = -1
        self._process: subprocess.Popen[bytes] | None = None
        self._count = 0

    def ask(self, source: ByteSource) -> dict[str, Any]:
        """What it says of the file, by group and name.

        Raises:
            LateError: it was too late.
            ExifToolError: it died, said too much, or what can't be an answer.
        """
        if self._process is None or self._process.poll() is not None or self._count >= _MOST_FILES:
            self.close()
            self._start()
        self._copy(source)
        self._count += 1
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise ExifToolError("it isn't there")
        # A number that no file can know ends the answer: what a file says can't be taken for its end, nor for the next answer's begin.
        number = secrets.randbits(62)
        path = f"/proc/self/fd/{self._file}"
        arguments = "\n".join((*_ARGUMENTS, path, f"-execute{number}", ""))
        try:
            if select.select([process.stdout], [], [], 0)[0]:
                raise ExifToolError("it said something that nobody had asked")
            process.stdin.write(arguments.encode())
            process.stdin.flush()
            answer = self._answer(process.stdout.fileno(), b"{ready%d}\n" % number)
            return _told(answer, path)
        except ExifToolError:
            self.close()
            raise
        except OSError as error:
            self.close()
            raise ExifToolError(str(error)) from error

    def close(self) -> None:
        """Ends it."""
        if self._process is not None:
            with contextlib.suppress(OSError):
                self._process.kill()
            with contextlib.suppress(OSError):
                self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
            self._process = None
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._count = 0

    def _start(self) -> None:
        perl = shutil.which("perl", path=os.defpath + os.pathsep + "/usr/local/bin")
        if perl is None:
            raise ExifToolError("Perl isn't there")
        self._file = os.memfd_create("file")
        os.set_inheritable(self._file, True)
        # No user's own configuration; commands come by standard input.
        command = [perl, self._script, "-config", "", "-stay_open", "True", "-@", "-"]
        self._process = subprocess.Popen(  # noqa: S603 - Perl with the script that the operator installed
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None,  # the worker's own, which leads nowhere
            pass_fds=(self._file,),
            env={"LC_ALL": "C"},
            preexec_fn=_end_with_worker,  # noqa: PLW1509 - the worker has one thread here
        )

    def _copy(self, source: ByteSource) -> None:
        os.ftruncate(self._file, 0)
        os.lseek(self._file, 0, os.SEEK_SET)
        for offset in range(0, source.size_bytes, _STEP_BYTES):
            os.write(self._file, source.read_range(offset, _STEP_BYTES))

    def _answer(self, pipe: int, ready: bytes) -> bytes:
        ends_at = time.monotonic() + _ANSWER_SECONDS
        answer = bytearray()
        while True:
            left = ends_at - time.monotonic()
            if left <= 0 or not select.select([pipe], [], [], left)[0]:
                raise LateError(f"no answer within {_ANSWER_SECONDS:g} s")
            data = os.read(pipe, 65536)
            if not data:
                raise ExifToolError("it died")
            answer += data
            if len(answer) > _MOST_ANSWER_BYTES:
                raise ExifToolError(f"an answer of more than {_MOST_ANSWER_BYTES} bytes")
            if answer.endswith(ready):
                return bytes(answer[: -len(ready)])


def _told(answer: bytes, path: str) -> dict[str, Any]:
    """What it says of the file that was asked about; raises ExifToolError for anything else."""
    try:
        told = json.loads(answer or b"[]")
    except (ValueError, RecursionError) as error:
        raise ExifToolError(f"its answer isn't JSON: {error}") from error
    if not told:
        return {}
    if not isinstance(told, list) or not isinstance(told[0], dict) or told[0].get("SourceFile") != path:
        raise ExifToolError("its answer is about something else")
    found: dict[str, Any] = told[0]
    return found


def _end_with_worker() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

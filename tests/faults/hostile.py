"""A format that exists in tests only: its files tell the parser how to misbehave."""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import signal
import time

from extractor_service.document import Field
from extractor_service.formats.base import CorruptFileError, Format, Magic
from extractor_service.formats.registry import FORMATS

WORK_ROUNDS = 600  # of 64 KiB hashed: about 40 ms
_WORK_BLOCK = bytes(64 * 1024)
BURN_SECONDS = 6.0  # what a PDF of 657 bytes once took
HOSTILE = Format(
    "hostile", "application/x-hostile", ("hostile",), (Magic(b"HOSTILE!"),), "tests.faults.hostile:parse", "1"
)
ALL_FORMATS = (*FORMATS, HOSTILE)


def make(action: str) -> bytes:
    """A file that makes its parser do `action`; a nonce keeps it out of the cache."""
    return b"HOSTILE!" + action.encode().ljust(32) + os.urandom(8)


def parse(source, document) -> None:
    action = source.read_range(8, 32).decode().strip()
    document.add("hostile", Field("Action", action))
    if action == "hang":
        while True:
            time.sleep(0.01)
    elif action == "hang-deaf":  # a C library in a loop: no Python signal handler ever runs
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        while True:
            time.sleep(0.01)
    elif action == "hang-frozen":  # one that holds the interpreter: nothing of Python runs any more
        re.match(r"(a+)+$", "a" * 64 + "b")
    elif action == "burn":  # as a few hundred bytes can make a decoder do
        ends_at = time.process_time() + BURN_SECONDS
        while time.process_time() < ends_at:
            pass
    elif action == "work":  # so much of it, however long it takes
        for _ in range(WORK_ROUNDS):
            hashlib.blake2b(_WORK_BLOCK).digest()
    elif action == "slow":
        for number in range(8):
            time.sleep(0.4)
            document.add("hostile", Field("Step", number))
    elif action == "allocate":
        document.add("hostile", Field("Bytes", len(bytearray(4 * 2**30))))
    elif action == "segfault":
        ctypes.string_at(0)
    elif action == "exit":
        os._exit(3)
    elif action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "swallow-time":  # as C++ libraries do with whatever a callback raises
        try:
            while True:
                time.sleep(0.01)
        except BaseException as error:
            raise CorruptFileError("damaged, it seems") from error
    elif action == "swallow-memory":
        try:
            bytearray(4 * 2**30)
        except MemoryError as error:
            raise CorruptFileError("damaged, it seems") from error
    elif action == "raise":
        raise RuntimeError("a defect")
    elif action == "nonsense":
        for descriptor in range(3, 64):
            try:
                os.write(descriptor, b"\xff" * 64)
            except OSError:
                continue
        time.sleep(1)

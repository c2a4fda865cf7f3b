"""`metaextract up`: both services in one terminal, on embedded defaults; `metaextract down` stops them.

They run as processes of their own, as in production; nothing of them is imported here.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from metaextract_client import channel
from metaextract_client.cli import exit_codes, health
from metaextract_client.errors import MetaExtractError

if TYPE_CHECKING:
    import argparse

_START_SECONDS = 30.0  # a slow machine imports and opens the disk tier in that; then it has failed
_STOP_SECONDS = 20.0  # twice the default grace of 10 s; then `up` kills, and `down` waits no longer
_DIRECTORY_VARIABLE = "METAEXTRACT_CACHE_DIRECTORY"
_DRAIN_VARIABLE = "METAEXTRACT_DRAIN_SECONDS"
_ROOTS_VARIABLE = "METAEXTRACT_FILE_ROOTS"


def run(options: argparse.Namespace) -> int:
    """Serves until SIGINT or SIGTERM, or until one of the two ends by itself."""
    environ = dict(os.environ)
    state_directory().mkdir(parents=True, exist_ok=True)
    environ.setdefault(_DIRECTORY_VARIABLE, str(state_directory() / f"cache{_suffix()}"))
    environ.setdefault(_DRAIN_VARIABLE, "0")  # there is no other replica to move on to
    if options.root:
        environ[_ROOTS_VARIABLE] = ",".join(str(Path(root).resolve()) for root in options.root)
    addresses = {
        "cache_service": environ.get(channel.CACHE_VARIABLE) or channel.DEFAULT_CACHE_ADDRESS,
        "extractor_service": environ.get(channel.EXTRACTOR_VARIABLE) or channel.DEFAULT_EXTRACTOR_ADDRESS,
    }
    signal.signal(signal.SIGTERM, _interrupt)
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        pid_file = _own_pid_file()
    except BlockingIOError:
        print(
            "metaextract: a pair is running already on these addresses; `metaextract down` stops it",
            file=sys.stderr,
        )
        return exit_codes.FAILED
    except OSError as error:
        print(f"metaextract: can't write {_pid_file()}: {error.strerror}", file=sys.stderr)
        return exit_codes.FAILED
    try:
        for module in addresses:
            # A session of its own: Ctrl-C reaches us alone, and we stop them in order.
            processes[module] = subprocess.Popen(  # noqa: S603 - our own modules
                [sys.executable, "-m", module], env=environ, start_new_session=True
            )
        for module, address in addresses.items():
            _wait_until_ready(module, address, processes[module])
            print(f"{module} is ready on {address}", flush=True)
        return _wait_for_end(processes)
    except KeyboardInterrupt:
        return exit_codes.OK
    except _StartError as error:
        print(f"metaextract: {error}", file=sys.stderr)
        return exit_codes.FAILED
    finally:
        _stop_all(list(reversed(processes.values())))
        _pid_file().unlink(missing_ok=True)
        pid_file.close()


def stop() -> int:
    """Stops the pair that another terminal's `up` runs; 2 when there is none."""
    if not _is_running():  # only a running `up` holds the lock: a file that was left behind names a stranger
        print("metaextract: nothing is running", file=sys.stderr)
        return exit_codes.NOTHING
    with contextlib.suppress(OSError, ValueError):  # it has just ended, or not yet written its number
        os.kill(int(_pid_file().read_text(encoding="ascii")), signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while _is_running() and time.monotonic() < deadline:
        time.sleep(0.05)
    return exit_codes.OK


def state_directory() -> Path:
    """Where `up` keeps the disk tier and its process id."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "metaextract"


class _StartError(Exception):
    pass


def _wait_until_ready(module: str, address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise _StartError(f"{module} ended with code {process.returncode}")
        with contextlib.suppress(MetaExtractError):
            if health.check(address, _SERVICES[module]):
                time.sleep(0.05)  # another process may answer there, while ours is about to fail
                if process.poll() is None:
                    return
        time.sleep(0.05)
    raise _StartError(f"{module} didn't become ready on {address}")


_SERVICES = {
    "cache_service": "metaextract.cache.v1.ResultService",
    "extractor_service": "metaextract.extractor.v1.ExtractorService",
}


def _wait_for_end(processes: dict[str, subprocess.Popen[bytes]]) -> int:
    while True:
        for module, process in processes.items():
            if process.poll() is not None:
                print(f"metaextract: {module} ended with code {process.returncode}", file=sys.stderr)
                return exit_codes.FAILED
        time.sleep(0.2)


def _stop_all(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _pid_file() -> Path:
    return state_directory() / f"up{_suffix()}.pid"


def _suffix() -> str:
    """Tells pairs on different addresses apart; "" for the usual ones."""
    addresses = (
        os.environ.get(channel.CACHE_VARIABLE) or channel.DEFAULT_CACHE_ADDRESS,
        os.environ.get(channel.EXTRACTOR_VARIABLE) or channel.DEFAULT_EXTRACTOR_ADDRESS,
    )
    if addresses == (channel.DEFAULT_CACHE_ADDRESS, channel.DEFAULT_EXTRACTOR_ADDRESS):
        return ""
    return "-" + re.sub(r"[^A-Za-z0-9.]+", "_", "-".join(addresses))


def _own_pid_file() -> TextIO:
    """The locked file with our process id; OSError when another `up` holds it."""
    _pid_file().parent.mkdir(parents=True, exist_ok=True)
    file = _pid_file().open("a", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def _is_running() -> bool:
    try:
        with _pid_file().open(encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def _interrupt(number: int, frame: object) -> None:
    del number, frame
    raise KeyboardInterrupt

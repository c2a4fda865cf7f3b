"""Real service processes on free ports, and what they cost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Protocol

import psutil

CACHE = "cache_service"
EXTRACTOR = "extractor_service"
START_SECONDS = 90.0  # at a tenth of a CPU it takes half of that


class Inside(Protocol):
    """Where a process runs: a cgroup, or on certain CPUs."""

    def command(self, *words: str) -> list[str]:
        """`words` as a command that runs there, with all its children."""
        ...


class OnCpu:
    """On one CPU, so that the load generator can have another."""

    def __init__(self, cpu: int) -> None:
        self._cpu = cpu

    def command(self, *words: str) -> list[str]:
        return ["taskset", "-c", str(self._cpu), *words]


DEFAULTS: dict[str, str] = {
    "METAEXTRACT_DRAIN_SECONDS": "0",  # tests keep connections open
    "METAEXTRACT_CACHE_OPERATIONS_ADDRESS": "none",  # many run at once
    "METAEXTRACT_EXTRACTOR_OPERATIONS_ADDRESS": "none",
}
"""Settings of every service that is started from here, unless it gets others."""
PATIENT = {"METAEXTRACT_CACHE_TIMEOUT_SECONDS": "10"}
"""For tests of what the cache has: on a machine that is full its answer may take longer than the 0.5 s after which it counts as a miss."""


class ServiceProcess:
    """`python -m MODULE` as a child process; knows its port from its log line "ready"."""

    def __init__(self, module: str, inside: Inside | None = None, **environ: str) -> None:
        self.log: list[str] = []
        self.process = subprocess.Popen(
            self._command(module) if inside is None else inside.command(*self._command(module)),
            env={**clean_environ(), **DEFAULTS, **environ},
            stderr=subprocess.PIPE,
            text=True,
        )
        self._ready = threading.Event()
        self.port = 0
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        if not self._ready.wait(START_SECONDS) or self.port == 0:
            self.kill()
            raise RuntimeError(f"{module} didn't start:\n" + "\n".join(self.log[-20:]))

    def _command(self, module: str) -> list[str]:
        return [sys.executable, "-m", module]

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self, timeout: float = 20.0) -> int:
        """Ends it by SIGTERM; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout)
        self._close()
        return code

    def kill(self) -> None:
        """Ends it by SIGKILL."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._close()

    def __enter__(self) -> ServiceProcess:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self.kill()

    def _close(self) -> None:
        self._reader.join(5)
        if self.process.stderr is not None:
            self.process.stderr.close()

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line.rstrip())
            if '"message": "ready"' in line and self.port == 0:
                self.port = json.loads(line)["port"]
                self._ready.set()
        self._ready.set()


def start_cache(
    directory: Path | None = None, port: int = 0, inside: Inside | None = None, **environ: str
) -> ServiceProcess:
    """A cache process; with a disk tier when given a folder."""
    return ServiceProcess(
        CACHE,
        inside,
        METAEXTRACT_CACHE_ADDRESS=f"127.0.0.1:{port}",
        METAEXTRACT_CACHE_DIRECTORY=str(directory or ""),
        **environ,
    )


def start_extractor(
    cache_address: str,
    module: str = EXTRACTOR,
    inside: Inside | None = None,
    port: int = 0,
    **environ: str,
) -> ServiceProcess:
    """An extractor process."""
    return ServiceProcess(
        module,
        inside,
        METAEXTRACT_EXTRACTOR_ADDRESS=f"127.0.0.1:{port}",
        METAEXTRACT_CACHE_ADDRESS=cache_address,
        **environ,
    )


def clean_environ() -> dict[str, str]:
    """This environment without settings of ours."""
    return {key: value for key, value in os.environ.items() if not key.startswith("METAEXTRACT_")}


def family(pid: int) -> list[psutil.Process]:
    """A process and all its descendants."""
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def pss_bytes(pid: int) -> int:
    """Proportional set size of a process and all its descendants; pages they share count once."""
    total = 0
    for process in family(pid):
        try:
            total += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total


def rss_by_part(pid: int) -> list[tuple[str, int]]:
    """Part and RSS of a service's processes: an extractor has a front, a template and workers."""
    front, *rest = family(pid)
    if not rest:
        return [("cache", front.memory_info().rss)]
    parts = [("front", front.memory_info().rss)]
    parts += [("template" if each.ppid() == pid else "worker", each.memory_info().rss) for each in rest]
    return parts


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and its descendants, those that have ended and were waited for included."""
    total = 0.0
    for process in family(pid):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


class PeakMemory:
    """Samples the PSS of process groups in a thread while a block runs; smaps of small processes cost 0.3 ms."""

    def __init__(self, *pids: int, interval_seconds: float = 0.05) -> None:
        self._pids = pids
        self._interval = interval_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.idle_bytes = [pss_bytes(pid) for pid in pids]
        self.peak_bytes = list(self.idle_bytes)
        self.peak_rss_bytes: dict[str, int] = {}
        """The largest RSS of any process, by its part: front, template, worker; cache for a childless one."""

    def over_idle_mib(self) -> list[float]:
        """Peak above the idle value for each process group, in MiB."""
        return [(peak - idle) / 2**20 for peak, idle in zip(self.peak_bytes, self.idle_bytes, strict=True)]

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._sample()

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            self._sample()

    def _sample(self) -> None:
        for index, pid in enumerate(self._pids):
            try:
                self.peak_bytes[index] = max(self.peak_bytes[index], pss_bytes(pid))
                for part, rss in rss_by_part(pid):
                    self.peak_rss_bytes[part] = max(self.peak_rss_bytes.get(part, 0), rss)
            except psutil.NoSuchProcess:
                continue


def wait_until(condition, timeout: float = 10.0, interval: float = 0.01) -> float:
    """Seconds until `condition()` was true; AssertionError when it never was."""
    started = time.monotonic()
    while time.monotonic() - started < timeout:
        if condition():
            return time.monotonic() - started
        time.sleep(interval)
    raise AssertionError(f"not true within {timeout} s")

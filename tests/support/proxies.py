"""Stock proxies in front of two extractors, with the configurations of `docker/proxies`; only ports and files are ours."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

_FOLDER = Path(__file__).parents[2] / "docker" / "proxies"
_FILES = {"nginx": "nginx.conf", "haproxy": "haproxy.cfg", "envoy": "envoy.yaml"}
_START_SECONDS = 20.0


def program(kind: str) -> str | None:
    """The path of `nginx`, `haproxy` or `envoy`, from the path, Debian's folders, or beside this Python; None: not installed."""
    folders = [
        *os.environ["PATH"].split(os.pathsep),
        "/usr/sbin",
        str(Path(sys.executable).parent),
        "build/oracles/ops/bin",
    ]
    return shutil.which(kind, path=os.pathsep.join(folders))


def free_port() -> int:
    """A port that nobody listens on now, below those that the kernel gives to clients: one of these could be taken meanwhile."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Proxy:
    """A proxy of `kind` before the extractors at `ports`."""

    def __init__(
        self,
        kind: str,
        ports: tuple[int, int],
        overload_file: Path | None = None,
        edit: Callable[[str], str] = str,
    ) -> None:
        found = program(kind)
        if found is None:
            raise RuntimeError(f"{kind} isn't installed")
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{kind}-"))
        self.overload_file = overload_file or self._folder / "overload"
        if not self.overload_file.exists():
            self.overload_file.write_text("0.0")
        text = (_FOLDER / _FILES[kind]).read_text()
        for known, ours in (
            ("127.0.0.1:50050", f"127.0.0.1:{self.port}"), ("127.0.0.1:50051", f"127.0.0.1:{ports[0]}"),
            ("127.0.0.1:50053", f"127.0.0.1:{ports[1]}"), ("port_value: 50050", f"port_value: {self.port}"),
            ("port_value: 50051", f"port_value: {ports[0]}"), ("port_value: 50053", f"port_value: {ports[1]}"),
            ("/run/metaextract/overload", str(self.overload_file)), ("worker_processes auto", "worker_processes 1"),
        ):  # fmt: skip
            text = text.replace(known, ours)
        text = edit(text)
        path = self._folder / _FILES[kind]
        path.write_text(text)
        command = {
            "nginx": [found, "-c", str(path), "-p", str(self._folder), "-g", "daemon off;"],
            "haproxy": [found, "-db", "-f", str(path)],
            "envoy": [found, "-c", str(path), "--concurrency", "1", "--disable-hot-restart", "-l", "warn"],
        }[kind]
        self.log = (self._folder / "log").open("w+")
        self.process = subprocess.Popen(command, stderr=self.log, stdout=self.log)
        ends_at = time.monotonic() + _START_SECONDS
        while time.monotonic() < ends_at and self.process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"{kind} didn't start: {self.said()}")

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def said(self) -> str:
        """The end of what it logged."""
        self.log.flush()
        return (self._folder / "log").read_text()[-3000:]

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(3)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.log.close()
        shutil.rmtree(self._folder, ignore_errors=True)

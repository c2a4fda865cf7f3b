"""Real Redis (or Valkey) servers on free ports: one, or a cluster; with what can happen to them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import redis

SERVER = shutil.which("redis-server") or shutil.which("valkey-server") or ""
CLI = shutil.which("redis-cli") or shutil.which("valkey-cli") or ""


def free_port(span: int = 1) -> int:
    """A port that is free; with the one 10,000 above it, where a cluster node gossips."""
    for _ in range(100):
        with socket.socket() as first:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
        if span == 1:
            return port
        port = 10_000 + port % 20_000
        with contextlib.suppress(OSError), socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", port))
            other.bind(("127.0.0.1", port + 10_000))
            return port
    raise RuntimeError("no free port")


class RedisServer:
    """One server; it can be killed, stopped (SIGSTOP), and started again on the same port."""

    def __init__(self, port: int = 0, *arguments: str) -> None:
        self.port = port or free_port()
        self._arguments = arguments
        self._folder = tempfile.TemporaryDirectory()
        self.process: subprocess.Popen | None = None
        try:
            self.start()
        except BaseException:
            self.kill()
            self._folder.cleanup()
            raise

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, socket_timeout=5)

    def start(self) -> None:
        self.process = subprocess.Popen(
            [SERVER, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
             "--dir", self._folder.name, *self._arguments],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 10
        while True:
            try:
                with self.client() as client:
                    client.ping()
            except redis.exceptions.RedisError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return

    def pause(self) -> None:
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)

    def kill(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
                self.process.send_signal(signal.SIGCONT)
            self.process.wait()
            self.process = None

    def __enter__(self) -> RedisServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._folder.cleanup()


@contextlib.contextmanager
def cluster(masters: int = 3, replicas: int = 1):
    """The servers of a cluster, masters first, and its URL."""
    assert Path(CLI).exists()
    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(
                RedisServer(
                    free_port(2),
                    "--cluster-enabled",
                    "yes",
                    "--cluster-node-timeout",
                    "1000",
                    "--cluster-config-file",
                    "nodes.conf",
                )
            )
            for _ in range(masters * (1 + replicas))
        ]
        nodes = [f"127.0.0.1:{server.port}" for server in servers]
        subprocess.run(
            [CLI, "--cluster", "create", *nodes, "--cluster-replicas", str(replicas), "--cluster-yes"],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        deadline = time.monotonic() + 30
        while not all(_is_ready(server, len(nodes)) for server in servers):
            assert time.monotonic() < deadline, "the cluster didn't form"
            time.sleep(0.1)
        yield servers, "redis+cluster://" + ",".join(nodes)


def _is_ready(server: RedisServer, count: int) -> bool:
    with server.client() as client:
        info = client.execute_command("CLUSTER INFO")
        info = (
            info
            if isinstance(info, dict)
            else dict(line.split(":", 1) for line in info.decode().split("\r\n") if ":" in line)
        )
        return info["cluster_state"] == "ok" and int(info["cluster_known_nodes"]) == count


class Proxy:
    """Forwards connections to a port, until it is cut: then nothing comes through, and nobody is told (a partition)."""

    def __init__(self, target_port: int) -> None:
        import threading

        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open = threading.Event()
        self._open.set()
        self._closed = False
        self._thread_class = threading.Thread
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._open.clear()

    def mend(self) -> None:
        self._open.set()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self._open.set()
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target_port))
            except OSError:
                continue
            for source, target in ((near, far), (far, near)):
                self._thread_class(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                self._open.wait()
                target.sendall(data)
        except OSError:
            pass
        finally:
            for each in (source, target):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()

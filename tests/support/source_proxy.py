"""A TCP proxy that connects from another address of this machine, so that a server sees another caller.

`python -m tests.support.source_proxy TARGET SOURCE…`: prints the port of each; `SourceProxy` runs it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys

from tests.support.evidence import ROOT


class SourceProxy:
    """Addresses that lead to `target`, from one source each (127.0.0.2 and so on)."""

    def __init__(self, target: str, sources: list[str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.source_proxy", target, *sources],
            stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        assert self._process.stdout is not None
        self.addresses = [f"127.0.0.1:{port}" for port in json.loads(self._process.stdout.readline())]

    def __enter__(self) -> SourceProxy:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


async def _serve(target: str, sources: list[str]) -> None:
    host, _, port = target.rpartition(":")

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(256 * 1024):
                writer.write(data)
                await writer.drain()
        writer.close()

    def accepting(source: str):
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                far = await asyncio.open_connection(host, int(port), local_addr=(source, 0))
            except OSError:
                writer.close()
                return
            await asyncio.gather(pump(reader, far[1]), pump(far[0], writer))

        return accept

    servers = [await asyncio.start_server(accepting(source), "127.0.0.1", 0) for source in sources]
    print(json.dumps([server.sockets[0].getsockname()[1] for server in servers]), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], sys.argv[2:]))

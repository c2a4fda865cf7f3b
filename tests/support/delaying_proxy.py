"""A TCP proxy that delivers everything later: a link with a round trip of so many milliseconds, in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import threading


class DelayingProxy:
    """Listens on `port` and forwards to `target`; each direction is half the round trip late, and as fast as ever."""

    def __init__(self, target: str, round_trip_seconds: float) -> None:
        self._host, _, port = target.rpartition(":")
        self._target_port = int(port)
        self._delay = round_trip_seconds / 2
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.port = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> DelayingProxy:
        self._thread.start()
        self._ready.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop)
        self._thread.join(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()

    def _stop(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.call_later(0.1, self._loop.stop)

    async def _accept(self, reader, writer) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._host, self._target_port)
        await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))

    async def _pump(self, reader, writer) -> None:
        queue: asyncio.Queue = asyncio.Queue()
        sending = asyncio.create_task(self._deliver(queue, writer))
        with contextlib.suppress(OSError):
            while data := await reader.read(256 * 1024):
                queue.put_nowait((self._loop.time() + self._delay, data))
        queue.put_nowait((self._loop.time() + self._delay, None))
        await sending

    async def _deliver(self, queue: asyncio.Queue, writer) -> None:
        with contextlib.suppress(OSError):
            while True:
                due, data = await queue.get()
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                if data is None:
                    writer.close()
                    return
                writer.write(data)

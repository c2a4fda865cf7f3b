"""What metrics, traces and an access log cost: CPU of the extractor per cached photo, each setting against none, in turns."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from grpc import aio

from metaextract.extractor.v1 import extractor_pb2, extractor_pb2_grpc
from tests.samples import PHOTOS
from tests.support.evidence import Evidence
from tests.support.processes import ServiceProcess, start_cache, start_extractor
from tests.support.prometheus import operations_url

_ROUNDS = 9
_CALLS = 2000
_AT_ONCE = 8
_SCRAPE_SECONDS = 1.0  # fifteen times as often as the configuration of docker/monitoring

_NONE = "off"
_CASES = {
    "metrics, scraped each second": ({"METAEXTRACT_EXTRACTOR_OPERATIONS_ADDRESS": "127.0.0.1:0"}, "<= 1.02"),
    "traces of 1 %": ({"METAEXTRACT_TRACE_RATIO": "0.01"}, "<= 1.05"),
    "traces of all": ({"METAEXTRACT_TRACE_RATIO": "1"}, ""),
    "access log of all": ({"METAEXTRACT_ACCESS_LOG_RATIO": "1"}, "<= 1.03"),
    "nothing, once more": ({}, ""),
}


class _Taker(BaseHTTPRequestHandler):
    """Takes traces, and forgets them."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


class _Collector:
    def __enter__(self) -> str:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Taker)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _cpu_seconds(pid: int) -> float:
    """Of all threads that are there, to the nanosecond."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


async def _round(address: str, request: extractor_pb2.ExtractRequest) -> None:
    async with aio.insecure_channel(address) as channel:
        stub = extractor_pb2_grpc.ExtractorServiceStub(channel)

        async def some() -> None:
            for _ in range(_CALLS // _AT_ONCE):
                await stub.Extract(request)

        await asyncio.gather(*(some() for _ in range(_AT_ONCE)))


def _measured(process: ServiceProcess, request: extractor_pb2.ExtractRequest) -> float:
    before = _cpu_seconds(process.pid)
    asyncio.run(_round(process.address, request))
    return (_cpu_seconds(process.pid) - before) / _CALLS


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    request = extractor_pb2.ExtractRequest(inline={"data": PHOTOS[0].read_bytes(), "name": "a.jpg"})
    with contextlib.ExitStack() as stack:
        endpoint = stack.enter_context(_Collector())
        cache = stack.enter_context(start_cache())
        processes = {}
        for case, (settings, _) in {_NONE: ({}, ""), **_CASES}.items():
            if any("TRACE" in setting for setting in settings):
                settings = {**settings, "METAEXTRACT_TRACE_ENDPOINT": endpoint}
            processes[case] = stack.enter_context(start_extractor(cache.address, **settings))
        stopped = threading.Event()
        scraped = operations_url(processes["metrics, scraped each second"].log)

        def scrape() -> None:
            while not stopped.wait(_SCRAPE_SECONDS):
                urllib.request.urlopen(f"http://{scraped}/metrics").read()

        scraper = threading.Thread(target=scrape)
        scraper.start()
        for process in processes.values():
            _measured(process, request)  # warm
        taken: dict[str, list[float]] = {case: [] for case in processes}
        for _ in range(int(os.environ.get("ROUNDS") or _ROUNDS)):
            for case, process in processes.items():
                taken[case].append(1e6 * _measured(process, request))
                time.sleep(0.05)
        stopped.set()
        scraper.join()
    for case, (_, goal) in _CASES.items():
        evidence.paired(case, "CPU a cached photo", "us", taken[case], taken[_NONE], "off", goal)
    return evidence

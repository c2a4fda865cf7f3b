"""Twelve faults, one after another, under a load whose every answer is known: what comes wrong, what is lost, how soon it is over.

Two extractors on one Redis-backed cache, reached through a proxy that can be slow; loss and cuts by nftables, the clock by libfaketime, a
name server of the test's own. Callers use our client, which makes calls again. Beside them somebody puts results into the cache, and in
the end wants to see each one again that was acknowledged as on disk.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from metaextract.cache.v1 import result_pb2
from metaextract_client import CacheClient, ExtractorClient
from metaextract_client.errors import MetaExtractError
from tests.faults.redis_chaos import key, value
from tests.samples import PHOTOS
from tests.support.delaying_proxy import DelayingProxy
from tests.support.evidence import Evidence
from tests.support.name_server import NameServer
from tests.support.processes import ServiceProcess, start_cache, start_extractor
from tests.support.proxies import free_port
from tests.support.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SECONDS = float(os.environ.get("SECONDS") or 20)
_BEFORE_SECONDS, _FAULT_RATIO = 3.0, 0.5
_CALLERS, _PER_SECOND = 4, 40
_RECOVERY_SECONDS = 5.0
_MOST_PUT = 3000  # of some 2 KB
_DISK_BYTES = 48 * 2**20
_FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
_TABLE = "metaextract_fault"


class _Call(NamedTuple):
    at: float
    seconds: float
    code: str
    is_right: bool


class Load:
    """Extractions of known photographs at both extractors, and results put into the cache."""

    def __init__(self, addresses: list[str], cache_address: str, per_second: float = _PER_SECOND) -> None:
        self._per_second = per_second
        self.calls: list[_Call] = []
        self.acknowledged: set[int] = set()
        self._addresses, self._cache_address = addresses, cache_address
        self._photos = [path.read_bytes() for path in PHOTOS]
        self._known: dict[int, bytes] = {}
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._extract, args=(each,)) for each in range(_CALLERS)]
        self._threads.append(threading.Thread(target=self._put))

    def learn(self) -> None:
        """What right answers are: before anything is broken."""
        with ExtractorClient(self._addresses[0]) as client:
            for number, photo in enumerate(self._photos):
                self._known[number] = _facts(client.extract_bytes(photo, "a.jpg"))

    def _extract(self, caller: int) -> None:
        clients = [ExtractorClient(address) for address in self._addresses]
        number, due = caller, time.monotonic()
        while not self._stop.is_set():
            due = max(due + _CALLERS / self._per_second, time.monotonic() - 1)
            time.sleep(max(0.0, due - time.monotonic()))
            number += 1
            begin, code, is_right = time.monotonic(), "OK", True
            which = number % len(self._photos)
            photo = self._photos[which]
            if number % 4 == 0:  # nobody has seen it: it is read, and stored
                photo += os.urandom(8)
            try:
                answer = clients[number % 2].extract_bytes(photo, "a.jpg", timeout=8)
                is_right = number % 4 == 0 or _facts(answer) == self._known[which]
                is_right = is_right and bool(answer.document.common.device_model)
            except MetaExtractError as error:
                code = error.code.name
            self.calls.append(_Call(begin, time.monotonic() - begin, code, is_right))
        for client in clients:
            client.close()

    def _put(self) -> None:
        with CacheClient(self._cache_address) as client:
            number = 0
            while not self._stop.wait(0.02):
                number = (
                    number % _MOST_PUT + 1
                )  # fewer than the disk tier holds: none is evicted for want of room
                entry = result_pb2.ResultEntry(key=key(number), value=value(number), cost_seconds=1.0)
                with contextlib.suppress(MetaExtractError):
                    outcome = client.put_result(entry, timeout=2)
                    if outcome.status == result_pb2.PUT_STATUS_DISK:
                        self.acknowledged.add(number)

    def lost(self) -> tuple[int, int]:
        """Acknowledged results that aren't there any more, and those that are wrong."""
        gone = wrong = 0
        with CacheClient(self._cache_address) as client:
            for number in self.acknowledged:
                found = client.get_result(key(number), timeout=10)
                gone += not found.found
                wrong += found.found and found.value != value(number)
        return gone, wrong

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def _facts(answer) -> bytes:
    return answer.document.common.SerializeToString(deterministic=True)


class World:
    """The processes."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self._folder = folder
        self.redis = stack.enter_context(RedisServer())
        self.names = stack.enter_context(NameServer({"cache.test": "127.0.0.1"}))
        self._clock = folder / "clock"
        self._clock.write_text("+0\n")
        self.cache_port, self._ports = free_port(), [free_port(), free_port()]
        self.cache = self._start_cache()
        self.proxy = stack.enter_context(DelayingProxy(f"127.0.0.1:{self.cache_port}", 0.0))
        self.extractors = [self._start_extractor(number) for number in range(2)]
        stack.callback(self._end)

    @property
    def addresses(self) -> list[str]:
        return [each.address for each in self.extractors]

    def _start_cache(self) -> ServiceProcess:
        fake = {
            "LD_PRELOAD": _FAKETIME, "FAKETIME_TIMESTAMP_FILE": str(self._clock), "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_NO_CACHE": "0",
        } if Path(_FAKETIME).exists() else {}  # fmt: skip
        return start_cache(
            self._folder / "disk" / "cache", self.cache_port, METAEXTRACT_CACHE_REDIS_URL=self.redis.url,
            METAEXTRACT_CACHE_DISK_BYTES=str(32 * 2**20), METAEXTRACT_CACHE_MEMORY_BYTES=str(16 * 2**20), METAEXTRACT_CACHE_CHUNK_BYTES=str(8 * 2**20), **fake,
        )  # fmt: skip

    def _start_extractor(self, number: int) -> ServiceProcess:
        target = f"dns://127.0.0.1:{self.names.port}/cache.test:{self.proxy.port}"
        return start_extractor(
            target, port=self._ports[number], METAEXTRACT_MAX_CONNECTIONS="64",
            METAEXTRACT_MAX_CONNECTIONS_PER_PEER="100000",
        )  # fmt: skip

    def _end(self) -> None:
        for process in (*self.extractors, self.cache):
            with contextlib.suppress(ProcessLookupError):
                process.process.send_signal(signal.SIGCONT)
            process.kill()

    @contextlib.contextmanager
    def cache_killed(self) -> Iterator[None]:
        self.cache.kill()
        self.cache = self._start_cache()
        yield

    @contextlib.contextmanager
    def extractor_killed(self) -> Iterator[None]:
        self.extractors[0].kill()
        self.extractors[0] = self._start_extractor(0)
        yield

    @contextlib.contextmanager
    def stopped(self, process: Callable[[], ServiceProcess]) -> Iterator[None]:
        process().process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process().process.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def slow(self) -> Iterator[None]:
        self.proxy._delay = 0.1
        try:
            yield
        finally:
            self.proxy._delay = 0.0

    @contextlib.contextmanager
    def packets(self, rule: str) -> Iterator[None]:
        """`rule` for all packets to and from the cache's port."""
        script = (
            f"add table inet {_TABLE}; add chain inet {_TABLE} in {{ type filter hook input priority 0; }};"
        )
        for side in ("dport", "sport"):
            script += f" add rule inet {_TABLE} in tcp {side} {self.cache_port} {rule};"
        subprocess.run(["nft", script], check=True)
        try:
            yield
        finally:
            subprocess.run(["nft", f"delete table inet {_TABLE}"], check=True)

    @contextlib.contextmanager
    def disk_full(self) -> Iterator[None]:
        waste = self._folder / "disk" / "waste"
        with contextlib.suppress(OSError), waste.open("wb") as file:
            while True:
                file.write(bytes(2**16))
                file.flush()
        try:
            yield
        finally:
            waste.unlink()

    @contextlib.contextmanager
    def redis_gone(self) -> Iterator[None]:
        self.redis.kill()
        try:
            yield
        finally:
            self.redis.start()

    @contextlib.contextmanager
    def clock(self, offset: str) -> Iterator[None]:
        self._clock.write_text(offset + "\n")
        try:
            yield
        finally:
            self._clock.write_text("+0\n")

    @contextlib.contextmanager
    def names_gone(self) -> Iterator[None]:
        self.names.is_silent = True
        # Whoever is connected needs no name: so connections break as well.
        self.cache.kill()
        self.cache = self._start_cache()
        try:
            yield
        finally:
            self.names.is_silent = False

    @contextlib.contextmanager
    def descriptors_exhausted(self) -> Iterator[None]:
        """Of the first extractor: its limit is lowered to what it has, and connections come by the hundred."""
        import resource

        pid = self.extractors[0].pid
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        open_now = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        limit = open_now + 4
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, before[1]))
        sockets = []
        for _ in range(200):
            with contextlib.suppress(OSError):
                sockets.append(socket.create_connection(("127.0.0.1", self._ports[0]), 0.2))
        try:
            yield
        finally:
            for each in sockets:
                each.close()
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)

    def faults(self) -> dict[str, Callable[[], contextlib.AbstractContextManager[None]]]:
        """Each by its name; what it is lasts as long as the block."""
        return {
            "cache killed (kill -9)": self.cache_killed,
            "extractor killed (kill -9)": self.extractor_killed,
            "cache stopped (SIGSTOP)": lambda: self.stopped(lambda: self.cache),
            "extractor stopped (SIGSTOP)": lambda: self.stopped(lambda: self.extractors[0]),
            "cache cut off, both ways": lambda: self.packets("drop"),
            "cache 200 ms away": self.slow,
            "2 % of packets lost": lambda: self.packets("numgen random mod 100 < 2 drop"),
            "disk full": self.disk_full,
            "Redis gone": self.redis_gone,
            "cache's clock +1 h": lambda: self.clock("+3600"),
            "cache's clock -1 h": lambda: self.clock("-3600"),
            "names gone": self.names_gone,
            "descriptors exhausted": self.descriptors_exhausted,
        }


def mount(folder: Path, stack: contextlib.ExitStack) -> None:
    """A small disk at `disk` in the folder, until the stack is left."""
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "tmpfs", str(disk)], check=True)
    stack.callback(subprocess.run, ["umount", "-l", str(disk)])


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    if os.geteuid() or shutil.which("nft") is None:
        print("  root and nftables are needed")
        return evidence
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        mount(folder, stack)
        world = World(folder, stack)
        only = os.environ.get("FAULT", "")
        for fault, break_it in world.faults().items():
            if only in fault:
                _one(evidence, world, fault, break_it)
    return evidence


def _one(
    evidence: Evidence,
    world: World,
    fault: str,
    break_it: Callable[[], contextlib.AbstractContextManager[None]],
) -> None:
    load = Load(world.addresses, f"127.0.0.1:{world.cache_port}")
    load.learn()
    with load:
        time.sleep(_BEFORE_SECONDS)
        begin = time.monotonic()
        with break_it():
            time.sleep(max(0.0, begin + _SECONDS * _FAULT_RATIO - time.monotonic()))
        ended_at = time.monotonic()
        time.sleep(max(_RECOVERY_SECONDS + 1, _SECONDS * (1 - _FAULT_RATIO) - _BEFORE_SECONDS))
    gone, wrong_values = load.lost()
    calls = sorted(load.calls)
    before = sorted(call.seconds for call in calls if call.at < begin)
    limit = max(0.25, 5 * before[len(before) // 2])
    late = [
        call.at + call.seconds
        for call in calls
        if call.at + call.seconds > ended_at and (call.code != "OK" or call.seconds > limit)
    ]
    recovery = max(late, default=ended_at) - ended_at
    codes = Counter(call.code for call in calls)
    wrong = sum(not call.is_right for call in calls)
    print(
        f"  {fault:<28} {len(calls)} calls: {', '.join(f'{count} {code}' for code, count in codes.most_common())};"
        f" wrong {wrong}; acknowledged {len(load.acknowledged)}, gone {gone}, wrong {wrong_values}; over after {recovery:.1f} s",
        flush=True,
    )
    evidence.single(fault, "wrong answers", "count", wrong + wrong_values, "== 0")
    evidence.single(fault, "acknowledged results lost", "count", gone, "== 0")
    evidence.single(fault, "calls that failed in the end", "ratio", 1 - codes["OK"] / len(calls))
    evidence.single(fault, "until all is as before", "s", recovery, f"< {_RECOVERY_SECONDS:g}")

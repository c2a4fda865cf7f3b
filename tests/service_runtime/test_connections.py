"""Which connections are closed, and that they are: real sockets."""

from __future__ import annotations

import contextlib
import socket
import sys
import time

import psutil
import pytest

from metaextract_client import CacheClient
from metaextract_client.errors import MetaExtractError
from service_runtime.connections import Connection, ConnectionLimits, ConnectionReaper, victims
from tests.support.processes import start_cache, wait_until


def many(peer, count):
    return [Connection(-1, (peer, number), peer, float(number)) for number in range(count)]


def test_beyond_its_limit_a_peer_loses_the_longest_silent():
    closed = victims([*many("a", 5), *many("b", 2)], ConnectionLimits(3, 100))
    assert [(each.peer, each.silent_seconds) for each in closed] == [("a", 3.0), ("a", 4.0)]


def test_beyond_the_total_whoever_has_the_most_loses():
    closed = victims([*many("a", 10), *many("b", 2), *many("c", 1)], ConnectionLimits(100, 8))
    assert [each.peer for each in closed] == ["a"] * 5


def test_few_are_left_alone():
    assert victims(many("a", 5), ConnectionLimits(5, 5)) == []
    assert victims([], ConnectionLimits(1, 1)) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc and TCP_INFO are Linux's")
def test_sockets_are_found_and_closed_and_nothing_leaks():
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_server(("127.0.0.1", 0)) as other:
        pairs = []
        for server in (listener, listener, listener, other):
            client = socket.create_connection(server.getsockname())
            pairs.append((client, server.accept()[0]))
            time.sleep(0.02)
        pairs[0][0].sendall(b"alive")  # the oldest has just said something
        time.sleep(0.02)
        reaper = ConnectionReaper([listener.getsockname()[1]], per_peer=2, total=100)
        before = psutil.Process().num_fds()
        assert reaper.look() == 1 and reaper.closed_total == 1
        assert pairs[1][0].recv(1) == b"", "the longest silent"
        for client, _ in (pairs[0], pairs[2], pairs[3]):
            client.setblocking(False)
            with pytest.raises(BlockingIOError):
                client.recv(1)
        assert psutil.Process().num_fds() == before
        for client, accepted in pairs:
            client.close()
            accepted.close()


@pytest.mark.servers
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc and TCP_INFO are Linux's")
def test_a_crowd_of_half_open_connections_is_cut_and_told():
    with start_cache(METAEXTRACT_MAX_CONNECTIONS_PER_PEER="16") as cache:
        crowd = [socket.create_connection(("127.0.0.1", cache.port)) for _ in range(120)]
        wait_until(lambda: any("too many connections" in line for line in cache.log), 10)
        for each in crowd:
            each.close()


@pytest.mark.servers
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc and TCP_INFO are Linux's")
def test_a_service_with_few_descriptors_goes_on_serving():
    """At `ulimit -n 160` a crowd once left none, and new clients timed out without a word."""
    with FewDescriptors(160) as cache:
        crowd = []
        for _ in range(200):
            with contextlib.suppress(OSError):
                crowd.append(socket.create_connection(("127.0.0.1", cache.port), timeout=1))
        wait_until(lambda: any("too many connections" in line for line in cache.log), 15)
        with CacheClient(cache.address) as client:
            wait_until(lambda: _answers(client), 15)
        for each in crowd:
            each.close()


def _answers(client) -> bool:
    try:
        client.get_pressure(timeout=2)
    except MetaExtractError:
        return False
    return True


class FewDescriptors:
    """A cache that may open so many descriptors."""

    def __init__(self, count: int) -> None:
        self._count = count

    def command(self, *words: str) -> list[str]:
        return ["/bin/sh", "-c", f'ulimit -n {self._count}; exec "$@"', "sh", *words]

    def __enter__(self):
        self._process = start_cache(inside=self)
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.stop()

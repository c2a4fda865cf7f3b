"""Bounds connections: how many one peer may hold, and how many all. The longest silent of whoever has the most go first.

gRPC's core has no limit per peer, and closes nothing by itself: at its limit for all it turns away whoever comes, which is what an
attacker wants. So the process's own sockets are looked at, once a second, when there are many: TCP_INFO tells when each has last
said something. Shutting one down is safe whatever gRPC does with it meanwhile: it is done by a duplicate of the descriptor, whose other end is
looked at again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import struct
import sys
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from service_runtime.identity.caller import address_of
from service_runtime.sockets import count_descriptors, duplicate, own_sockets

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 1.0  # a look costs some milliseconds with a thousand connections
_FEW = 64  # connections that aren't worth a look; below, one look costs a directory listing
_SILENT_AT = 52  # of tcpi_last_data_recv, milliseconds, in struct tcp_info (linux/tcp.h)
_TCP_INFO_BYTES = 104  # of struct tcp_info since Linux 2.6: all up to what is asked
_USABLE_RATIO = (
    0.5  # of the descriptors that the process may open; the rest is for spools, workers and stores
)
_FAMILIES = {socket.AF_INET: "ipv4", socket.AF_INET6: "ipv6"}
HANDSHAKE_SECONDS = 10.0  # until a connection has said that it speaks HTTP/2; gRPC's own 120 s are for nobody
MAX_STREAMS = (
    100  # calls at once on one connection, the least that RFC 9113 recommends; clients wait, or open another
)


class Connection(NamedTuple):
    """A client's connection."""

    descriptor: int
    address: tuple[object, ...]
    """Of its other end: the descriptor may be another connection's by the time that it is closed."""
    peer: str
    silent_seconds: float


class ConnectionLimits(NamedTuple):
    """How many there may be."""

    per_peer: int
    total: int


def victims(connections: Sequence[Connection], limits: ConnectionLimits) -> list[Connection]:
    """Those to be closed: beyond the limit of their peer, then of all, of whoever has the most; the longest silent first."""
    by_peer: dict[str, list[Connection]] = defaultdict(list)
    for connection in connections:
        by_peer[connection.peer].append(connection)
    closed: list[Connection] = []
    for held in by_peer.values():
        held.sort(key=lambda each: each.silent_seconds)
        closed += held[limits.per_peer :]
        del held[limits.per_peer :]
    excess = sum(map(len, by_peer.values())) - limits.total
    for _ in range(excess):
        closed.append(max(by_peer.values(), key=len).pop())
    return closed


class ConnectionReaper:
    """Closes what is too much. `run` it."""

    def __init__(self, ports: Collection[int], per_peer: int, total: int) -> None:
        self._ports = frozenset(ports)
        self._limits = ConnectionLimits(per_peer, min(total, usable_descriptors()))
        self._others = count_descriptors()
        self._reserve = os.open(
            os.devnull, os.O_RDONLY
        )  # so that one is there to look with, when none is left
        self.closed_total = 0

    async def run(self) -> None:
        """Looks once a second until cancelled."""
        if not sys.platform.startswith("linux"):
            return
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if count_descriptors() - self._others > min(_FEW, self._limits.total // 2):
                await asyncio.to_thread(self.look)

    def look(self) -> int:
        """Closes what is too much now; how many that were. Blocks for some milliseconds."""
        reserve, self._reserve = self._reserve, -1
        if reserve >= 0:
            os.close(reserve)
        try:
            connections = list(_connections(self._ports))
            found = [each for each in victims(connections, self._limits) if _shut_down(each)]
        finally:
            with contextlib.suppress(OSError):  # somebody else has got it: the next look has none
                self._reserve = os.open(os.devnull, os.O_RDONLY)
        if found:
            self.closed_total += len(found)
            peers = sorted({each.peer for each in found})
            _log.warning(
                "too many connections; the longest silent were closed",
                extra={"closed": len(found), "open": len(connections) - len(found), "peers": peers[:5]},
            )
        return len(found)


def raise_descriptor_limit() -> None:
    """Lets this process open as many descriptors as it may."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415 - not on Windows

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def usable_descriptors() -> int:
    """Connections that this process may have, by its limit of descriptors."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return 1 << 30
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 30 if soft == resource.RLIM_INFINITY else max(16, int(soft * _USABLE_RATIO))


def _connections(ports: frozenset[int]) -> Iterator[Connection]:
    for number, looked_at in own_sockets():
        with contextlib.suppress(OSError, struct.error):
            if looked_at.family not in _FAMILIES or looked_at.getsockname()[1] not in ports:
                continue
            address = looked_at.getpeername()  # fails where it listens
            info = looked_at.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
            silent_seconds = struct.unpack_from("=I", info, _SILENT_AT)[0] / 1000
            peer = address_of(f"{_FAMILIES[looked_at.family]}:{address[0]}")
            yield Connection(number, address, peer, silent_seconds)


def _shut_down(connection: Connection) -> bool:
    """Whether it was still that connection, and is shut down now."""
    with contextlib.suppress(OSError), duplicate(connection.descriptor) as closing:
        if closing.getpeername() == connection.address:
            closing.shutdown(socket.SHUT_RDWR)
            return True
    return False

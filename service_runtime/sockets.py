"""This process's own sockets, found among its descriptors: gRPC shows none of them.

Each is looked at by a duplicate of its descriptor, so that nothing is taken from whoever owns it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_DESCRIPTORS = "/proc/self/fd"
_MOST_NUMBERS = 65_536  # tried one by one, where there is no descriptor left to list them with
_FAMILIES = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)


def count_descriptors() -> int:
    """How many this process has; very many where none is left to list them with."""
    try:
        return len(os.listdir(_DESCRIPTORS))  # noqa: PTH208 - names alone
    except OSError:
        return 1 << 30


def own_sockets() -> Iterator[tuple[int, socket.socket]]:
    """Descriptor and socket of each; the socket is good until the next one is asked for."""
    try:
        numbers = [int(name) for name in os.listdir(_DESCRIPTORS)]  # noqa: PTH208 - as above
    except OSError:
        numbers = list(range(3, _MOST_NUMBERS))
    for number in numbers:
        with contextlib.suppress(OSError):
            if not stat.S_ISSOCK(os.fstat(number).st_mode):
                continue
            with duplicate(number) as looked_at:
                if looked_at.family in _FAMILIES:
                    yield number, looked_at


def duplicate(number: int) -> socket.socket:
    """The socket behind a descriptor, by another one; raises OSError where there is none."""
    copy = os.dup(number)
    try:
        return socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        raise


class Place:
    """Where a server listens: TCP ports, and sockets in the file system."""

    def __init__(self, ports: frozenset[int], paths: frozenset[str]) -> None:
        self._ports = ports
        self._paths = paths

    def stop_listening(self) -> int:
        """Refuses newcomers from now on; how many listeners that ended. What was accepted goes on."""
        count = 0
        for _, found in own_sockets():
            if self._is_here(found) and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                found.shutdown(socket.SHUT_RDWR)
                count += 1
        return count

    def count_connections(self) -> int:
        """Connections that clients have with it now."""
        count = 0
        for _, found in own_sockets():
            if not self._is_here(found):
                continue
            with contextlib.suppress(OSError):  # it listens, or its other end is gone
                found.getpeername()
                count += 1
        return count

    def _is_here(self, found: socket.socket) -> bool:
        try:
            name = found.getsockname()
        except OSError:
            return False
        if found.family == socket.AF_UNIX:
            return isinstance(name, str) and name in self._paths
        return name[1] in self._ports

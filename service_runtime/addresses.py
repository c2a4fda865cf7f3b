"""What an address says of who can reach it."""

from __future__ import annotations

import ipaddress
import string

_UNIX = ("unix:",)
_HEADER = frozenset(string.ascii_lowercase + string.digits + "_.-")
_PORTS = range(65_536)  # of TCP
NONE = "none"
"""Stands for no address, where there may be none."""


def check_listen(address: str) -> None:
    """Raises ValueError for what can't be listened on."""
    if is_unix(address):
        return
    host, colon, port = address.rpartition(":")
    if not colon or not host:
        raise ValueError("HOST:PORT is expected")
    if not port.isascii() or not port.isdigit() or int(port) not in _PORTS:
        raise ValueError(f"a port from 0 to {_PORTS[-1]} is expected")


def check_listen_http(address: str) -> None:
    """The same for HTTP, which has no sockets in the file system here, and may be left out (`none`)."""
    if is_unix(address):
        raise ValueError("HOST:PORT is expected, or none")
    if address != NONE:
        check_listen(address)


def check_target(address: str) -> None:
    """Raises ValueError for what can't be connected to: a port that is none. Names and schemes are gRPC's business."""
    port = address.rpartition(":")[2]
    if port.isascii() and port.isdigit() and int(port) not in _PORTS[1:]:
        raise ValueError(f"a port from 1 to {_PORTS[-1]} is expected")


def check_header(name: str) -> None:
    """Raises ValueError for what can't be the name of gRPC metadata with a text."""
    if name and (not set(name) <= _HEADER or name.startswith("grpc-") or name.endswith("-bin")):
        raise ValueError(
            "lower-case letters, digits and _ . - are expected, without grpc- before or -bin behind"
        )


def is_unix(address: str) -> bool:
    """Whether it is a socket in the file system."""
    return address.startswith(_UNIX)


def unix_path(address: str) -> str:
    """The path of a `unix:` address, with or without `//`."""
    path = address.removeprefix("unix:")
    return path.removeprefix("//")


def host_of(address: str) -> str:
    """The host of HOST:PORT, without the brackets of an IPv6 address."""
    return address.rpartition(":")[0].strip("[]")


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_private(address: str) -> bool:
    """Whether only this machine reaches `address`: loopback, or a socket in the file system."""
    return is_unix(address) or is_loopback(host_of(address))

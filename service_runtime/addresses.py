"""What an address says of who can reach it."""

from __future__ import annotations

import ipaddress

_UNIX = ("unix:",)


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

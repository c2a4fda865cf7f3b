"""Says which URIs may be read, beneath prefixes the operator named. No public name may lead to a private address.

Denied by default. A redirect is a new URI, and has to be allowed like one. Pure.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PORTS = {"http": 80, "https": 443}


_MAX_DECODINGS = 5  # beyond that nobody means well


class ForbiddenUriError(Exception):
    """The URI isn't beneath an allowed prefix, or isn't well formed."""


class _Place(NamedTuple):
    scheme: str
    host: str
    port: int | None
    parts: tuple[str, ...]


class AllowedPrefixes:
    """URI prefixes, such as `https://data.example.org/public/` and `s3://bucket/`."""

    def __init__(self, prefixes: Iterable[str]) -> None:
        """Raises ForbiddenUriError for a prefix that isn't one."""
        self._places = [_place(prefix) for prefix in prefixes]

    def __bool__(self) -> bool:
        return bool(self._places)

    def check(self, uri: str) -> None:
        """Raises ForbiddenUriError unless `uri` is beneath a prefix: same scheme, host and port, whole path segments."""
        place = _place(uri)
        for allowed in self._places:
            if place[:3] == allowed[:3] and place.parts[: len(allowed.parts)] == allowed.parts:
                return
        raise ForbiddenUriError("the URI isn't beneath a prefix that this server may read")


def is_private(address: str) -> bool:
    """Whether an IP address isn't one of the public internet."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return not (mapped or parsed).is_global or parsed.is_multicast


def _place(uri: str) -> _Place:
    try:
        split = urlsplit(uri)
        port = split.port or _PORTS.get(split.scheme)
        path = unquote(split.path, errors="strict")
    except ValueError as error:
        raise ForbiddenUriError(f"not a valid URI: {error}") from None
    if not split.scheme or split.username is not None or split.password is not None or split.fragment:
        raise ForbiddenUriError("expected scheme://host/path without credentials")
    parts = tuple(part for part in path.split("/") if part)
    if any(map(_is_forbidden, _as_others_read(path))):
        raise ForbiddenUriError("'.', '..', backslashes and control characters aren't allowed in a path")
    return _Place(split.scheme, (split.hostname or "").lower(), port, parts)


def _as_others_read(path: str) -> Iterator[str]:
    """The path as it is, and as proxies and servers may take it that decode it once more, or again and again."""
    for _ in range(_MAX_DECODINGS):
        yield path
        again = unquote(path)
        if again == path:
            return
        path = again
    raise ForbiddenUriError("the path is encoded again and again")


def _is_forbidden(path: str) -> bool:
    is_relative = any(part in {".", ".."} for part in path.split("/"))
    return is_relative or "\\" in path or any(ord(each) < 32 for each in path)

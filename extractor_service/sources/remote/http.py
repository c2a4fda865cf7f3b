"""`http(s)://` by ranges (RFC 9110, section 14): size and version from the first answer, then what a parser asks for."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver

from extractor_service.sources.base import SourceError
from extractor_service.sources.remote.allowed import ForbiddenUriError, is_private
from extractor_service.sources.remote.store import Found, MissingUriError, RemoteFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractor_service.sources.remote.allowed import AllowedPrefixes
    from extractor_service.sources.spans import Span
    from extractor_service.sources.sparse import SparseFile

_FIRST_BYTES = 64 * 1024  # as a session's first bytes: headers of most files come with the size
_SETTLE_SECONDS = 3.0  # Last-Modified has steps of one; the rest is for clocks that differ
_MAX_REDIRECTS = 5  # more mean a loop (RFC 1945 section 9.3)
_MAX_PARALLEL = 4  # requests for one file: hides round trips, and burdens no server
_WHOLE_BYTES = 4 * 1024 * 1024  # as large as a file in a message by default; larger ones need ranges
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})$")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PARTIAL, _OK, _NOT_SATISFIABLE, _NOT_FOUND, _GONE, _UNAUTHORIZED, _FORBIDDEN = (
    206,
    200,
    416,
    404,
    410,
    401,
    403,
)


class _PublicResolver(AbstractResolver):
    """Resolves names to public addresses alone, at the moment of connecting: a name can't change in between."""

    def __init__(self) -> None:
        self._inner = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[Any]:
        """The public addresses of `host`; raises OSError when there is none."""
        found = await self._inner.resolve(host, port, family)
        public = [each for each in found if not is_private(each["host"])]
        if not public:
            raise OSError("the host has no public address")
        return public

    async def close(self) -> None:
        """Nothing to close."""


class HttpStore:
    """Opens files; one for all requests. Belongs to one event loop."""

    schemes = ("http", "https")

    def __init__(self, allowed: AllowedPrefixes, *, timeout_seconds: float, may_be_private: bool) -> None:
        """`may_be_private`: names may mean private addresses. Hosts that are allowed by their address always may."""
        self._allowed = allowed
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._may_be_private = may_be_private
        self._session: aiohttp.ClientSession | None = None

    async def open(self, uri: str, file: SparseFile) -> Found:
        """What is behind `uri`; its first bytes are put into `file`.

        Raises:
            ForbiddenUriError: it, or what it redirects to, isn't allowed.
            MissingUriError: there is nothing.
            SourceError: the server fails, or can't send ranges of a large file.
        """
        for _ in range(_MAX_REDIRECTS + 1):
            self._allowed.check(uri)
            try:
                async with self._get(uri, f"bytes=0-{_FIRST_BYTES - 1}") as response:
                    if response.status in _REDIRECTS:
                        uri = self._redirect(uri, response.headers.get("Location", ""))
                        continue
                    return await self._found(uri, response, file)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise SourceError(f"the server can't be read: {type(error).__name__}") from error
        raise SourceError(f"more than {_MAX_REDIRECTS} redirects")

    async def close(self) -> None:
        """Closes its connections."""
        if self._session is not None:
            await self._session.close()

    def _redirect(self, uri: str, location: str) -> str:
        target = urljoin(uri, location)
        if urlsplit(uri).scheme == "https" and urlsplit(target).scheme != "https":
            raise ForbiddenUriError("a redirect from https to another scheme")
        return target

    async def _found(self, uri: str, response: aiohttp.ClientResponse, file: SparseFile) -> Found:
        status = response.status
        if status in {_NOT_FOUND, _GONE}:
            raise MissingUriError("there is no such file")
        if status in {_UNAUTHORIZED, _FORBIDDEN}:
            raise ForbiddenUriError("the server doesn't let us read it")
        version = _version(response)
        if status == _NOT_SATISFIABLE:  # an empty file has no first byte
            return Found(uri, 0, version, _Ranges(self, uri, version, 0, file))
        if status == _PARTIAL:
            match = _RANGE.match(response.headers.get("Content-Range", ""))
            if match is None or int(match[1]) != 0:
                raise SourceError("the server's Content-Range makes no sense")
            size = int(match[3])
            await _receive(response, file, 0, min(size, _FIRST_BYTES))
        elif status == _OK:
            length = response.content_length if response.content_length is not None else -1
            if not 0 <= length <= _WHOLE_BYTES:
                raise SourceError("the server sends no ranges, and the file is too large without")
            size = length
            await _receive(response, file, 0, size)
        else:
            raise SourceError(f"the server answers {status}")
        return Found(uri, size, version, _Ranges(self, uri, version, size, file))

    def _get(self, uri: str, ranges: str) -> Any:
        if self._session is None:
            # A host that is named by its address isn't resolved, and is allowed by that name or not at all.
            resolver = None if self._may_be_private else _PublicResolver()
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=resolver),
                timeout=self._timeout,
                auto_decompress=False,
            )
        headers = {"Range": ranges, "Accept-Encoding": "identity", "User-Agent": "metaextract"}
        return self._session.get(uri, headers=headers, allow_redirects=False)


class _Ranges(RemoteFile):
    """Ranges of one file, of the version that was opened."""

    def __init__(self, store: HttpStore, uri: str, version: str, size_bytes: int, file: SparseFile) -> None:
        super().__init__()
        self._store = store
        self._uri = uri
        self._version = version
        self._size_bytes = size_bytes
        self._file = file
        self._places = asyncio.Semaphore(_MAX_PARALLEL)

    async def fetch(self, spans: Sequence[Span]) -> None:
        """Puts the ranges into the file; raises SourceError."""
        try:
            async with asyncio.TaskGroup() as group:  # which ends the others when one fails
                for span in spans:
                    group.create_task(self._one(span))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from errors

    async def _one(self, span: Span) -> None:
        async with self._places:
            try:
                async with self._store._get(self._uri, f"bytes={span.offset}-{span.end - 1}") as response:  # noqa: SLF001
                    match = _RANGE.match(response.headers.get("Content-Range", ""))
                    if response.status != _PARTIAL or match is None:
                        raise SourceError(f"the server answers {response.status} to a range")
                    if _version(response) != self._version or int(match[3]) != self._size_bytes:
                        self.is_changed = True
                        raise SourceError("the file changed while it was being read")
                    if int(match[1]) != span.offset:
                        raise SourceError("the server sends another range")
                    await _receive(response, self._file, span.offset, span.length)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise SourceError(f"the server can't be read: {type(error).__name__}") from error


async def _receive(response: aiohttp.ClientResponse, file: SparseFile, offset: int, length: int) -> None:
    """Exactly `length` bytes of the body; never more, whatever the server sends."""
    while length:
        data = await response.content.read(min(length, 256 * 1024))
        if not data:
            raise SourceError("the server's answer is cut")
        file.write(offset, data)
        offset, length = offset + len(data), length - len(data)


def _version(response: aiohttp.ClientResponse) -> str:
    """The text that changes with the content, or "" when there is none.

    It is a strong ETag, else the time of the last change, if that is some seconds ago: it knows no smaller steps.
    """
    etag = response.headers.get("ETag", "")
    if etag and not etag.startswith("W/"):
        return etag
    changed = response.headers.get("Last-Modified", "")
    try:
        age = time.time() - parsedate_to_datetime(changed).timestamp()
    except (TypeError, ValueError):
        return ""
    return changed if age > _SETTLE_SECONDS else ""

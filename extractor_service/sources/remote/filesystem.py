"""`s3://`, `gs://`, `az://` and others through fsspec: one interface, each store by its own package."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import fsspec

from extractor_service.sources.base import SourceError
from extractor_service.sources.remote.allowed import ForbiddenUriError
from extractor_service.sources.remote.store import Found, MissingUriError, RemoteFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractor_service.sources.spans import Span
    from extractor_service.sources.sparse import SparseFile

_VERSION_KEYS = ("VersionId", "version_id", "generation", "ETag", "etag", "md5Hash", "content_md5", "mtime", "LastModified", "last_modified", "created")  # fmt: skip
_LOCAL = frozenset({"file", "local", "dir", "data", "simplecache", "filecache", "blockcache", "cached", "reference", "zip", "tar"})  # fmt: skip


class FilesystemStore:
    """Opens files of fsspec's file systems, in threads: most of these are synchronous."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        # Its own threads: a store that hangs must not stand before files of this machine.
        self._threads = ThreadPoolExecutor(4, "stores")

    async def open(self, uri: str, file: SparseFile) -> Found:
        """See `Store.open`."""
        scheme = uri.partition("://")[0]
        if "::" in uri or scheme in _LOCAL:
            raise ForbiddenUriError("chained and local file systems aren't read this way")
        try:
            async with asyncio.timeout(self._timeout_seconds):
                system, path, info = await asyncio.get_running_loop().run_in_executor(
                    self._threads, _look, uri
                )
        except FileNotFoundError as error:
            raise MissingUriError("there is no such file") from error
        except PermissionError as error:
            raise ForbiddenUriError("the store doesn't let us read it") from error
        except ImportError as error:
            raise ForbiddenUriError(f"{scheme}:// needs another package: {error}") from error
        except Exception as error:
            raise SourceError(f"the store can't be read: {type(error).__name__}: {error}"[:200]) from error
        if info.get("type") != "file" or info.get("size") is None:
            raise ForbiddenUriError("not a regular file")
        ranges = _Ranges(system, path, _version(info), file, self._timeout_seconds, self._threads)
        return Found(uri, int(info["size"]), _version(info), ranges)

    async def close(self) -> None:
        """Lets its threads end; fsspec keeps its own instances."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class _Ranges(RemoteFile):
    def __init__(
        self,
        system: Any,
        path: str,
        version: str,
        file: SparseFile,
        timeout_seconds: float,
        threads: ThreadPoolExecutor,
    ) -> None:
        super().__init__()
        self._version = version
        self._threads = threads
        self._system = system
        self._path = path
        self._file = file
        self._timeout_seconds = timeout_seconds

    async def fetch(self, spans: Sequence[Span]) -> None:
        """Puts the ranges into the file; raises SourceError."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                for span in spans:
                    data, version = await asyncio.get_running_loop().run_in_executor(
                        self._threads, self._read, span
                    )
                    if version != self._version:
                        self.is_changed = True
                        raise SourceError("the file changed while it was being read")
                    if len(data) != span.length:
                        raise SourceError("the store's answer is cut")
                    self._file.write(span.offset, data)
        except SourceError:
            raise
        except Exception as error:
            raise SourceError(f"the store can't be read: {type(error).__name__}: {error}"[:200]) from error

    def _read(self, span: Span) -> tuple[bytes, str]:
        """The bytes, and the version that the file has after they were read."""
        data = self._system.cat_file(self._path, span.offset, span.end)
        self._system.invalidate_cache()
        return data, _version(self._system.info(self._path))


def _version(info: dict[str, Any]) -> str:
    return " ".join(f"{key}={info[key]}" for key in _VERSION_KEYS if info.get(key) is not None)


def _look(uri: str) -> tuple[Any, str, dict[str, Any]]:
    system, path = fsspec.core.url_to_fs(uri)
    return system, path, system.info(path)

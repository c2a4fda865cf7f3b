"""The door to all stores: the one that a URI's scheme needs, loaded when it is first met."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from blake3 import blake3

from extractor_service.sources.distant import DistantInput
from extractor_service.sources.remote.allowed import ForbiddenUriError

if TYPE_CHECKING:
    from extractor_service.sources.remote.allowed import AllowedPrefixes
    from extractor_service.sources.remote.store import Found, Store
    from extractor_service.sources.sparse import SparseFile


class RemoteInput(DistantInput):
    """A file of a store."""

    def __init__(self, uri: str, found: Found, file: SparseFile) -> None:
        text = repr((found.uri, found.size_bytes, found.version)).encode()
        super().__init__(
            urlsplit(uri).path.rpartition("/")[2],
            found.size_bytes,
            file,
            found.ranges.fetch,
            content_id=f"v1:{blake3(text).hexdigest()}" if found.version else "",
            source=uri,
        )
        self._ranges = found.ranges

    def has_changed(self) -> bool:
        """Whether the store says so."""
        return self._ranges.is_changed


class RemoteStores:
    """The stores that are allowed; each is loaded when it is first needed."""

    def __init__(self, allowed: AllowedPrefixes, *, timeout_seconds: float, may_be_private: bool) -> None:
        self._allowed = allowed
        self._timeout_seconds = timeout_seconds
        self._may_be_private = may_be_private
        self._http: Store | None = None
        self._others: Store | None = None

    async def open(self, uri: str, file: SparseFile) -> RemoteInput:
        """The file with its first bytes at hand; it owns `file` from now on.

        Raises:
            ForbiddenUriError, MissingUriError, SourceError: see there.
        """
        self._allowed.check(uri)
        found = await self._store(urlsplit(uri).scheme).open(uri, file)
        source = RemoteInput(uri, found, file)
        await source.prepare()
        return source

    async def close(self) -> None:
        """Closes all connections."""
        for store in (self._http, self._others):
            if store is not None:
                await store.close()

    def _store(self, scheme: str) -> Store:
        try:
            if scheme in {"http", "https"}:
                if self._http is None:
                    from extractor_service.sources.remote.http import HttpStore  # noqa: PLC0415 - large

                    self._http = HttpStore(
                        self._allowed,
                        timeout_seconds=self._timeout_seconds,
                        may_be_private=self._may_be_private,
                    )
                return self._http
            if self._others is None:
                from extractor_service.sources.remote.filesystem import FilesystemStore  # noqa: PLC0415 - large

                self._others = FilesystemStore(self._timeout_seconds)
        except ImportError as error:
            raise ForbiddenUriError(
                f"{scheme}:// needs `pip install metaextract[remote]`: {error.name} is missing"
            ) from error
        return self._others

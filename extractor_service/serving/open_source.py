"""From a request's source to an open input: inline bytes, a URI, or content that was sent before."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.serving.wire import check_digest
from extractor_service.sources.base import SourceError, sayable
from extractor_service.sources.distant import DistantInput
from extractor_service.sources.inline import InlineInput
from extractor_service.sources.local import (
    ForbiddenFileError,
    InvalidUriError,
    MissingFileError,
    open_at_hand,
    open_folder,
    open_local,
    uri_of,
)
from extractor_service.sources.remote.allowed import AllowedPrefixes, ForbiddenUriError
from extractor_service.sources.remote.store import MissingUriError
from extractor_service.sources.remote.stores import RemoteStores
from extractor_service.sources.sparse import SparseFile
from extractor_service.sources.spool import SpoolFullError
from metaextract_client.walker import walk
from service_runtime.errors import (
    DigestUnknownError,
    InvalidRequestError,
    OverloadedError,
    SourceFailedError,
    SourceForbiddenError,
    SourceNotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.settings import Settings
    from extractor_service.sources.base import Input
    from extractor_service.sources.local import LocalInput
    from extractor_service.sources.remote.stores import RemoteInput
    from extractor_service.sources.spool import SpoolBudget
    from extractor_service.uploads.chunk_store import ChunkStoreClient
    from metaextract.extractor.v1 import extractor_pb2 as pb

_SPOOL_RETRY_SECONDS = 5.0  # some uploads end in that time; the spool knows no better estimate


class Opener:
    """Opens what requests name; the caller closes it."""

    def __init__(self, settings: Settings, chunks: ChunkStoreClient, spool: SpoolBudget) -> None:
        self._settings = settings
        self._chunks = chunks
        self._spool = spool
        self._roots = [Path(root) for root in settings.file_roots]
        self._stores = RemoteStores(
            AllowedPrefixes(settings.remote_prefixes),
            timeout_seconds=settings.remote_seconds,
            may_be_private=settings.remote_private_addresses,
        )

    async def open(self, request: pb.ExtractRequest | pb.BatchItem, inline: bytes | None = None) -> Input:
        """The input. `inline`: its `inline.data`, where the caller has them at hand: each access copies them.

        Raises:
            InvalidRequestError, SourceForbiddenError, SourceNotFoundError, SourceFailedError, DigestUnknownError,
            OverloadedError: see there.
        """
        kind = request.WhichOneof("source")
        if kind == "inline":
            most = self._settings.max_inline_bytes
            data = request.inline.data if inline is None else inline
            if len(data) > most:
                raise InvalidRequestError(
                    "inline.data", f"has {len(data)} bytes, at most {most} are allowed; use ExtractSession"
                )
            return InlineInput(data, request.inline.name)
        if kind == "digest":
            return await self.stored(request.digest)
        if kind == "uri":
            if request.uri.startswith("file:") or "://" not in request.uri:
                return await self._local(request.uri)
            return await self._remote(request.uri)
        raise InvalidRequestError("source", "inline, uri or digest is required")

    async def stored(self, digest: str, name: str = "") -> DistantInput:
        """Content that this tenant has sent before."""
        check_digest("digest", digest)
        size = await self._chunks.blob_size(digest)
        if size is None:
            raise DigestUnknownError("no such content is stored")
        file = self._sparse()
        source = DistantInput(name, size, file, self._chunks.fetch_from(digest, file), content_id=digest)
        source.digests = {"blake3": digest.partition(":")[2]}
        try:
            with spooling():
                await source.prepare()
        except BaseException as error:
            source.close()
            if isinstance(error, SourceError):
                raise SourceFailedError(str(error)) from error
            raise
        return source

    def files(self, uri: str) -> Iterator[FolderEntry]:
        """Each file in a folder, hidden and linked ones left out, and each folder in it that can't be read. Blocks.

        Raises:
            InvalidRequestError, SourceForbiddenError, SourceNotFoundError: the folder itself can't be read.
        """
        with _told("folder"):
            folder, path = open_folder(uri, self._allowed_roots())
        try:
            for found in walk(folder, has_hidden=False, has_links=False):
                message = "" if found.error is None else f"can't be read: {found.error.strerror}"
                yield FolderEntry(sayable(found.path), uri_of(f"{path}/{found.path}"), message)
        finally:
            os.close(folder)

    async def close(self) -> None:
        """Closes connections to stores."""
        await self._stores.close()

    def _allowed_roots(self) -> list[Path]:
        if not self._roots:
            raise SourceForbiddenError("this server reads no files: METAEXTRACT_FILE_ROOTS isn't set")
        return self._roots

    async def _local(self, uri: str) -> LocalInput:
        """The open file; one that comes too late for a cancelled call is closed."""
        with _told("uri"):
            ready = open_at_hand(uri, self._allowed_roots())
        if ready is not None:
            return ready
        opening = asyncio.ensure_future(asyncio.to_thread(open_local, uri, self._allowed_roots()))
        try:
            with _told("uri"):
                return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_unwanted)
            raise

    async def _remote(self, uri: str) -> RemoteInput:
        file = self._sparse()
        try:
            with spooling():
                return await self._stores.open(uri, file)
        except BaseException as error:
            file.close()
            if isinstance(error, ForbiddenUriError):
                raise SourceForbiddenError(str(error)) from error
            if isinstance(error, MissingUriError):
                raise SourceNotFoundError(str(error)) from error
            if isinstance(error, SourceError):
                raise SourceFailedError(str(error)) from error
            raise

    def _sparse(self) -> SparseFile:
        directory = Path(self._settings.spool_directory or tempfile.gettempdir())
        with spooling():
            return SparseFile(directory, self._spool)


class FolderEntry(NamedTuple):
    """Something in a folder."""

    path: str
    """Within the folder, as messages can carry it."""
    uri: str
    error: str
    """Why it can't be read; "" for a file."""


@contextlib.contextmanager
def _told(field: str) -> Iterator[None]:
    """The errors of local files as those that callers are told; `field` is of the request."""
    try:
        yield
    except InvalidUriError as error:
        raise InvalidRequestError(field, str(error)) from error
    except ForbiddenFileError as error:
        raise SourceForbiddenError(str(error)) from error
    except MissingFileError as error:
        raise SourceNotFoundError(str(error)) from error


@contextlib.contextmanager
def spooling() -> Iterator[None]:
    """A full spool is overload: a later try may fit."""
    try:
        yield
    except SpoolFullError as error:
        raise OverloadedError(str(error), _SPOOL_RETRY_SECONDS) from error


def _close_unwanted(opening: asyncio.Future[LocalInput]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()

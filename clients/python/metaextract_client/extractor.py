# Generated from extractor_async.py by tests/tools/synchronous.py: change that one, then `make protos`.
"""The synchronous client of the extractor: describes bytes, files and URIs. The asynchronous one is beside it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from metaextract.extractor.v1 import extractor_pb2, extractor_pb2_grpc
from metaextract_client import channel
from metaextract_client.batches import BatchState, ItemFeed
from metaextract_client.errors import MetaExtractError, translated
from metaextract_client.extraction import Extraction, Options
from metaextract_client.files import SMALL_FILE_BYTES, known_size, open_file
from metaextract_client.names import sayable
from metaextract_client.retry import DEFAULT_RETRY, Retrier
from metaextract_client.session import Session
from metaextract_client.session_options import SessionOptions, default_client_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from metaextract_client.retry import RetryPolicy
    from metaextract_client.security import Security
    from metaextract_client.session_state import SessionSource

_MAX_CALLS = 5  # of a batch in a row that bring nothing: then its end was its end
_Part = extractor_pb2.ExtractUploadRequest


class ExtractorClient:
    """Synchronous client; safe to share between threads."""

    def __init__(
        self,
        address: str | None = None,
        retry: RetryPolicy = DEFAULT_RETRY,
        security: Security | None = None,
    ) -> None:
        """`address` as HOST:PORT; without one METAEXTRACT_EXTRACTOR_ADDRESS, or this machine's usual port.

        Without `security`, certificates and token come from METAEXTRACT_TLS_… and METAEXTRACT_TOKEN….
        """
        where = address or channel.extractor_address()
        self._retrier = Retrier(retry)
        self._channel = channel.open_sync(where, security)
        self._stub = extractor_pb2_grpc.ExtractorServiceStub(self._channel)
        self._headed: frozenset[str] | None = None

    def extract_bytes(
        self, data: bytes, name: str = "", options: Options | None = None, timeout: float | None = None
    ) -> Extraction:
        """The document of `data`, which must fit into a message. `timeout` in seconds."""
        inline = extractor_pb2.InlineSource(data=data, name=sayable(name))
        return self._extract(extractor_pb2.ExtractRequest(inline=inline, options=options), timeout)

    def extract_uri(
        self, uri: str, options: Options | None = None, timeout: float | None = None
    ) -> Extraction:
        """The document of a file that the server itself can open."""
        return self._extract(extractor_pb2.ExtractRequest(uri=uri, options=options), timeout)

    def extract_digest(
        self, digest: str, options: Options | None = None, timeout: float | None = None
    ) -> Extraction:
        """The document of content that was uploaded before, by its "b3:<hex>"."""
        return self._extract(extractor_pb2.ExtractRequest(digest=digest, options=options), timeout)

    def extract_file(
        self, path: str | Path, options: Options | None = None, timeout: float | None = None
    ) -> Extraction:
        """The document of a file of this machine. A small one travels in a message, of others only what is needed.

        Raises:
            OSError: the file can't be read, or isn't a regular one.
        """
        with open_file(path) as file:
            size_bytes = known_size(file.fileno())
            if size_bytes is not None and size_bytes <= SMALL_FILE_BYTES:
                data = file.read()
                return self.extract_bytes(data, Path(path).name, options, timeout)
        session = SessionOptions(client_id=default_client_id())  # so that the file is known again
        return self.extract_session(path, options, session, timeout)

    def extract_upload(
        self,
        chunks: Iterable[bytes],
        name: str = "",
        size_bytes: int | None = None,
        options: Options | None = None,
        timeout: float | None = None,
    ) -> Extraction:
        """The document of what `chunks` (1 MiB each are best) make up.

        Refused uploads are sent again, unless `chunks` is an iterator, which can't begin anew.
        """
        header = extractor_pb2.UploadHeader(name=sayable(name), size_bytes=size_bytes, options=options)

        def parts() -> Iterator[_Part]:
            yield _Part(header=header)
            for chunk in chunks:
                yield _Part(data=chunk)

        def call(remaining: float | None) -> extractor_pb2.ExtractUploadResponse:
            with translated():
                return self._stub.ExtractUpload(parts(), timeout=remaining)

        response = self._retrier.run(call, timeout, repeatable=iter(chunks) is not chunks)
        return Extraction(response.document, response.info)

    def session(
        self,
        path: str | Path | SessionSource,
        options: Options | None = None,
        session: SessionOptions = SessionOptions(),  # noqa: B008 - immutable
        timeout: float | None = None,
    ) -> Session:
        """A session with a file of this machine, which sends only the needed bytes. `with` it, and `run` it."""
        return Session(self._stub, self._retrier, path, options, session, timeout)

    def extract_session(
        self,
        path: str | Path | SessionSource,
        options: Options | None = None,
        session: SessionOptions = SessionOptions(),  # noqa: B008 - immutable
        timeout: float | None = None,
    ) -> Extraction:
        """The document of a file of this machine, or of what else can be read by ranges, of which only the needed bytes are sent.

        Raises:
            OSError: the file can't be read, or isn't a regular one.
        """
        if not session.headed_extensions and session.may_prefetch:
            session = session._replace(headed_extensions=self._headed_extensions())
        with self.session(path, options, session, timeout) as opened:
            result = opened.run()
        return Extraction(result.document, result.info)

    def extract_batch(
        self,
        items: Iterable[extractor_pb2.BatchItem],
        options: Options | None = None,
        *,
        in_order: bool = False,
        token: str = "",
        window: int | None = None,
        timeout: float | None = None,
    ) -> Iterator[extractor_pb2.BatchResult]:
        """A result per item, as they come or in order. With a `token`, a broken connection is mended: what was finished
        isn't done again. `timeout` is for one connection.
        """
        start = extractor_pb2.BatchStart(options=options, in_order=in_order, token=token, window=window)
        state = BatchState(start)
        feed = ItemFeed(items, state)
        attempt = 0
        while True:
            try:
                with translated():
                    for answer in self._stub.ExtractBatch(feed.requests(), timeout=timeout):
                        attempt = 0
                        yield from state.hear(answer)
            except MetaExtractError as error:
                attempt += 1
                delay = self._retrier.delay(error, attempt) if token else None
                if delay is None:
                    raise
                time.sleep(delay)
            else:
                attempt += 1
                if state.is_complete or not token or attempt > _MAX_CALLS:
                    return

    def plan_extraction(
        self, request: extractor_pb2.PlanExtractionRequest, timeout: float | None = 10.0
    ) -> extractor_pb2.PlanExtractionResponse:
        """What an extraction would take."""
        with translated():
            return self._stub.PlanExtraction(request, timeout=timeout)

    def get_capabilities(self, timeout: float | None = 10.0) -> extractor_pb2.GetCapabilitiesResponse:
        """What the server can do."""
        request = extractor_pb2.GetCapabilitiesRequest()

        def call(remaining: float | None) -> extractor_pb2.GetCapabilitiesResponse:
            with translated():
                return self._stub.GetCapabilities(request, timeout=remaining)

        return self._retrier.run(call, timeout)

    def get_backoff_state(self, timeout: float | None = 10.0) -> extractor_pb2.GetBackoffStateResponse:
        """How much work the server accepts now."""
        with translated():
            return self._stub.GetBackoffState(extractor_pb2.GetBackoffStateRequest(), timeout=timeout)

    def close(self) -> None:
        """Closes the connection."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _extract(self, request: extractor_pb2.ExtractRequest, timeout: float | None) -> Extraction:
        def call(remaining: float | None) -> extractor_pb2.ExtractResponse:
            with translated():
                return self._stub.Extract(request, timeout=remaining)

        response = self._retrier.run(call, timeout)
        return Extraction(response.document, response.info)

    def _headed_extensions(self) -> frozenset[str]:
        """Endings of files whose end needn't be sent with an offer, asked for once; none when nobody answers."""
        if self._headed is None:
            try:
                capabilities = self.get_capabilities()
            except MetaExtractError:
                return frozenset()
            self._headed = frozenset(
                extension for each in capabilities.formats if each.is_headed for extension in each.extensions
            )
        return self._headed

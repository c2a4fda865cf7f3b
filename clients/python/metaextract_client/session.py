"""Sessions with a file of this machine, as context managers that clean up: call, file, and what is being sent."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Self

import grpc

from metaextract_client.errors import MetaExtractError, UnavailableError, translated
from metaextract_client.files import open_file
from metaextract_client.session_state import SessionFile, SessionState, run_session, run_session_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
    from typing import BinaryIO

    from grpc import aio

    from metaextract.document.v1 import document_pb2
    from metaextract.extractor.v1 import extractor_pb2 as pb
    from metaextract.extractor.v1 import extractor_pb2_grpc
    from metaextract_client.retry import Retrier
    from metaextract_client.session_options import SessionOptions
    from metaextract_client.session_state import SessionSource


class _Base:
    def __init__(
        self,
        retrier: Retrier,
        path: str | Path | SessionSource,
        options: pb.ExtractOptions | None,
        session: SessionOptions,
        timeout: float | None,
    ) -> None:
        self._retrier = retrier
        self._given = path
        self._options = options
        self._session = session
        self._timeout = timeout
        self._file: BinaryIO | None = None
        self._state: SessionState | None = None
        self._upload_id = session.upload_id
        self._sent_before = 0
        self._file_state: tuple[int | str, ...] | None = None

    @property
    def partial(self) -> document_pb2.Document | None:
        """What was known last, even when the session broke off."""
        return self._state.partial if self._state is not None else None

    @property
    def upload_id(self) -> str:
        """Names the upload, to continue it; "" when there is none."""
        return self._state.upload_id if self._state is not None else self._upload_id

    @property
    def sent_bytes(self) -> int:
        """Bytes of the file that were sent, in all attempts."""
        return self._sent_before + (self._state.sent_bytes if self._state is not None else 0)

    def _open(self) -> None:
        """Opens what is a file of this machine; raises OSError."""
        if isinstance(self._given, str | Path):
            self._file = open_file(self._given)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _source(self) -> SessionSource:
        """What is sent, in its present state.

        Raises:
            ValueError: it isn't open.
        """
        if not isinstance(self._given, str | Path):
            return self._given
        if self._file is None:
            raise ValueError("the session isn't open: use `with`")
        return SessionFile(self._file, Path(self._given).name)

    def _begin(self) -> SessionState:
        """The state of another attempt, which continues the last one's upload."""
        if self._state is not None:
            self._sent_before += self._state.sent_bytes
            self._upload_id = self._state.upload_id
        opened = self._source()
        if opened.state != self._file_state:
            # Another content than the one that was begun, but for the first attempt, where only the caller can know.
            self._upload_id = self._upload_id if self._file_state is None else ""
            self._file_state = opened.state
        session = self._session._replace(upload_id=self._upload_id)
        self._state = SessionState(opened, self._options, session)
        return self._state

    def _record_failure(self, error: MetaExtractError) -> None:
        """What the server has lost can't be continued."""
        if error.reason == "UPLOAD_LOST" and self._state is not None:
            self._state.upload_id = ""

    def _result(self, state: SessionState) -> pb.SessionResult:
        if state.result is None:
            raise UnavailableError("the session ended without a result", grpc.StatusCode.UNAVAILABLE)
        return state.result


class Session(_Base):
    """A file and its session; `with` it."""

    def __init__(
        self,
        stub: extractor_pb2_grpc.ExtractorServiceStub,
        retrier: Retrier,
        path: str | Path | SessionSource,
        options: pb.ExtractOptions | None,
        session: SessionOptions,
        timeout: float | None,
    ) -> None:
        super().__init__(retrier, path, options, session, timeout)
        self._stub = stub
        self._calls: list[grpc.Call] = []

    def run(self) -> pb.SessionResult:
        """The document and how it was made; breaks are mended within the retry policy, without sending again what is kept.

        Raises:
            OSError: the file can't be read.
        """

        def attempt(remaining: float | None) -> pb.SessionResult:
            state = self._begin()

            def call(requests: Iterator[pb.ExtractSessionRequest]) -> Iterable[pb.ExtractSessionResponse]:
                started = self._stub.ExtractSession(requests, timeout=remaining)
                self._calls[:] = [started]
                return started

            try:
                with translated():
                    run_session(state, call)
            except MetaExtractError as error:
                self._record_failure(error)
                raise
            return self._result(state)

        seekable = self._source().can_seek
        return self._retrier.run(attempt, self._timeout, repeatable=seekable)

    def cancel(self) -> None:
        """Ends what is running, from another thread; the server frees everything."""
        for call in self._calls:
            call.cancel()  # type: ignore[no-untyped-call]

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()
        self._close()


class AsyncSession(_Base):
    """See `Session`; `async with` it."""

    def __init__(
        self,
        stub: extractor_pb2_grpc.ExtractorServiceAsyncStub,
        retrier: Retrier,
        path: str | Path | SessionSource,
        options: pb.ExtractOptions | None,
        session: SessionOptions,
        timeout: float | None,
    ) -> None:
        super().__init__(retrier, path, options, session, timeout)
        self._stub = stub
        self._calls: list[aio.Call] = []

    async def run(self) -> pb.SessionResult:
        """See `Session.run`."""

        async def attempt(remaining: float | None) -> pb.SessionResult:
            state = self._begin()

            def call(
                requests: AsyncIterator[pb.ExtractSessionRequest],
            ) -> AsyncIterable[pb.ExtractSessionResponse]:
                started = self._stub.ExtractSession(requests, timeout=remaining)
                self._calls[:] = [started]
                return started

            try:
                with translated():
                    await run_session_async(state, call)
            except MetaExtractError as error:
                self._record_failure(error)
                raise
            return self._result(state)

        seekable = self._source().can_seek
        return await self._retrier.run_async(attempt, self._timeout, repeatable=seekable)

    def cancel(self) -> None:
        """Ends what is running; the server frees everything."""
        for call in self._calls:
            call.cancel()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._open)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cancel()
        self._close()

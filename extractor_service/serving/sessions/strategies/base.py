"""The interface of strategies, and what they share in one session."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from extractor_service.backoff.tickets import ticket_of_call
from extractor_service.extraction.estimates import UPLOAD_BYTES
from extractor_service.serving.sessions.claims import ClaimRecord, verified_key
from extractor_service.serving.sessions.whole_stream import Terms
from extractor_service.sources.distant import DistantInput
from extractor_service.sources.sparse import SparseFile
from metaextract.extractor.v1 import extractor_pb2 as pb
from service_runtime.backoff_table import WorkClass
from service_runtime.credits import StreamCredit
from service_runtime.errors import InvalidRequestError
from service_runtime.memory.levels import PressureLevel
from service_runtime.telemetry import current_call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from extractor_service.extraction.extraction import Extraction
    from extractor_service.formats.identification.types import Identity
    from extractor_service.serving.call_context import CallContext
    from extractor_service.serving.sessions.claims import Claim
    from extractor_service.serving.sessions.link import SessionLink
    from extractor_service.serving.sessions.offered_file import OfferedFile

# A session sends large documents in parts, so that only memory bounds them; a unary reply ends at 3 MiB.
_MAX_DOCUMENT_BYTES = 32 * 1024 * 1024  # it streams in parts: memory counts, not a client's 4 MiB a message


class Described(NamedTuple):
    """What a strategy found out."""

    extraction: Extraction
    content_id: str
    """Identity of the content; "" when it has none."""


class Strategy(Protocol):
    """One way to come by the bytes of an offered file."""

    async def try_(self, offered: OfferedFile) -> Described | None:
        """The extraction; None when this isn't the way, and the next one is to be tried."""
        ...


class SessionTools:
    """What strategies use of a session: the link, the bytes that have come, the pipeline."""

    def __init__(
        self, context: CallContext, link: SessionLink, file: SparseFile, on_found: Callable[[bytes], None]
    ) -> None:
        """`file` takes what the client sends; `on_found` is told what a worker has found so far."""
        self.context = context
        self.link = link
        self.file = file
        self._on_found = on_found
        self._is_accepted = False
        self._directory = Path(context.settings.spool_directory or tempfile.gettempdir())

    def accept(self, upload_id: str = "") -> None:
        """Tells the client that its bytes are going to be asked for."""
        if self._is_accepted:
            return
        self._is_accepted = True
        accepted = pb.SessionAccepted(
            session_id=secrets.token_hex(8),
            chunk_bytes=self.chunk_bytes(),
            level=int(self.context.backoff.level()),  # type: ignore[arg-type]
            upload_id=upload_id,
        )
        self.link.post(pb.ExtractSessionResponse(accepted=accepted))

    def client_input(self, offered: OfferedFile, claim: Claim | None) -> DistantInput:
        """The file at the client, whose results are stored under `claim`."""
        source = DistantInput(
            offered.name,
            offered.size_bytes,
            self.file,
            self.link.fetch,
            # Without a claimant it stays nameless: a claimed digest must never stand for a verified one.
            content_id=claim.content_id if claim is not None and claim.space else "",
            claim_space=claim.space if claim is not None else "",
        )
        self.link.attach(source)
        return source

    def stored_input(self, name: str, digest: str, size_bytes: int) -> DistantInput:
        """Content in the cache's chunks. In a file of its own: what the client sent isn't known to be what the digest says."""
        file = SparseFile(self._directory, self.context.spool)
        source = DistantInput(
            name, size_bytes, file, self.context.chunks.fetch_from(digest, file), content_id=digest
        )
        source.digests = {"blake3": digest.partition(":")[2]}
        return source

    async def extract(self, source: DistantInput, offered: OfferedFile) -> Extraction:
        """Runs the pipeline; what is found streams back meanwhile."""
        source.on_found = self._on_found
        is_waiting = self.context.backoff.limiter.queued > 0
        self.link.post_progress(pb.SESSION_STAGE_QUEUED if is_waiting else pb.SESSION_STAGE_READING)
        return await self.context.pipeline.extract(
            source, offered.options, max_document_bytes=_MAX_DOCUMENT_BYTES
        )

    async def scout(self, source: DistantInput, offered: OfferedFile, identity: Identity) -> None:
        """Lets a reader ask for what it needs of a stream that passes; what is found streams back meanwhile."""
        source.on_found = self._on_found
        await self.context.pipeline.scout(source, offered.options, identity)

    async def remember(
        self,
        offered: OfferedFile,
        extraction: Extraction,
        size_bytes: int,
        digests: dict[str, str],
        verified_id: str = "",
    ) -> None:
        """Keeps what was learnt of the claimed content; nothing past the cache. `verified_id`: of content that has come
        whole, which is then found by its digest alone.
        """
        if not offered.uses_cache:
            return
        record = ClaimRecord(extraction.identity, size_bytes, digests).encode()
        if offered.claim is not None and offered.claim.space:
            await self.context.pipeline.remember(offered.claim.record_key, record, offered.read_point)
        if verified_id:
            key = verified_key(verified_id, current_call.get().tenant)
            await self.context.pipeline.remember(key, record, offered.read_point)

    async def note_begin(self, offered: OfferedFile) -> None:
        """Takes the cache's position before content is read that may be remembered."""
        if offered.read_point is None and offered.uses_cache:
            offered.read_point = await self.context.pipeline.read_point()

    @contextlib.asynccontextmanager
    async def upload_slot(self, offered: OfferedFile) -> AsyncIterator[StreamCredit]:
        """A slot among the uploads, with one chunk of credit reserved.

        Raises:
            InvalidRequestError: the file is larger than uploads may be.
            OverloadedError: there is no slot, or pressure forbids files of that size.
        """
        context = self.context
        if offered.size_bytes > context.settings.max_upload_bytes:
            raise InvalidRequestError(
                "offer.size_bytes", f"uploads end at {context.settings.max_upload_bytes} bytes"
            )
        ticket = ticket_of_call(offered.options.work, UPLOAD_BYTES)
        async with context.backoff.uploads.slot(ticket):
            with StreamCredit(context.credits, self.chunk_bytes()) as credit:
                context.backoff.limiter.check_size(offered.size_bytes, offered.options.work)
                yield credit

    def terms(self) -> Terms:
        """What acks say of this server."""
        backoff = self.context.backoff
        return Terms(backoff.level, self.chunk_bytes, lambda: backoff.level() < PressureLevel.HIGH)

    def chunk_bytes(self) -> int:
        """The best size of a chunk now."""
        return self.context.backoff.decide().rows[WorkClass.INTERACTIVE].chunk_bytes

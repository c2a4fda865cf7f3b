"""How the bytes of an offered file come: not at all, from the cache's chunks, by ranges, or as the whole stream."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from extractor_service.backoff.queue import Ticket
from extractor_service.extraction.memory_needs import UPLOAD_BYTES
from extractor_service.extraction.pipeline import CacheUse
from extractor_service.serving.sessions.claims import Note, claim_of
from extractor_service.serving.sessions.whole_stream import NoSink, SpoolSink, Terms, take_whole
from extractor_service.sources.base import SourceError
from extractor_service.sources.content import digest_id
from extractor_service.sources.distant import DistantInput
from extractor_service.sources.sparse import SparseFile
from extractor_service.uploads.chunk import chunk_of
from extractor_service.uploads.relay import RelayLostError
from metaextract.extractor.v1 import extractor_pb2 as pb
from metaextract_client.errors import MetaExtractError
from service_runtime.backoff_table import WorkClass
from service_runtime.credits import StreamCredit
from service_runtime.errors import (
    DigestMismatchError,
    InvalidRequestError,
    UploadLostError,
)
from service_runtime.memory.levels import PressureLevel
from service_runtime.telemetry import current_call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from extractor_service.extraction.pipeline import Extraction, ExtractionOptions
    from extractor_service.serving.call_context import Parts
    from extractor_service.serving.sessions.claims import Claim
    from extractor_service.serving.sessions.link import SessionLink
    from extractor_service.sources.spans import Span
    from extractor_service.uploads.chunk import Chunk
    from extractor_service.uploads.relay import Relay

_PREFETCH_BYTES = 64 * 1024
_MAX_PREFETCH_PIECES = 8
_HEADED = (".fits", ".fit", ".fts", ".dcm", ".dicom", ".jpg", ".jpeg", ".png")
"""Endings of files that say nothing of themselves at their end."""
_MAX_DOCUMENT_BYTES = 32 * 1024 * 1024


class Strategies:
    """Of one session, tried in the order of what they cost.

    Attributes:
        size_bytes: size of the file, once it is known.
    """

    def __init__(self, parts: Parts, link: SessionLink, on_found: Callable[[bytes], None]) -> None:
        """`on_found` is told what a worker has found so far."""
        self._parts = parts
        self._link = link
        self._on_found = on_found
        self._is_accepted = False
        self._directory = Path(parts.settings.spool_directory or tempfile.gettempdir())
        self.size_bytes = 0

    async def describe(
        self, offer: pb.SessionOffer, options: ExtractionOptions, file: SparseFile
    ) -> tuple[Extraction, str]:
        """The extraction and the content's identity."""
        claim = claim_of(offer, current_call.get().tenant)
        if len(offer.prefetch) > _MAX_PREFETCH_PIECES:
            raise InvalidRequestError("offer.prefetch", f"at most {_MAX_PREFETCH_PIECES} pieces are allowed")
        for message in offer.prefetch:
            chunk = chunk_of(message)
            chunk.check()
            if chunk.end > offer.size_bytes:
                raise InvalidRequestError("offer.prefetch", "reaches beyond the file's end")
            file.write(chunk.offset, chunk.data)
            self._link.moved_bytes += len(chunk.data)
        note = None
        if claim is not None and options.cache_use is not CacheUse.BYPASS:
            note = Note.decode(await self._parts.pipeline.note(claim.note_key))
        if claim is not None and note is not None and options.cache_use is CacheUse.USE:
            hit = await self._early_hit(offer, options, file, claim, note)
            if hit is not None:
                return hit, claim.content_id
        stored = await self._stored(offer, options, claim, note)
        if stored is not None:
            return stored
        wants_digests = "digests" in options.modules and not _knows(note, options)
        if not offer.can_seek:
            return await self._from_stream(offer, options, file, claim)
        if wants_digests or offer.upload_id:
            return await self._with_whole(offer, options, file, claim)
        return await self._by_ranges(offer, options, file, claim, note)

    async def _early_hit(
        self,
        offer: pb.SessionOffer,
        options: ExtractionOptions,
        file: SparseFile,
        claim: Claim,
        note: Note,
    ) -> Extraction | None:
        """The document as the cache has it under the claim, before any byte is asked for."""
        source = self._distant(offer, file, claim)
        source.digests = dict(note.digests)
        return await self._parts.pipeline.cached(source, options, note.format_name)

    async def _stored(
        self,
        offer: pb.SessionOffer,
        options: ExtractionOptions,
        claim: Claim | None,
        note: Note | None,
    ) -> tuple[Extraction, str] | None:
        """The extraction from the cache's chunks, where this tenant has sent the content before; None when they don't
        have it, or not any more.
        """
        if claim is None or options.cache_use is CacheUse.BYPASS:
            return None
        known = note.digests.get("blake3") if note is not None else None
        digest = claim.digest or (digest_id(known) if known else "")
        size = await self._parts.retention.blob_size(digest) if digest else None
        if size is None or (offer.HasField("size_bytes") and size != offer.size_bytes):
            return None
        self.size_bytes = size
        source = self._blob_input(offer.name, digest, size)
        with contextlib.closing(source):
            try:
                await source.prepare()
            except SourceError:
                return None
            extraction = await self._extract(source, options)
        return None if source.has_failed else (extraction, digest)

    async def _by_ranges(
        self,
        offer: pb.SessionOffer,
        options: ExtractionOptions,
        file: SparseFile,
        claim: Claim | None,
        note: Note | None,
    ) -> tuple[Extraction, str]:
        retention = self._parts.retention
        kept: list[Span] = []
        if claim is not None and options.cache_use is not CacheUse.BYPASS:
            await retention.load_blocks(claim.blocks_key, file)
            kept = list(file.present)
        source = self._distant(offer, file, claim)
        if note is not None:
            source.digests = dict(note.digests)
        self._accept()
        # What a client without a claim sends with its offer.
        is_headed = offer.name.lower().endswith(_HEADED)
        await source.prepare(_PREFETCH_BYTES, 0 if is_headed else _PREFETCH_BYTES)
        extraction = await self._extract(source, options)
        if claim is not None and options.cache_use is not CacheUse.BYPASS:
            digests = note.digests if note is not None else {}
            await self._remember(claim, extraction, offer.size_bytes, digests)
            retention.keep_blocks(claim.blocks_key, offer.size_bytes, file, kept)
        return extraction, source.content_id

    async def _with_whole(
        self, offer: pb.SessionOffer, options: ExtractionOptions, file: SparseFile, claim: Claim | None
    ) -> tuple[Extraction, str]:
        """The whole stream, for its digests: kept in the cache where that is allowed, else by nobody."""
        async with self._upload_place(options) as credit:
            self._parts.backoff.limiter.check_size(offer.size_bytes, options.work)
            relay = None
            if options.cache_use is not CacheUse.BYPASS or offer.upload_id:
                relay = await self._parts.retention.relay(offer.size_bytes, offer.upload_id)
            if relay is not None:
                try:
                    return await self._through(relay, offer, options, file, claim, credit)
                except RelayLostError as error:
                    # Slower: the client sends it again, in a session that keeps nothing.
                    self._parts.retention.note_lost()
                    raise UploadLostError(f"the upload was lost: {error}") from error
                finally:
                    relay.close()
            return await self._unkept(offer, options, file, claim, credit)

    async def _through(
        self,
        relay: Relay,
        offer: pb.SessionOffer,
        options: ExtractionOptions,
        file: SparseFile,
        claim: Claim | None,
        credit: StreamCredit,
    ) -> tuple[Extraction, str]:
        self._accept(relay.upload_id)
        self._link.committed_offset = relay.begin_at
        extra = [name for name in options.digest_algorithms if name != "blake3"]
        taking = asyncio.create_task(
            take_whole(
                self._link,
                file,
                offer.size_bytes,
                credit,
                _Following(relay, self._link),
                extra or None,
                self._terms(),
                relay.begin_at,
                relay.earlier() if relay.begin_at else None,
            )
        )
        running = asyncio.create_task(relay.run())
        try:
            await asyncio.wait({taking, running}, return_when=asyncio.FIRST_COMPLETED)
            if not taking.done():
                running.result()  # raises
            size, digests = taking.result()
            digest = await relay.finish(running, claim.digest if claim is not None else "")
        except MetaExtractError as error:
            if error.reason == "DIGEST_MISMATCH":
                raise DigestMismatchError(str(error)) from error
            raise RelayLostError(str(error)) from error
        finally:
            for task in (taking, running):
                task.cancel()
            await asyncio.gather(taking, running, return_exceptions=True)
        self._link.enough(size)
        source = self._blob_input(offer.name, digest, size)
        with contextlib.closing(source):
            source.digests = {**digests, "blake3": digest.partition(":")[2]}
            source.alias = (claim.content_id, claim.space) if claim is not None else None
            await source.prepare()
            extraction = await self._extract(source, options)
        if claim is not None:
            await self._remember(claim, extraction, size, source.digests)
        return extraction, digest

    async def _unkept(
        self,
        offer: pb.SessionOffer,
        options: ExtractionOptions,
        file: SparseFile,
        claim: Claim | None,
        credit: StreamCredit,
    ) -> tuple[Extraction, str]:
        """Ranges for the reader first; then the rest, hashed and forgotten."""
        source = self._distant(offer, file, None)

        async def complete() -> None:
            _, digests = await take_whole(
                self._link, file, offer.size_bytes, credit, NoSink(), options.digest_algorithms, self._terms()
            )
            _check_digest(claim, digests)
            source.digests = digests
            source.content_id = digest_id(digests["blake3"])
            self._link.enough(offer.size_bytes)

        source.complete = complete
        source.alias = (claim.content_id, claim.space) if claim is not None else None
        self._accept()
        await source.prepare()
        extraction = await self._extract(source, options)
        if claim is not None and options.cache_use is not CacheUse.BYPASS:
            await self._remember(claim, extraction, offer.size_bytes, source.digests)
        return extraction, source.content_id

    async def _from_stream(
        self, offer: pb.SessionOffer, options: ExtractionOptions, file: SparseFile, claim: Claim | None
    ) -> tuple[Extraction, str]:
        """A client that can't go back: all of it, kept here until it has been read."""
        async with self._upload_place(options) as credit:
            self._parts.backoff.limiter.check_size(offer.size_bytes, options.work)
            self._accept()
            size, digests = await take_whole(
                self._link,
                file,
                None,
                credit,
                SpoolSink(file, self._parts.settings.max_upload_bytes),
                options.digest_algorithms,
                self._terms(),
            )
        if offer.HasField("size_bytes") and size != offer.size_bytes:
            raise InvalidRequestError("end.size_bytes", f"{size} bytes came, {offer.size_bytes} were offered")
        _check_digest(claim, digests)
        self.size_bytes = size
        self._link.enough(size)
        source = DistantInput(
            offer.name, size, file, self._link.fetch, content_id=digest_id(digests["blake3"])
        )
        source.digests = digests
        extraction = await self._extract(source, options)
        if options.cache_use is not CacheUse.BYPASS:
            self._parts.retention.keep_whole(source.descriptor(), size, source.content_id)
            if claim is not None:
                await self._remember(claim, extraction, size, digests)
        return extraction, source.content_id

    async def _extract(self, source: DistantInput, options: ExtractionOptions) -> Extraction:
        source.on_found = self._on_found
        is_waiting = self._parts.backoff.limiter.queued > 0
        self._link.post_progress(pb.SESSION_STAGE_QUEUED if is_waiting else pb.SESSION_STAGE_READING)
        return await self._parts.pipeline.extract(source, options, max_document_bytes=_MAX_DOCUMENT_BYTES)

    def _distant(self, offer: pb.SessionOffer, file: SparseFile, claim: Claim | None) -> DistantInput:
        source = DistantInput(
            offer.name,
            offer.size_bytes,
            file,
            self._link.fetch,
            content_id=claim.content_id if claim is not None else "",
            claim_space=claim.space if claim is not None else "",
        )
        self._link.attach(source)
        return source

    def _blob_input(self, name: str, digest: str, size: int) -> DistantInput:
        """Stored content. In a file of its own: what the client sent isn't known to be what the digest says."""
        file = SparseFile(self._directory, self._parts.budget)
        source = DistantInput(
            name, size, file, self._parts.retention.fetch_from(digest, file), content_id=digest
        )
        source.digests = {"blake3": digest.partition(":")[2]}
        return source

    async def _remember(
        self, claim: Claim, extraction: Extraction, size: int, digests: dict[str, str]
    ) -> None:
        note = Note(extraction.document.file.format, size, digests)
        await self._parts.pipeline.remember(claim.note_key, note.encode())

    @contextlib.asynccontextmanager
    async def _upload_place(self, options: ExtractionOptions) -> AsyncIterator[StreamCredit]:
        """A place among the uploads, with one chunk reserved."""
        if self.size_bytes > self._parts.settings.max_upload_bytes:
            raise InvalidRequestError(
                "offer.size_bytes", f"uploads end at {self._parts.settings.max_upload_bytes} bytes"
            )
        ticket = Ticket(options.work, current_call.get().tenant, UPLOAD_BYTES)
        async with self._parts.backoff.uploads.slot(ticket):
            with StreamCredit(self._parts.pool, self._chunk_bytes()) as credit:
                yield credit

    def _terms(self) -> Terms:
        backoff = self._parts.backoff
        return Terms(backoff.level, self._chunk_bytes, lambda: backoff.level() < PressureLevel.HIGH)

    def _chunk_bytes(self) -> int:
        return self._parts.backoff.decide().rows[WorkClass.INTERACTIVE].chunk_bytes

    def _accept(self, upload_id: str = "") -> None:
        if self._is_accepted:
            return
        self._is_accepted = True
        accepted = pb.SessionAccepted(
            session_id=secrets.token_hex(8),
            chunk_bytes=self._chunk_bytes(),
            level=int(self._parts.backoff.level()),  # type: ignore[arg-type]
            upload_id=upload_id,
        )
        self._link.post(pb.ExtractSessionResponse(accepted=accepted))


class _Following:
    """A relay as a sink; the link learns what is committed."""

    def __init__(self, relay: Relay, link: SessionLink) -> None:
        self._relay = relay
        self._link = link

    async def put(self, chunk: Chunk, release: Callable[[], None]) -> None:
        """Hands the chunk on."""

        def committed() -> None:
            self._link.committed_offset = self._relay.committed_offset
            release()

        await self._relay.put(chunk, committed)


def _knows(note: Note | None, options: ExtractionOptions) -> bool:
    return note is not None and {"blake3", *options.digest_algorithms} <= set(note.digests)


def _check_digest(claim: Claim | None, digests: dict[str, str]) -> None:
    found = digest_id(digests["blake3"])
    if claim is not None and claim.digest not in {"", found}:
        raise DigestMismatchError(f"the content has the digest {found}")

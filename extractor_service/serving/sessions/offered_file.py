"""What a client offers in a session, checked and parsed once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from extractor_service.extraction.options import CacheUse
from extractor_service.formats.identification.identify import suggestion
from extractor_service.serving import wire
from extractor_service.serving.sessions.claims import ClaimRecord, claim_of
from extractor_service.uploads.chunk import chunk_of
from service_runtime.errors import InvalidRequestError
from service_runtime.telemetry import current_call

if TYPE_CHECKING:
    from extractor_service.extraction.options import ExtractionOptions
    from extractor_service.serving.call_context import CallContext
    from extractor_service.serving.sessions.claims import Claim
    from extractor_service.uploads.chunk import Chunk
    from metaextract.cache.v1 import result_pb2
    from metaextract.extractor.v1 import extractor_pb2 as pb

MAX_PREFETCH_BYTES = 256 * 1024  # twice the head and tail that any format needs; more belongs into ranges
_MAX_PREFETCH_PIECES = 8  # a head, a tail, and room for clients that know more
_MAX_FILE_BYTES = 1 << 62  # offsets and lengths add up within 64 bits


@dataclass
class OfferedFile:
    """The file, and what is wanted of it."""

    name: str
    size_bytes: int
    """0 until it is known, of a client that can't seek."""
    has_size: bool
    """Whether the client said how large it is."""
    can_seek: bool
    upload_id: str
    """The upload to go on with; "" for none."""
    options: ExtractionOptions
    claim: Claim | None
    prefetch: tuple[Chunk, ...]
    needs_whole_file: bool
    """Whether a module that is asked for reads every byte."""
    is_headed: bool
    """Whether files of that name say nothing of themselves at their end."""
    known: ClaimRecord | None = None
    """What earlier sessions have learnt of the claimed content."""
    read_point: result_pb2.InvalidationPoint | None = None
    """Of the cache, before anything of the file was read; None while it wasn't asked."""

    @property
    def uses_cache(self) -> bool:
        """Whether anything may be looked up or stored."""
        return self.options.cache_use is not CacheUse.BYPASS

    @property
    def wants_digests(self) -> bool:
        """Whether digests have to be computed: they aren't known from an earlier session."""
        if not self.needs_whole_file:
            return False
        wanted = {"blake3", *self.options.digest_algorithms}
        return self.known is None or not wanted <= set(self.known.digests)


def parse_offer(offer: pb.SessionOffer, context: CallContext) -> OfferedFile:
    """The offered file.

    Raises:
        InvalidRequestError: options, sizes, claims or prefetched bytes aren't well formed.
    """
    options = wire.options_from_wire(offer.options, context.modules, context.settings.parse_seconds)
    has_size = offer.HasField("size_bytes")
    if offer.can_seek and not has_size:
        raise InvalidRequestError("offer.size_bytes", "is required of a client that can seek")
    most_bytes = _MAX_FILE_BYTES if offer.can_seek else context.settings.max_upload_bytes
    if offer.size_bytes > most_bytes:
        raise InvalidRequestError("offer.size_bytes", f"must be at most {most_bytes}")
    suggested = suggestion(offer.name)
    likely = suggested.format if suggested is not None else None
    return OfferedFile(
        name=offer.name,
        size_bytes=offer.size_bytes,
        has_size=has_size,
        can_seek=offer.can_seek,
        upload_id=offer.upload_id,
        options=options,
        claim=claim_of(offer, current_call.get()),
        prefetch=_prefetched(offer),
        needs_whole_file=any(context.modules[name].needs_whole_file for name in options.modules),
        is_headed=likely is not None and likely.is_headed,
    )


def _prefetched(offer: pb.SessionOffer) -> tuple[Chunk, ...]:
    if sum(len(chunk.data) for chunk in offer.prefetch) > MAX_PREFETCH_BYTES:
        raise InvalidRequestError("offer.prefetch", f"at most {MAX_PREFETCH_BYTES} bytes are allowed")
    if offer.prefetch and not offer.can_seek:
        raise InvalidRequestError("offer.prefetch", "is only for clients that can seek")
    if len(offer.prefetch) > _MAX_PREFETCH_PIECES:
        raise InvalidRequestError("offer.prefetch", f"at most {_MAX_PREFETCH_PIECES} pieces are allowed")
    chunks = tuple(map(chunk_of, offer.prefetch))
    for chunk in chunks:
        chunk.check()
        if chunk.end > offer.size_bytes:
            raise InvalidRequestError("offer.prefetch", "reaches beyond the file's end")
    return chunks

"""Finished documents at hand: which request one of them answers, and when one is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.extraction import assemble
from extractor_service.extraction.options import CacheUse
from extractor_service.extraction.steps import space_of
from extractor_service.formats.identification.identify import by_the_name
from extractor_service.results.encoded_document import DocumentName, encoded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractor_service.extraction.options import ExtractionOptions
    from extractor_service.extraction.steps import Step
    from extractor_service.formats.identification.types import Identity
    from extractor_service.results.client import Lookup, ResultsClient
    from extractor_service.results.encoded_document import EncodedDocument
    from extractor_service.sources.base import Input
    from metaextract.document.v1 import document_pb2


class DocumentsAtHand:
    """Asks nobody, and looks at no byte of a file."""

    def __init__(self, cache: ResultsClient, max_document_bytes: int) -> None:
        self._cache = cache
        self._max_document_bytes = max_document_bytes

    def find(self, source: Input, options: ExtractionOptions) -> EncodedDocument | None:
        """The document of `source`, but for its name."""
        if options.cache_use is not CacheUse.USE or not source.may_be_cached or source.complete is not None:
            return None
        found = self._cache.document_at_hand(_name_of(source, options))
        if found is None or by_the_name(found.identity, source.name) != found.named:
            return None
        return found

    def keep(
        self,
        source: Input,
        options: ExtractionOptions,
        hits: Sequence[tuple[list[Step], Lookup]],
        document: document_pb2.Document,
        identity: Identity,
    ) -> None:
        """Keeps a document that the cache had all of, by `hits`, and that nothing was left out of."""
        if not hits or not source.may_be_cached or source.complete is not None:
            return
        ready = encoded(document, identity, by_the_name(identity, source.name))
        if ready.size_bytes + assemble.FACTS_BYTES <= self._max_document_bytes:
            keys = [step.key for steps, _ in hits for step in steps]
            self._cache.keep_document(_name_of(source, options), ready, keys, [lookup for _, lookup in hits])


def _name_of(source: Input, options: ExtractionOptions) -> DocumentName:
    return DocumentName(
        source.content_id,
        space_of(source),
        options.modules,
        options.digest_algorithms,
        options.depth.value,
        tuple(source.digests),
    )

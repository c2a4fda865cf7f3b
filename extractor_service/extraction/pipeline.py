"""From an input to a document, on one screen: sniff, plan, look up, parse what is missing, store, assemble."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.backoff.tickets import ticket_of_call
from extractor_service.depth import Depth
from extractor_service.extraction import assemble, located, quarantine
from extractor_service.extraction.at_hand import DocumentsAtHand
from extractor_service.extraction.extraction import AtHand, CacheVerdict, Extraction, Recalled, Stages
from extractor_service.extraction.groups import Request
from extractor_service.extraction.looking import identify_input
from extractor_service.extraction.options import CacheUse
from extractor_service.extraction.quarantine import Strikes
from extractor_service.extraction.steps import Steps, new_results, space_of
from extractor_service.extraction.tally import Tally
from extractor_service.extraction.worker_job import About, usable_seconds
from extractor_service.formats.identification.identify import by_the_name
from extractor_service.modules.base import ModuleContext, Part
from extractor_service.results.client import Lookup, NewResult
from extractor_service.workers.protocol import JobResult
from metaextract.cache.v1 import result_pb2
from metaextract.document.v1 import document_pb2
from service_runtime import tracing
from service_runtime.identity.principal import Role
from service_runtime.telemetry import current_call
from service_runtime.tracing import staged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractor_service.backoff.state import BackoffState
    from extractor_service.extraction.groups import Groups
    from extractor_service.extraction.options import ExtractionOptions
    from extractor_service.extraction.steps import Step
    from extractor_service.formats.base import Format
    from extractor_service.formats.identification.types import Identity
    from extractor_service.modules.base import Module
    from extractor_service.results.client import ResultsClient
    from extractor_service.results.keys import ModuleKey
    from extractor_service.sources.base import Input


class _Work(NamedTuple):
    """One extraction on its way. `fragments` fills up."""

    source: Input
    options: ExtractionOptions
    context: ModuleContext
    steps: list[Step]
    fragments: dict[str, bytes]
    lookup: Lookup | None
    """None when the cache isn't to be used."""
    hits: list[tuple[list[Step], Lookup]]
    """What the cache had all of."""

    def strikes(self) -> Strikes | None:
        """What is remembered of failures with this content."""
        record = self.lookup.optional if self.lookup is not None else None
        return None if record is None else Strikes.decode(record)


class Pipeline:
    """Describes inputs. Parsing is limited and isolated; cached results need neither place nor worker."""

    def __init__(
        self,
        formats: Sequence[Format],
        modules: Sequence[Module],
        groups: Groups,
        backoff: BackoffState,
        cache: ResultsClient,
        *,
        max_document_bytes: int,
    ) -> None:
        self._formats = formats
        self._readers = {each.name: each for each in formats}
        self._steps = Steps(modules)
        self._groups = groups
        self._backoff = backoff
        self._cache = cache
        self._max_document_bytes = max_document_bytes
        self._at_hand = DocumentsAtHand(cache, max_document_bytes)
        self.tally = Tally()
        self._stages = Stages(
            staged("identify", identify_input),
            staged("look_up", self._look_up),
            staged("parse", self._parse),
            staged("store", cache.store),
            staged("assemble", assemble.document),
        )

    async def extract(
        self,
        source: Input,
        options: ExtractionOptions,
        into: document_pb2.Document | None = None,
        max_document_bytes: int = 0,
    ) -> Extraction:
        """The document of `source`, of at most `max_document_bytes`, or as many as a unary reply may have.

        It is written `into` an empty document where the caller has one.

        Raises:
            OverloadedError: the file would have to be parsed, and there is no place.
            DeadlineError: no time is left to begin.
        """
        self._cache.begin()
        try:
            return await self._extract(source, options, into, max_document_bytes)
        finally:
            self._cache.end()

    async def _extract(
        self,
        source: Input,
        options: ExtractionOptions,
        into: document_pb2.Document | None,
        max_document_bytes: int,
    ) -> Extraction:
        started_at = time.monotonic()
        identity = await self._stages.identify(
            source, self._formats, may_pull=options.depth is not Depth.FAST
        )
        context = self._context(source, options, identity)
        steps = self._steps.of_content(source, options, context)
        lookup, verdict = await self._stages.look_up(source, options, steps)
        fragments = {
            step.module.name: fragment
            for step, fragment in zip(steps, lookup.fragments if lookup else [], strict=False)
            if fragment is not None
        }
        hits = [(steps, lookup)] if lookup is not None and verdict is CacheVerdict.HIT else []
        work = _Work(source, options, context, steps, fragments, lookup, hits)
        parsed, changed = JobResult(), False
        if len(fragments) < len(steps):
            async with lookup.lease if lookup and lookup.lease else contextlib.nullcontext():
                refused = _refused(work)
                if refused is None:
                    parsed, changed = await self._compute(work)
                else:
                    parsed, verdict = refused, CacheVerdict.HIT
                    self.tally.quarantined += 1
        elif source.complete is not None:  # nothing to parse, and an identity all the same
            await source.complete()
        verdict = await self._add_placed(work, parsed, verdict)
        document = self._stages.assemble(
            source,
            identity,
            [fragments[name] for name in self._steps.asked(options) if name in fragments],
            parsed,
            changed=changed,
            max_bytes=max_document_bytes or self._max_document_bytes,
            into=into,
        )
        if verdict is CacheVerdict.HIT and not max_document_bytes:
            self._at_hand.keep(source, options, work.hits, document, identity)
        extraction = Extraction(document, verdict, parsed.source_bytes_read, parsed.source_reads, identity)
        self._record(extraction, context, source, started_at)
        return extraction

    def at_hand(self, source: Input, options: ExtractionOptions) -> AtHand | None:
        """The encoded document, where it is at hand as a whole; nobody is asked, and nothing looked at."""
        found = self._at_hand.find(source, options)
        if found is None:
            return None
        self.tally.record(found.reader, found.outcome, CacheVerdict.HIT, (source.size_bytes, 0), None)
        return AtHand(found.of(source.name), found.outcome)

    async def cached(
        self, source: Input, options: ExtractionOptions, identity: Identity
    ) -> Extraction | None:
        """The document from the cache, or None when a part is missing. The file's type is known, not its bytes."""
        ready = self.at_hand(source, options)
        if ready is not None:
            return Extraction(
                document_pb2.Document.FromString(ready.document), CacheVerdict.HIT, 0, 0, identity
            )
        started_at = time.monotonic()
        context = self._context(source, options, identity)
        steps = self._steps.of_content(source, options, context)
        fragments = await self._known(steps, source)
        if fragments is None:
            return None
        placed = self._steps.of_place(options, fragments)
        more = await self._known(placed, source)
        if more is None:
            return None
        fragments.update(more)
        found = [fragments[name] for name in self._steps.asked(options) if name in fragments]
        document = assemble.document(
            source, identity, found, JobResult(), changed=False, max_bytes=self._max_document_bytes
        )
        extraction = Extraction(document, CacheVerdict.HIT, 0, 0, identity)
        self._record(extraction, context, source, started_at)
        return extraction

    def _record(
        self, extraction: Extraction, context: ModuleContext, source: Input, started_at: float
    ) -> None:
        reader = _name(context)
        read = source.size_bytes, extraction.source_bytes_read
        self.tally.record(
            reader,
            extraction.document.outcome,
            extraction.cache_verdict,
            read,
            None if extraction.cache_verdict is CacheVerdict.HIT else time.monotonic() - started_at,
        )

    async def scout(self, source: Input, options: ExtractionOptions, identity: Identity) -> None:
        """Runs the reader for what it asks of `source`; what it finds is thrown away.

        Raises:
            OverloadedError: there is no place.
        """
        context = self._context(source, replace(options, digest_algorithms=()), identity)
        for step in self._steps.of_content(source, options, context):
            if step.module.writes is Part.SECTIONS or step.module.reads:
                first = self._groups.with_dependencies([step.module.name])[:1]
                await self._groups.run(Request(source, context.format, options), first)
                return

    async def recall(self, key: ModuleKey) -> Recalled:
        """What was remembered under `key`, and when it was asked for."""
        found = await self._cache.peek([], key)
        return Recalled(found.optional, found.read_point)

    async def read_point(self) -> result_pb2.InvalidationPoint | None:
        """The position of the invalidation log, to be taken before what is to be remembered is read."""
        return await self._cache.read_point()

    async def remember(
        self, key: ModuleKey, value: bytes, point: result_pb2.InvalidationPoint | None
    ) -> None:
        """Keeps something small under `key`, as long as an extraction's results; nothing where `point`, at which the reading
        began, isn't known, or everything of it was invalidated since.
        """
        await self._cache.store(
            [NewResult(key, value, 0.001)], Lookup([], point, available=point is not None), ""
        )

    def _context(self, source: Input, options: ExtractionOptions, identity: Identity) -> ModuleContext:
        """What reads it, and how; of texts the name says more than the bytes, and results are kept by the reader's name."""
        known_as = by_the_name(identity, source.name).identity.type
        return ModuleContext(
            self._readers.get(known_as.reader),
            options.digest_algorithms,
            options.depth,
            mime_type=known_as.mime_type,
        )

    async def _known(self, steps: list[Step], source: Input) -> dict[str, bytes] | None:
        """The fragments by module, when the cache has all of them."""
        if not steps:
            return {}
        keys = [step.key for step in steps]
        lookup = self._cache.near(keys)
        if lookup is None:
            lookup = await self._cache.peek(keys, quarantine.key(source.content_id, space_of(source)))
        fragments = {
            step.module.name: fragment
            for step, fragment in zip(steps, lookup.fragments, strict=False)
            if fragment is not None and assemble.is_readable(fragment)
        }
        return fragments if len(fragments) == len(keys) else None

    async def _add_placed(self, work: _Work, parsed: JobResult, verdict: CacheVerdict) -> CacheVerdict:
        """Adds what is known of the place; what the cache knew of all."""
        options, source = work.options, work.source
        steps = self._steps.of_place(options, work.fragments)
        if not steps:
            return verdict
        keys, space = [step.key for step in steps], steps[0].key.space
        lookup: Lookup | None = None
        if options.cache_use is not CacheUse.BYPASS:
            lookup = self._cache.near(keys) if options.cache_use is CacheUse.USE else None
            lookup = lookup or await self._cache.peek(keys, quarantine.key(keys[0].content_id, space))
            if options.cache_use is CacheUse.REFRESH:
                lookup = lookup._replace(fragments=[None] * len(keys))
        missing = []
        for step, fragment in zip(steps, lookup.fragments if lookup else [None] * len(steps), strict=True):
            if fragment is not None and assemble.is_readable(fragment):
                work.fragments[step.module.name] = fragment
            else:
                missing.append(step)
        if not missing:
            if lookup is not None:
                self._cache.keep_near(keys, lookup)
                work.hits.append((steps, lookup))
            return verdict
        about = About(position=located.position_of(work.fragments.get(located.SOURCE)))
        names = [step.module.name for step in missing]
        found = await self._groups.run(Request(source, None, options), names, about)
        computed, storable = assemble.fragments_of(
            found, {step.module.name: step.key.version for step in missing}
        )
        work.fragments.update(computed)
        if lookup is not None:
            await self._stages.store(new_results(missing, work.fragments, storable), lookup, "")
        if found.failure is not None and parsed.failure is None:
            parsed.failure, parsed.failure_message = found.failure, found.failure_message
        return CacheVerdict.PARTIAL if verdict is CacheVerdict.HIT else verdict

    async def _compute(self, work: _Work) -> tuple[JobResult, bool]:
        """What the workers found, added to the fragments and stored, and whether the file changed meanwhile."""
        source, options, lookup = work.source, work.options, work.lookup
        missing = [step for step in work.steps if step.module.name not in work.fragments]
        limit = usable_seconds(options.parse_seconds)
        parsed = await self._stages.parse(source, options, work.context, missing)
        if source.complete is not None:
            await source.complete()
            missing = self._steps.of_content(source, options, work.context)
        changed = source.has_changed()
        computed, storable = assemble.fragments_of(
            parsed, {step.module.name: step.key.version for step in missing}
        )
        work.fragments.update(computed)
        if lookup is not None and not changed:
            results = new_results(missing, work.fragments, storable)
            if source.alias is not None:
                content_id, space = source.alias
                results += [
                    each._replace(key=each.key._replace(content_id=content_id, space=space))
                    for each in results
                ]
            record = quarantine.after(work.strikes(), self._groups.readers_part(parsed), time.time(), limit)
            if record is not None:
                results.append(
                    NewResult(
                        quarantine.key(source.content_id, space_of(source)),
                        record.encode(),
                        limit,
                        result_pb2.TTL_CLASS_STRIKES,
                    )
                )
            await self._stages.store(results, lookup, source.source)
        return parsed, changed

    async def _look_up(
        self, source: Input, options: ExtractionOptions, steps: list[Step]
    ) -> tuple[Lookup | None, CacheVerdict]:
        if source.complete is not None and options.cache_use is not CacheUse.BYPASS:
            point = await self._cache.read_point()
            return Lookup([], point, available=point is not None), CacheVerdict.MISS
        if not steps or options.cache_use is CacheUse.BYPASS or not source.may_be_cached:
            return None, CacheVerdict.BYPASSED
        keys = [step.key for step in steps]
        if options.cache_use is CacheUse.REFRESH:
            self._cache.forget_near(keys)
            lookup = await self._cache.peek(keys, quarantine.key(source.content_id, space_of(source)))
            lookup = lookup._replace(fragments=[None] * len(keys))
            return lookup, CacheVerdict.MISS if lookup.available else CacheVerdict.UNAVAILABLE
        # What would be refused anyhow takes no lease, and keeps nobody waiting for it.
        is_full = self._backoff.limiter.is_full(ticket_of_call(options.work))
        look_up = self._cache.peek if is_full else self._cache.look_up
        lookup = await look_up(keys, quarantine.key(source.content_id, space_of(source)))
        readable = [
            fragment if fragment is not None and assemble.is_readable(fragment) else None
            for fragment in lookup.fragments
        ]
        lookup = lookup._replace(fragments=readable)
        if not lookup.available:
            return lookup, CacheVerdict.UNAVAILABLE
        hits = sum(fragment is not None for fragment in readable)
        if hits == len(steps):
            return lookup, CacheVerdict.HIT
        return lookup, CacheVerdict.PARTIAL if hits else CacheVerdict.MISS

    async def _parse(
        self, source: Input, options: ExtractionOptions, context: ModuleContext, missing: list[Step]
    ) -> JobResult:
        names = [step.module.name for step in missing]
        parsed = await self._groups.run(
            Request(source, context.format, options), names, About(mime_type=context.mime_type)
        )
        for module in parsed.modules:
            tracing.past(f"worker.{module.name}", module.elapsed_seconds, {"format": _name(context)})
        return parsed


def _name(context: ModuleContext) -> str:
    return context.format.name if context.format is not None else ""


def _refused(work: _Work) -> JobResult | None:
    """What became of a content that has killed its worker lately, and isn't tried again now."""
    record = work.strikes()
    is_refresh = work.options.cache_use is CacheUse.REFRESH
    is_admin = Role.ADMIN in current_call.get().principal.roles
    if record is None or not record.forbids(
        time.time(), work.options.parse_seconds, is_refresh=is_refresh, is_admin=is_admin
    ):
        return None
    return JobResult(failure=record.outcome, failure_message=record.explanation())

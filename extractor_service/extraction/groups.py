"""One extraction's modules as jobs: one for each kind of worker, and what a lost worker leaves undone in another.

A module that fails, hangs or dies takes no other down but those that are made from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import Outcome
from extractor_service.extraction.worker_job import FILE, About, usable_seconds
from extractor_service.modules.base import READER, closure
from extractor_service.workers.encode import encode_problem
from extractor_service.workers.forks import WorkerStartError
from extractor_service.workers.protocol import JobResult, ModuleResult
from service_runtime.errors import DeadlineError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from extractor_service.extraction.options import ExtractionOptions
    from extractor_service.extraction.worker_job import WorkerJobs
    from extractor_service.formats.base import Format
    from extractor_service.modules.base import Module
    from extractor_service.sources.base import Input


_MOST_ORDERS = 256  # sets of modules that are run together, and by far more than clients ask for


class Request(NamedTuple):
    """What is to be read, by which reader, and what was asked."""

    source: Input
    format: Format | None
    options: ExtractionOptions


@dataclass
class _Work:
    """One extraction under way, and the modules that have killed a worker."""

    request: Request
    total: JobResult
    lost: set[str] = field(default_factory=set)


class Groups:
    """Runs modules of any kinds."""

    def __init__(
        self, modules: Mapping[str, Module], parsing: WorkerJobs, unavailable: Mapping[str, str]
    ) -> None:
        """`unavailable`: modules that can't run here, and why."""
        self._modules = dict(modules)
        self._parsing = parsing
        self._unavailable = unavailable
        self._orders: dict[tuple[str, ...], tuple[str, ...]] = {}

    def with_dependencies(self, names: Sequence[str]) -> tuple[str, ...]:
        """The names to run: those and all that they read, in the order of modules."""
        key = tuple(names)
        order = self._orders.get(key)
        if order is None:
            wanted = set(names)
            for name in names:
                wanted.update(closure(self._modules[name], self._modules))
            if len(self._orders) >= _MOST_ORDERS:
                self._orders.clear()
            order = self._orders[key] = tuple(name for name in self._modules if name in wanted)
        return order

    def readers_part(self, result: JobResult) -> JobResult:
        """What readers came to: other kinds' troubles are kept with their own modules, and bar nobody from the rest."""
        modules = [each for each in result.modules if self._modules[each.name].worker_kind == READER]
        return result if len(modules) == len(result.modules) else replace(result, modules=modules)

    async def run(self, request: Request, names: Sequence[str], about: About = FILE) -> JobResult:
        """What all of them came to; a lost reader is the file's failure, another kind's only its own module's.

        Raises:
            OverloadedError: there is no place.
            DeadlineError: no time is left to begin.
        """
        total = JobResult()
        for name in [each for each in names if each in self._unavailable]:
            problem = encode_problem(Outcome.UNSUPPORTED, f"{name} can't run here: {self._unavailable[name]}")
            total.modules.append(ModuleResult(name, Outcome.PARTIAL.value, problem, is_complete=False))
        work = _Work(request, total)
        for kind, group in self._by_kind([each for each in names if each not in self._unavailable]):
            await self._run_kind(work, group, about._replace(kind=kind))
        return total

    def _by_kind(self, names: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
        kinds: dict[str, list[str]] = {}
        for name in names:
            kinds.setdefault(self._modules[name].worker_kind, []).append(name)
        yield from sorted(kinds.items(), key=lambda each: each[0] != READER)  # the file's own facts first

    async def _run_kind(self, work: _Work, names: list[str], about: About) -> None:
        request, total = work.request, work.total
        left = self._alive(work, names)
        # Each kind has the time limit to itself, for all of its jobs together: one that hangs takes no other's.
        left_seconds = request.options.parse_seconds
        while left:
            order = self.with_dependencies(left)
            try:
                if left_seconds <= 0:
                    raise DeadlineError("no time is left")
                seconds = usable_seconds(left_seconds)
                result = await self._parsing.run(
                    request.source, request.format, order, request.options, seconds, about
                )
            except WorkerStartError as error:
                _tell(total, left, Outcome.CRASHED, str(error))
                return
            except DeadlineError:
                if not total.modules and total.failure is None:
                    raise
                _tell(total, left, Outcome.TIMEOUT, "no time was left")
                return
            lost = _lost_at(result, order)
            left_seconds -= (
                seconds if lost is not None and result.failure == Outcome.TIMEOUT.value else _spent(result)
            )
            _add(total, result, left)
            if about.kind == READER:
                total.is_excused = total.is_excused or result.is_excused
                total.was_demoted = total.was_demoted or result.was_demoted
            if lost is None:
                return
            work.lost.add(lost)
            if about.kind == READER:
                total.failure, total.failure_message, total.loss = (
                    result.failure,
                    result.failure_message,
                    result.loss,
                )
            before, left = left, self._without(lost, result, left)
            if about.kind != READER:
                outcome = Outcome(result.failure or Outcome.CRASHED.value)
                gone = [name for name in before if name not in left]
                _tell(total, gone, outcome, result.failure_message, is_kept=not result.is_excused)
            if request.source.puller is not None and request.source.puller.is_passing:
                return  # what has passed is gone

    def _alive(self, work: _Work, names: list[str]) -> list[str]:
        """Those that aren't made from what has killed another kind's worker: it would kill this one's as well."""
        if not work.lost:
            return names
        dead = [
            name for name in names if not work.lost.isdisjoint(closure(self._modules[name], self._modules))
        ]
        _tell(work.total, dead, Outcome.CRASHED, "what it is made from killed its worker")
        return [name for name in names if name not in dead]

    def _without(self, lost: str, result: JobResult, left: Sequence[str]) -> list[str]:
        """What may still be tried: not what was done, nor what killed the worker, nor what is made from that."""
        done = {each.name for each in result.modules}
        return [
            name
            for name in left
            if name not in done and name != lost and lost not in closure(self._modules[name], self._modules)
        ]


def _lost_at(result: JobResult, order: Sequence[str]) -> str | None:
    """At which module the worker was lost; None when it wasn't."""
    if result.failure is None:
        return None
    whole = [each.name for each in result.modules if each.outcome != result.failure or each.is_complete]
    return next((name for name in order if name not in whole), order[-1])


def _add(total: JobResult, result: JobResult, wanted: Sequence[str]) -> None:
    known = {each.name for each in total.modules}
    total.modules += [each for each in result.modules if each.name in wanted and each.name not in known]
    total.source_bytes_read += result.source_bytes_read
    total.source_reads += result.source_reads
    total.memory_bytes = max(total.memory_bytes, result.memory_bytes)


def _spent(result: JobResult) -> float:
    """Seconds of the time limit that a job used up: what was waited for places and links is nobody's."""
    return sum(each.elapsed_seconds for each in result.modules)


def _tell(
    total: JobResult, names: Sequence[str], outcome: Outcome, message: str, *, is_kept: bool = False
) -> None:
    """Results that nobody computed: what is known is why. What is kept is kept for a minute or two."""
    known = {each.name for each in total.modules}
    total.modules += [
        ModuleResult(name, outcome.value, encode_problem(outcome, f"{name}: {message}"), is_complete=is_kept)
        for name in names
        if name not in known
    ]

"""Serves a batch of thousands of items over one call, like files after one another.

A few are at work, a bounded window is unanswered. Pressure pauses the batch instead of failing its items. Under a
token, what is finished is remembered, so that a batch whose connection broke goes on where it was.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from blake3 import blake3
from google.protobuf.message import DecodeError

from extractor_service.backoff.tickets import ticket_of_call
from extractor_service.formats.identification.identify import identify
from extractor_service.results.keys import ModuleKey
from extractor_service.serving import wire
from extractor_service.serving.batch_groups import ItemGroups, QueuedItem, fail, take
from extractor_service.serving.open_source import spooling
from metaextract.document.v1 import document_pb2
from metaextract.extractor.v1 import extractor_pb2 as pb
from service_runtime.backoff_table import WorkClass
from service_runtime.errors import (
    InvalidRequestError,
    OverloadedError,
    QuotaExceededError,
    ServiceError,
    SourceForbiddenError,
    UploadStalledError,
)
from service_runtime.protobuf_bytes import part
from service_runtime.telemetry import current_call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from extractor_service.extraction.options import ExtractionOptions
    from extractor_service.serving.call_context import CallContext
    from extractor_service.serving.open_source import Opener
    from metaextract.cache.v1 import result_pb2

    Send = Callable[[bytes], Awaitable[None]]

_FIELDS = pb.BatchResult.DOCUMENT_FIELD_NUMBER, pb.BatchResult.INFO_FIELD_NUMBER
_RESULTS = pb.ExtractBatchResponse.RESULTS_FIELD_NUMBER
_PROGRESS = pb.ExtractBatchResponse.PROGRESS_FIELD_NUMBER
_DEFAULT_WINDOW, _MAX_WINDOW = 256, 1024
_log = logging.getLogger(__name__)
_FINAL = frozenset(
    {
        document_pb2.OUTCOME_OK,
        document_pb2.OUTCOME_PARTIAL,
        document_pb2.OUTCOME_UNSUPPORTED,
        document_pb2.OUTCOME_CORRUPT,
    }
)
"""What trying again wouldn't change."""
_FOLDER_SLICE = 64  # names listed by one hop to a thread: fewer hops against holding names unread


class Limits:
    """Of `Batch`."""

    max_id_chars = 256  # of ids and the token; as extractor.proto promises: long enough for a path
    # Files in messages and results unsent; beyond it no item is begun, the client waits.
    max_held_bytes = 16 * 1024 * 1024
    # What a batch reserves, a guess below the most it may hold; parses reserve theirs.
    planned_bytes = 4 * 1024 * 1024
    # Half of the 4 MiB that clients receive by default; a larger result goes alone.
    max_reply_bytes = 2 * 1024 * 1024
    max_reply_results = 128  # an eighth of the largest window: the client frees places before a reply is huge
    ahead = 12
    """Items under way for each worker: while one is read, others are opened, looked up and stored, several in a call."""
    # An item waits so long for its tenant's quota; beyond it the batch ends, with the delay, and frees its place.
    quota_seconds = 10.0
    progress_seconds = 1.0  # how late a silent client or a pause is noticed; an idle batch wakes so rarely


class Batch:
    """See the module. One object a call; `run` it once."""

    def __init__(
        self,
        context: CallContext,
        opener: Opener,
        incoming: AsyncIterator[pb.ExtractBatchRequest],
        send: Send,
    ) -> None:
        self._context = context
        self._opener = opener
        self._incoming = incoming
        self._send = send
        self._groups = ItemGroups()
        self._done: dict[int, bytes] = {}
        """Encoded results by number: what is at hand is never decoded."""
        self._received = 0
        self._answered = 0
        self._held_bytes = 0
        self._paused = 0
        self._is_complete = False
        self._is_in_order = False
        self._heard_at = time.monotonic()
        self._changed = asyncio.Condition()

    async def run(self) -> None:
        """Returns when all is answered; raises what the caller is to be told."""
        start = await self._start()
        options = wire.options_from_wire(
            start.options, self._context.modules, self._context.settings.parse_seconds
        )
        if not start.options.work_class:
            options = replace(options, work=WorkClass.BATCH)
        window = start.window if start.HasField("window") else _DEFAULT_WINDOW
        if not 1 <= window <= _MAX_WINDOW:
            raise InvalidRequestError("start.window", f"must be 1 to {_MAX_WINDOW}")
        if len(start.token) > Limits.max_id_chars:
            raise InvalidRequestError("start.token", f"at most {Limits.max_id_chars} characters are allowed")
        token = ""
        if start.token:  # another question is another batch
            subject = current_call.get().principal.subject
            text = (
                repr((subject, start.token)).encode()
                + b"\0"
                + start.options.SerializeToString(deterministic=True)
            )
            token = blake3(text).hexdigest()
        ticket = ticket_of_call(options.work, Limits.planned_bytes)
        async with self._context.backoff.sessions.slot(ticket):
            await self._run(options, token, window, in_order=start.in_order)

    async def _run(self, options: ExtractionOptions, token: str, window: int, *, in_order: bool) -> None:
        self._is_in_order = in_order
        count = Limits.ahead * self._context.settings.parse_concurrency
        answering = asyncio.create_task(self._answer(in_order=in_order))
        helping = {asyncio.create_task(self._work(options, token)) for _ in range(count)}
        helping.add(asyncio.create_task(self._read(window)))
        waiting = {answering, *helping}
        try:
            while not answering.done():
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for each in done:
                    each.result()  # raises
        finally:
            for each in (answering, *helping):
                each.cancel()
            await asyncio.gather(answering, *helping, return_exceptions=True)

    async def _start(self) -> pb.BatchStart:
        caller = current_call.get().caller
        first = await self._context.lobby.first(self._incoming, caller, "start")
        if first is None or first.WhichOneof("part") != "start":
            raise InvalidRequestError("start", "must be the first message")
        return first.start

    async def _read(self, window: int) -> None:
        """Takes items as far as the window allows, folders' files among them."""
        async for message in self._incoming:
            self._heard_at = time.monotonic()
            if message.WhichOneof("part") != "items":
                raise InvalidRequestError("start", "must come once")
            for item in message.items.items:
                if not 0 < len(item.id) <= Limits.max_id_chars:
                    raise InvalidRequestError(
                        "items.id", f"1 to {Limits.max_id_chars} characters are expected"
                    )
                if item.WhichOneof("source") == "folder":
                    await self._expand(item, window)
                else:
                    await self._admit(item, window)
        async with self._changed:
            self._is_complete = True
            self._changed.notify_all()

    async def _expand(self, folder: pb.BatchItem, window: int) -> None:
        files, count = self._opener.files(folder.folder), 0
        result = pb.BatchResult(id=folder.id)
        try:
            while some := await asyncio.to_thread(take, files, _FOLDER_SLICE):
                for entry in some:
                    inner = pb.BatchItem(id=f"{folder.id}/{entry.path}", uri=entry.uri)
                    if entry.error:
                        await self._refuse(inner, SourceForbiddenError(entry.error))
                    else:
                        await self._admit(inner, window)
                    count += 1
            result.expanded_count = count
        except ServiceError as error:
            fail(result, error)
        await self._answer_at_once(result)

    async def _refuse(self, item: pb.BatchItem, error: ServiceError) -> None:
        """Answers an item that can't even be tried."""
        result = pb.BatchResult(id=item.id)
        fail(result, error)
        await self._answer_at_once(result)

    async def _answer_at_once(self, result: pb.BatchResult) -> None:
        number = self._received
        self._received += 1
        await self._finish(number, result.SerializeToString())

    async def _admit(self, item: pb.BatchItem, window: int) -> None:
        data = item.inline.data  # each access copies them; not kept: the message has them as well
        size, kind = len(data), self._kind(item, data)
        del data
        async with self._changed:
            await self._changed.wait_for(
                lambda: (
                    self._received - self._answered < window
                    and (self._held_bytes == 0 or self._held_bytes + size <= Limits.max_held_bytes)
                )
            )
            self._held_bytes += size
            self._groups.push(QueuedItem(self._received, item, kind, size))
            self._received += 1
            self._changed.notify_all()

    def _kind(self, item: pb.BatchItem, data: bytes) -> str:
        if self._is_in_order:
            return ""  # one group: the next to be answered mustn't be behind others
        if item.WhichOneof("source") == "inline":
            found = identify(data, len(data)).format
            return found.name if found is not None else ""
        return item.uri.rpartition(".")[2].lower()[:8]

    async def _work(self, options: ExtractionOptions, token: str) -> None:
        while True:
            async with self._changed:
                await self._changed.wait_for(self._may_begin)
                item = self._groups.pop()
            result = await self._result(item.request, options, token)
            self._held_bytes -= item.inline_bytes
            await self._finish(item.number, result)

    def _may_begin(self) -> bool:
        """Whether another item is to be read. Results that wait for their turn or for a slow client count as well."""
        if not len(self._groups):
            return False
        is_awaited = self._is_in_order and self._groups.first_number() == self._answered
        return is_awaited or self._held_bytes <= Limits.max_held_bytes

    async def _finish(self, number: int, result: bytes) -> None:
        async with self._changed:
            self._done[number] = result
            self._held_bytes += len(result)
            self._changed.notify_all()

    async def _result(self, item: pb.BatchItem, options: ExtractionOptions, token: str) -> bytes:
        if not token:
            return (await self._new_result(item, options))[0]
        # By id and content: the same id may stand for another file when the batch comes again.
        content = blake3(item.SerializeToString(deterministic=True)).hexdigest()[:32]
        space = f"batch/{current_call.get().tenant}"
        key = ModuleKey(token, "batch_item", "1", content, space)
        known, point = await self._known(key)
        if known is not None:
            return known
        result, is_final = await self._new_result(item, options)
        if is_final:
            await self._context.pipeline.remember(key, result, point)
        return result

    async def _new_result(self, item: pb.BatchItem, options: ExtractionOptions) -> tuple[bytes, bool]:
        """The result, encoded, and whether trying again would change nothing."""
        result = pb.BatchResult(id=item.id)
        is_admitted = False
        while True:
            try:
                if not is_admitted:
                    self._context.backoff.accounts.admit(current_call.get().tenant)
                    is_admitted = True
                return await self._describe(item, options, result)
            except OverloadedError as error:
                is_quota = isinstance(error, QuotaExceededError)
                if is_quota and error.retry_after_seconds > Limits.quota_seconds:
                    raise  # a batch that only waits holds a place that others could have
                await self._pause(error.retry_after_seconds)
                continue
            except ServiceError as error:
                fail(result, error)
            except Exception as error:  # noqa: BLE001 - one item must not end the others
                _log.exception("unexpected error in a batch", exc_info=error)
                fail(result, ServiceError("internal error"))
            return result.SerializeToString(), False

    async def _known(self, key: ModuleKey) -> tuple[bytes | None, result_pb2.InvalidationPoint | None]:
        stored, point = await self._context.pipeline.recall(key)
        if stored is None:
            return None, point
        try:
            result = pb.BatchResult.FromString(stored)
        except DecodeError:
            return None, point
        result.was_finished = True
        return result.SerializeToString(), point

    async def _describe(
        self, item: pb.BatchItem, options: ExtractionOptions, result: pb.BatchResult
    ) -> tuple[bytes, bool]:
        started_at = time.monotonic()
        source = await self._opener.open(item)
        try:
            ready = self._context.pipeline.at_hand(source, options)
            if ready is not None:
                seconds, instance = time.monotonic() - started_at, self._context.backoff.instance
                found = wire.hit_to_wire(ready, _FIELDS, source.content_id, seconds, instance)
                return result.SerializeToString() + found, ready.outcome in _FINAL
            with spooling():
                extraction = await self._context.pipeline.extract(source, options, result.document)
        except BaseException:
            result.ClearField("document")
            raise
        finally:
            source.close()
        result.info.CopyFrom(
            wire.info_to_wire(
                extraction,
                source.content_id,
                time.monotonic() - started_at,
                self._context.backoff.instance,
            )
        )
        return result.SerializeToString(), result.document.outcome in _FINAL

    async def _pause(self, seconds: float) -> None:
        self._paused += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._paused -= 1

    async def _answer(self, *, in_order: bool) -> None:
        """Sends results as they come, several in a message; a sign of life when there are none."""
        seconds = self._context.settings.upload_idle_seconds
        while True:
            async with self._changed:
                try:
                    async with asyncio.timeout(Limits.progress_seconds):
                        await self._changed.wait_for(
                            lambda: (
                                self._is_over or self._answered in self._done or (self._done and not in_order)
                            )
                        )
                except TimeoutError:
                    if self._received == self._answered:
                        if time.monotonic() - self._heard_at > seconds:
                            raise UploadStalledError(f"nothing came for {seconds:g} s") from None
                        continue
                results = self._ready(in_order=in_order)
            progress = pb.BatchProgress(
                received_count=self._received,
                answered_count=self._answered + len(results),
                is_paused=self._paused > 0,
            )
            parts = [
                *(part(_RESULTS, each) for each in results),
                part(_PROGRESS, progress.SerializeToString()),
            ]
            try:
                async with asyncio.timeout(seconds):
                    await self._send(b"".join(parts))
            except TimeoutError:
                raise UploadStalledError(f"the client has read nothing for {seconds:g} s") from None
            async with self._changed:
                self._answered += len(results)
                self._heard_at = time.monotonic()
                self._changed.notify_all()
                if self._is_over:
                    return

    @property
    def _is_over(self) -> bool:
        return self._is_complete and self._answered == self._received

    def _ready(self, *, in_order: bool) -> list[bytes]:
        """What fits into a message, removed."""
        results: list[bytes] = []
        size, following = 0, self._answered
        while self._done and len(results) < Limits.max_reply_results and size < Limits.max_reply_bytes:
            number = following if in_order else next(iter(self._done))
            result = self._done.get(number)
            if result is None:
                break
            size += len(result)
            if results and size > Limits.max_reply_bytes:
                break
            del self._done[number]
            self._held_bytes -= len(result)
            results.append(result)
            following += 1
        return results

"""The client's side of a batch: many items over one call; after a break the unanswered ones are sent again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from metaextract.extractor.v1 import extractor_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator

_MESSAGE_ITEMS = 64  # a quarter of the default window of 256, so that some are always on their way
_MESSAGE_BYTES = 512 * 1024  # as much as an extractor takes in before it asks; one file may be larger


class BatchState:
    """What was sent and not answered. Safe to share between the thread that sends and the one that hears."""

    def __init__(self, start: pb.BatchStart) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._unanswered: OrderedDict[str, pb.BatchItem] = OrderedDict()
        self._seen: set[str] = set()
        self.progress = pb.BatchProgress()

    def first(self) -> list[pb.ExtractBatchRequest]:
        """The messages that begin a call: the start, and what an earlier call left unanswered."""
        with self._lock:
            again = list(self._unanswered.values())
        return [pb.ExtractBatchRequest(start=self._start), *_messages(again)]

    @property
    def is_complete(self) -> bool:
        """Whether all that was sent is answered: a broken call's sender may have taken items for nobody."""
        with self._lock:
            return not self._unanswered

    def record_sent(self, items: Iterable[pb.BatchItem]) -> None:
        """These are on their way."""
        with self._lock:
            self._unanswered.update((item.id, item) for item in items)

    def hear(self, answer: pb.ExtractBatchResponse) -> list[pb.BatchResult]:
        """The results of an answer that are new."""
        self.progress.CopyFrom(answer.progress)
        fresh = []
        with self._lock:
            for result in answer.results:
                item = self._unanswered.pop(result.id, None)
                if self._start.token and result.id in self._seen:
                    continue
                if self._start.token or item is None:
                    self._seen.add(result.id)
                fresh.append(result)
        return fresh


class ItemFeed:
    """Puts items in messages of a good size, each noted as sent. It goes on where it was when a call has broken."""

    def __init__(self, items: Iterable[pb.BatchItem], state: BatchState) -> None:
        self._items = iter(items)
        self._state = state
        self._lock = threading.Lock()

    def requests(self) -> Iterator[pb.ExtractBatchRequest]:
        """The messages of one call."""
        yield from self._state.first()
        while True:
            with self._lock:  # a broken call's sender may still be taking some
                some = self._take()
                self._state.record_sent(some)
            if not some:
                return
            yield pb.ExtractBatchRequest(items=pb.BatchItems(items=some))

    def _take(self) -> list[pb.BatchItem]:
        some: list[pb.BatchItem] = []
        size = 0
        for item in self._items:
            some.append(item)
            size += len(item.inline.data)
            if len(some) >= _MESSAGE_ITEMS or size >= _MESSAGE_BYTES:
                break
        return some


class AsyncItemFeed:
    """See `ItemFeed`."""

    def __init__(self, items: AsyncIterable[pb.BatchItem], state: BatchState) -> None:
        self._items = aiter(items)
        self._state = state

    async def requests(self) -> AsyncIterator[pb.ExtractBatchRequest]:
        """The messages of one call."""
        for message in self._state.first():
            yield message
        async for item in self._items:
            self._state.record_sent([item])
            yield pb.ExtractBatchRequest(items=pb.BatchItems(items=[item]))


def _messages(items: list[pb.BatchItem]) -> list[pb.ExtractBatchRequest]:
    return [
        pb.ExtractBatchRequest(items=pb.BatchItems(items=items[start : start + 8]))
        for start in range(0, len(items), 8)
    ]

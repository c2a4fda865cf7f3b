"""Groups a batch's items by likely format. One format comes for a while, then the next, so its readers stay warm."""

from __future__ import annotations

import itertools
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaextract.extractor.v1 import extractor_pb2 as pb
    from service_runtime.errors import ServiceError

Item = TypeVar("Item")
_GROUP = 64  # items of a format in a row: warm readers against how long another format waits


class QueuedItem(NamedTuple):
    """An item that waits for its turn."""

    number: int
    """In the order of the client."""
    request: pb.BatchItem
    kind: str
    """What it is likely to be, for the grouping."""
    inline_bytes: int
    """Of the file in the message."""


class ItemGroups:
    """Items by their likely format; one format for a while, then the next, so that its readers stay warm."""

    def __init__(self) -> None:
        self._groups: OrderedDict[str, deque[QueuedItem]] = OrderedDict()
        self._left = _GROUP

    def __len__(self) -> int:
        return sum(map(len, self._groups.values()))

    def push(self, item: QueuedItem) -> None:
        """Adds an item."""
        self._groups.setdefault(item.kind, deque()).append(item)

    def first_number(self) -> int:
        """The place of the item that `pop` returns."""
        return next(iter(self._groups.values()))[0].number

    def pop(self) -> QueuedItem:
        """The next item."""
        kind, group = next(iter(self._groups.items()))
        item = group.popleft()
        self._left -= 1
        if not group:
            del self._groups[kind]
            self._left = _GROUP
        elif self._left <= 0:
            self._groups.move_to_end(kind)
            self._left = _GROUP
        return item


def take(items: Iterator[Item], count: int) -> list[Item]:
    """The next few of an iterator."""
    return list(itertools.islice(items, count))


def fail(result: pb.BatchResult, error: ServiceError) -> None:
    """Says in a result why there is no document."""
    result.code = error.code.value[0]
    result.message = str(error)
    result.reason = error.reason

"""A binary heap of (priority, slot) in two arrays, the least priority on top.

`heapq` needs an object per item; see `fingerprints` for why that costs memory that never comes back. About 1 us a
push and 6 us a pop at 10,000 items.
"""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

NOTHING = math.inf
"""The priority of nothing."""


class SlotHeap:
    """Slots by priority; equal priorities in no order."""

    def __init__(self, ordered: Sequence[tuple[float, int]] = ()) -> None:
        """`ordered` begins with the least."""
        self._priorities = array("d", (priority for priority, _ in ordered))
        self._slots = array("L", (slot for _, slot in ordered))

    def __len__(self) -> int:
        return len(self._slots)

    def priority(self) -> float:
        """The least."""
        return self._priorities[0]

    def slot(self) -> int:
        """The slot with the least."""
        return self._slots[0]

    def push(self, priority: float, slot: int) -> None:
        """Adds an item."""
        priorities, slots = self._priorities, self._slots
        at = len(slots)
        priorities.append(priority)
        slots.append(slot)
        while at:
            parent = (at - 1) >> 1
            above = priorities[parent]
            if above <= priority:
                break
            priorities[at], slots[at] = above, slots[parent]
            at = parent
        priorities[at], slots[at] = priority, slot

    def pop(self) -> None:
        """Removes the least."""
        priority, slot = self._priorities.pop(), self._slots.pop()
        if self._slots:
            self.replace(priority, slot)

    def replace(self, priority: float, slot: int) -> None:
        """Puts another item in the place of the least."""
        priorities, slots = self._priorities, self._slots
        count, at = len(slots), 0
        while (child := 2 * at + 1) < count:
            below = priorities[child]
            if child + 1 < count and priorities[child + 1] < below:
                child += 1
                below = priorities[child]
            if below >= priority:
                break
            priorities[at], slots[at] = below, slots[child]
            at = child
        priorities[at], slots[at] = priority, slot

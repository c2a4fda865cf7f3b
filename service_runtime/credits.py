"""How many bytes streams may send unasked: one chunk each, reserved at admission, and more from what is free.

Extra credit is never waited for, so streams can't hold some and wait for more of each other's. Pure.
"""

from __future__ import annotations

from typing import Self

MAX_WINDOW_CHUNKS = 8  # chunks on their way in one stream: fills distant links, and memory is bounded
LEAST_CHARGE_BYTES = 4096  # a page, and what a message costs in memory; or bytes sent singly were free


def charge(length: int) -> int:
    """What a chunk of that length costs of the credit: a tiny one costs memory, too."""
    return max(LEAST_CHARGE_BYTES, length)


class CreditPool:
    """Bytes of extra credit that all streams together may have."""

    def __init__(self, total_bytes: int) -> None:
        self._total_bytes = total_bytes
        self.used_bytes = 0

    def take(self, count: int) -> bool:
        """Whether `count` bytes were free, and are now taken."""
        if self.used_bytes + count > self._total_bytes:
            return False
        self.used_bytes += count
        return True

    def give_back(self, count: int) -> None:
        """Frees `count` bytes."""
        self.used_bytes -= count


class StreamCredit:
    """One stream's window: bytes granted and not yet consumed, at most `window_bytes`.

    `with` it: the extra credit is given back.
    """

    def __init__(self, pool: CreditPool, chunk_bytes: int) -> None:
        """The first chunk is reserved by whoever admitted the stream."""
        self._pool = pool
        self._chunk_bytes = chunk_bytes
        self._extra_bytes = 0
        self._is_closed = False
        self._granted_bytes = 0
        self._received_bytes = 0
        self._consumed_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.give_back(self._extra_bytes)
        self._extra_bytes = 0
        self._is_closed = True

    @property
    def chunk_bytes(self) -> int:
        """The largest chunk that is certain to get credit."""
        return self._chunk_bytes

    @property
    def window_bytes(self) -> int:
        """What may be granted and not consumed."""
        return self._chunk_bytes + self._extra_bytes

    @property
    def in_flight_bytes(self) -> int:
        """What has been received and not consumed."""
        return self._received_bytes - self._consumed_bytes

    def receive(self, count: int) -> bool:
        """Whether the credit covers `count` more bytes."""
        self._received_bytes += count
        return self._received_bytes <= self._granted_bytes

    def consume(self, count: int) -> None:
        """`count` bytes are done with."""
        self._consumed_bytes += count

    def grant(self, *, may_grow: bool = True) -> int:
        """New credit for the sender, 0 while it has half a window and a chunk left. The window grows while there is free credit,
        and shrinks by what isn't in use when `may_grow` is false.
        """
        if self._is_closed:
            return 0
        open_bytes = self._granted_bytes - self._consumed_bytes
        if may_grow:
            while self.window_bytes < MAX_WINDOW_CHUNKS * self._chunk_bytes and self._pool.take(
                self._chunk_bytes
            ):
                self._extra_bytes += self._chunk_bytes
        elif self._extra_bytes and open_bytes <= self._chunk_bytes:
            self._pool.give_back(self._extra_bytes)
            self._extra_bytes = 0
        credit = self.window_bytes - open_bytes
        if credit * 2 < self.window_bytes and open_bytes >= self._chunk_bytes:
            return 0  # the sender has enough for a chunk; a few acks more would only cost time
        self._granted_bytes += credit
        return credit

"""What is stored: keys, entries, selectors and budgets. Plain values, known to every layer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

# One key, entry and their places in the index; measured 318 to 400 B (research/cache-and-pressure.md, B and D).
ENTRY_OVERHEAD_BYTES = 400


class Key(NamedTuple):
    """Names a result; see protos/metaextract/cache/v1/result.proto."""

    space: str
    content_id: str
    module: str
    version: str
    options: str

    def text(self) -> str:
        """The key as one string; unambiguous, since key parts hold no control characters."""
        return "\n".join(self)


class Entry(NamedTuple):
    """A stored result. Immutable, so that it can be shared between tiers."""

    value: bytes
    cost_seconds: float
    expires_at: float
    """Seconds since 1970; wall time, since entries outlive the process."""
    read_revision: int
    """Revision of the invalidation log when the reading began."""


def charged_bytes(key: Key, entry: Entry) -> int:
    """The bytes that an entry is charged with: value, key and overhead."""
    return len(entry.value) + sum(map(len, key)) + ENTRY_OVERHEAD_BYTES


class Selector(NamedTuple):
    """Selects keys: every field that isn't None must be equal. All None selects everything."""

    content_id: str | None = None
    module: str | None = None
    version: str | None = None

    def matches(self, key: Key) -> bool:
        """Whether `key` is selected."""
        return (
            self.content_id in {None, key.content_id}
            and self.module in {None, key.module}
            and self.version in {None, key.version}
        )


class Budget(NamedTuple):
    """What a tier may hold. `entries` of 0 means that only bytes count."""

    bytes: int
    entries: int = 0


class RemovalCause(StrEnum):
    """Why an entry left a tier."""

    SIZE = "size"
    EXPIRED = "expired"
    PRESSURE = "pressure"
    DELETED = "deleted"
    REPLACED = "replaced"
    CORRUPT = "corrupt"


class Found(NamedTuple):
    """An entry and the name of the tier that had it."""

    entry: Entry
    tier: str


@dataclass
class TierStats:
    """What a tier holds and what became of the rest."""

    name: str
    hits: int
    entry_count: int
    used_bytes: int
    budget: Budget
    removals: dict[RemovalCause, int]
    failures: int = 0

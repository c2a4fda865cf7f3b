"""What is stored: keys, entries, selectors and budgets. Plain values, known to every layer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from service_runtime.identity.principal import tenant_of_space

# An entry's places in the index and in the eviction policy; measured by `make bench ONLY=memory_return`.
ENTRY_OVERHEAD_BYTES = 160
# Of a record beside key, labels and value; see `record`.
RECORD_BYTES = 38  # 34, and 4 between the parts of the key


class Key(NamedTuple):
    """Names a result; see protos/metaextract/cache/v1/result.proto."""

    space: str
    content_id: str
    module: str
    version: str
    options: str

    @property
    def tenant(self) -> str:
        """Whose it is."""
        return tenant_of_space(self.space)

    def text(self) -> str:
        """The key as one string; unambiguous, since key parts hold no control characters."""
        return "\n".join(self)

    @classmethod
    def from_text(cls, text: str) -> Key:
        """The key that `text` was made from."""
        return cls(*text.split("\n"))


class Entry(NamedTuple):
    """A stored result. Immutable, so that it can be shared between tiers."""

    value: bytes
    """As stored, maybe compressed; see `codec`."""
    cost_seconds: float
    expires_at: float
    """Seconds since 1970; wall time, since entries outlive the process."""
    read_revision: int
    """Revision of the invalidation log when the reading began."""
    source: str = ""
    """Where content that is known by a version was read from; "" for content known by its digest."""
    tags: tuple[str, ...] = ()


def charged_bytes(key: Key, entry: Entry) -> int:
    """The bytes that an entry is charged with: value, key, labels and overhead."""
    labels = len(entry.source) + sum(map(len, entry.tags)) + sum(map(len, key))
    return len(entry.value) + labels + RECORD_BYTES + ENTRY_OVERHEAD_BYTES


class Selector(NamedTuple):
    """Selects entries: every field that isn't None must match. All None selects everything."""

    content_id: str | None = None
    module: str | None = None
    version: str | None = None
    source_prefix: str | None = None
    tag: str | None = None
    tenant: str | None = None

    @property
    def erases(self) -> str | None:
        """The tenant of which it selects everything; None: it selects something else."""
        return self.tenant if self.tenant is not None and self == Selector(tenant=self.tenant) else None

    def matches(self, key: Key, entry: Entry) -> bool:
        """Whether the entry of `key` is selected."""
        return (
            self.content_id in {None, key.content_id}
            and self.module in {None, key.module}
            and self.version in {None, key.version}
            and (
                self.source_prefix is None
                or (entry.source != "" and entry.source.startswith(self.source_prefix))
            )
            and (self.tag is None or self.tag in entry.tags)
            and (self.tenant is None or self.tenant == key.tenant)
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
    held_bytes: int = 0
    """Memory or disk that it takes; 0 where that isn't known."""
    is_suspended: bool = False
    """Whether it is being left alone after failures."""

"""What keys and labels may be; anything else is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cache_service.entries.entry import Key

MAX_KEY_PART_CHARS = 512  # result.proto; digests and names are far shorter, and keys lie in memory
MAX_SOURCE_CHARS = 4096  # result.proto; Linux's PATH_MAX, 4,096, is the longest path
MAX_TAGS = 16  # result.proto; they are kept with each entry, 2 KiB with MAX_TAG_CHARS
MAX_TAG_CHARS = 128  # result.proto; a label, not a text; longer ones are refused


def is_good_key(key: Key) -> bool:
    """Whether `key` may be stored: the required parts are there, none is too long or unprintable."""
    whole = "".join(key)  # looked at in one go: a file's keys are checked a dozen times
    return (
        "" not in key[:4]
        and whole.isprintable()
        and (len(whole) <= MAX_KEY_PART_CHARS or max(map(len, key)) <= MAX_KEY_PART_CHARS)
    )


def are_good_labels(source: str, tags: Sequence[str]) -> bool:
    """Whether an entry may have these labels: not too many, none too long or unprintable."""
    return (
        len(source) <= MAX_SOURCE_CHARS
        and (source == "" or source.isprintable())
        and len(tags) <= MAX_TAGS
        and all(0 < len(tag) <= MAX_TAG_CHARS and tag.isprintable() for tag in tags)
    )

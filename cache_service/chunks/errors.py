"""What the chunk store refuses, and why."""

from __future__ import annotations


class ChunkStoreFullError(Exception):
    """No room is left, and nothing may be dropped for it."""


class StoredQuotaError(Exception):
    """The tenant may store no more."""


class UnfinishedUploadsError(Exception):
    """The tenant has too many uploads on their way."""


class UnknownUploadError(Exception):
    """There is no such upload."""


class ForeignUploadError(Exception):
    """The upload is another replica's."""


class WrongOffsetError(Exception):
    """A chunk doesn't begin where the last one ended; `committed` is where it has to."""

    def __init__(self, offset: int, committed: int) -> None:
        super().__init__(f"a chunk at {offset} came, {committed} is next")
        self.committed = committed


class WrongDigestError(Exception):
    """The content has another digest."""


class MissingChunkError(Exception):
    """A chunk that was named, or is part of something, isn't there."""

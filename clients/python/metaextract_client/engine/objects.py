"""Files of object stores, read by ranges (obstore). Credentials come from the environment, as its own tools take them."""

from __future__ import annotations

import contextlib
import errno
import functools
from typing import TYPE_CHECKING, Any

from metaextract_client.names import sayable
from metaextract_client.session_state import SourceChangedError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SCHEMES = frozenset({"s3", "gs", "az", "abfs"})


def is_object(name: str) -> bool:
    """Whether it names something in an object store."""
    return name.partition("://")[0] in _SCHEMES


def listed(url: str) -> Iterator[str]:
    """URLs of all objects whose names begin with `url`, in the store's order.

    Raises:
        OSError: the store refuses, or isn't there.
    """
    import obstore  # noqa: PLC0415 - an extra

    bucket, prefix = _parts(url)
    with _as_os_errors():
        for page in obstore.list(_store(bucket), prefix=prefix or None):
            for entry in page:
                if entry["size"] or not entry["path"].endswith("/"):
                    yield f"{bucket}/{entry['path']}"


class StoredObject:
    """An object as a session sees a file: the same name and read by ranges, each of one state (by its ETag)."""

    can_seek = True

    def __init__(self, url: str) -> None:
        """Raises OSError: it isn't there."""
        import obstore  # noqa: PLC0415 - an extra

        bucket, self._path = _parts(url)
        self._store = _store(bucket)
        self._obstore: Any = obstore
        with _as_os_errors():
            facts = obstore.head(self._store, self._path)
        self.name = sayable(self._path.rpartition("/")[2])
        self.size_bytes: int | None = int(facts["size"])
        self._tag = str(facts.get("e_tag") or facts["last_modified"])
        self._url = url

    @property
    def version(self) -> str:
        """A name of this state."""
        return f"{self._url}@{self._tag}"

    @property
    def state(self) -> tuple[int | str, ...]:
        """What changes when the content does."""
        return (self._tag, self.size_bytes or 0)

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes.

        Raises:
            SourceChangedError: there are none such any more.
            OSError: the store refuses, or isn't there.
        """
        with _as_os_errors():
            found = self._obstore.get(self._store, self._path, options={"range": (offset, offset + length)})
            data = bytes(found.bytes())
        if str(found.meta.get("e_tag") or found.meta["last_modified"]) != self._tag or len(data) != length:
            raise SourceChangedError("the object changed while it was being read")
        return data


def _parts(url: str) -> tuple[str, str]:
    """Bucket and key; by hand, since a key may have what means something else in URLs (`#`, `?`)."""
    scheme, _, rest = url.partition("://")
    bucket, _, key = rest.partition("/")
    if not bucket:
        raise ValueError(f"{url}: {scheme}://BUCKET/PREFIX is expected")
    return f"{scheme}://{bucket}", key


@contextlib.contextmanager
def _as_os_errors() -> Iterator[None]:
    """What a store refuses is an OSError, as of any file; obstore's own errors are only in part."""
    import obstore.exceptions  # noqa: PLC0415 - an extra

    try:
        yield
    except obstore.exceptions.BaseError as error:
        if isinstance(error, OSError):
            raise
        raise OSError(errno.EIO, str(error).partition("\n")[0]) from error


@functools.cache
def _store(bucket: str) -> Any:
    from obstore.store import from_url  # noqa: PLC0415 - an extra

    return from_url(bucket)

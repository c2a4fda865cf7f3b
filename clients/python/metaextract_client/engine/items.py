"""Which files a run is about: paths, folders, globs, `s3://` prefixes, and manifests that name them one a line."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from metaextract_client.engine.objects import is_object, listed
from metaextract_client.walker import named_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_NAME_CHARS = 32  # of a chunk: 128 bits, which never meet by chance


class Chunk(NamedTuple):
    """Files that one task describes. Its name tells what it is, so that a run that goes on knows what it has."""

    name: str
    items: tuple[str, ...]


def items_of(sources: Sequence[str], manifest: str = "") -> Iterator[str]:
    """The files' paths or URLs, each once, in a fixed order.

    Raises:
        OSError: something named can't be looked into.
        ValueError: a store's URL isn't one.
    """
    return iter(dict.fromkeys(_named(sources, manifest)))


def _named(sources: Sequence[str], manifest: str) -> Iterator[str]:
    if manifest:
        for line in Path(manifest).read_text(encoding="utf-8").splitlines():
            name = line.strip()
            if name and not name.startswith("#"):
                yield name if is_object(name) else str(Path(name).absolute())
    for source in sources:
        if is_object(source):
            yield from listed(source)
            continue
        for found in named_files([source]):
            if found.error is not None:
                raise found.error
            yield str(found.path.absolute())


def chunks_of(items: Iterable[str], size: int, token: str) -> Iterator[Chunk]:
    """The items in chunks of `size`, named by the run's token and what is in them."""
    for number, part in enumerate(_batched(items, size)):
        text = "\n".join((token, str(number), *part))
        yield Chunk(
            hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:_NAME_CHARS], tuple(part)
        )


def _batched(items: Iterable[str], size: int) -> Iterator[tuple[str, ...]]:
    iterator = iter(items)
    while part := tuple(itertools.islice(iterator, size)):
        yield part

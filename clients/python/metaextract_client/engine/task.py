"""What a worker does with a chunk: describes its files by one client, and writes its part."""

from __future__ import annotations

import functools
import math
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from metaextract.extractor.v1 import extractor_pb2
from metaextract_client.engine.objects import StoredObject, is_object
from metaextract_client.engine.parts import Parts
from metaextract_client.errors import MetaExtractError, OverloadedError, UnavailableError
from metaextract_client.extraction import Extraction
from metaextract_client.extractor import ExtractorClient
from metaextract_client.files import SMALL_FILE_BYTES, open_file
from metaextract_client.names import sayable
from metaextract_client.render import to_dict
from metaextract_client.retry import RetryPolicy
from metaextract_client.session_options import SessionOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaextract_client.engine.items import Chunk
    from metaextract_client.render import Plain

# Hours of work don't end for a restart: failures of many files at once use up no budget.
_PATIENT = RetryPolicy(max_attempts=100, budget_tokens=math.inf, throttles=False)


class Job(NamedTuple):
    """What all chunks of a run have in common."""

    extractor: str
    folder: str
    form: str
    options: bytes
    """An encoded ExtractOptions."""
    parallel: int
    """Sessions at once of one worker."""


class Done(NamedTuple):
    """What became of a chunk."""

    chunk: str
    total: int
    failed: int
    is_new: bool
    """Whether it wasn't there already."""


@functools.cache
def _client(address: str, pid: int) -> ExtractorClient:
    """One of this process: gRPC doesn't survive a fork."""
    del pid
    return ExtractorClient(address, _PATIENT)


def describe_chunk(job: Job, chunk: Chunk) -> Done:
    """Describes the chunk's files, but where its part is there; what can't be read is told in its row.

    Raises:
        OSError: the part can't be written.
        UnavailableError, OverloadedError: for minutes there was no extractor, or no place.
    """
    parts = Parts(job.folder, job.form)
    if parts.path(chunk.name).exists():
        return Done(chunk.name, len(chunk.items), parts.failed(chunk.name), is_new=False)
    client = _client(job.extractor, os.getpid())
    options = extractor_pb2.ExtractOptions.FromString(job.options)
    rows: dict[str, dict[str, Plain]] = {}
    large: list[str] = []

    def small() -> Iterator[extractor_pb2.BatchItem]:
        for number, item in enumerate(chunk.items):
            try:
                data, name = _read_small(item)
            except OSError as error:
                rows[item] = _failure(item, error.strerror or str(error))
                continue
            if data is None:
                large.append(item)
                continue
            yield extractor_pb2.BatchItem(
                id=str(number), inline=extractor_pb2.InlineSource(data=data, name=name)
            )

    for result in client.extract_batch(small(), options, token=f"{chunk.name}-{os.getpid()}"):
        item = chunk.items[int(result.id)]
        if result.code:
            large.append(item)  # refused for now, as a rule: alone it is asked for with patience
        else:
            rows[item] = {"source": item, **to_dict(Extraction(result.document, result.info))}
    with ThreadPoolExecutor(job.parallel) as pool:
        rows.update(zip(large, pool.map(lambda item: _described(client, item, options), large), strict=True))
    ordered = [rows[item] for item in chunk.items]
    parts.write(chunk.name, ordered)
    return Done(chunk.name, len(ordered), sum("error" in row for row in ordered), is_new=True)


def _read_small(item: str) -> tuple[bytes | None, str]:
    """The content of a small file, None for a large one, and its name."""
    if is_object(item):
        stored = StoredObject(item)
        size = stored.size_bytes or 0
        return (stored.read(0, size) if size else b"") if size <= SMALL_FILE_BYTES else None, stored.name
    with open_file(item) as file:
        data = file.read(SMALL_FILE_BYTES + 1)
    return data if len(data) <= SMALL_FILE_BYTES else None, sayable(os.path.basename(item))  # noqa: PTH119 - any bytes


def _described(client: ExtractorClient, item: str, options: extractor_pb2.ExtractOptions) -> dict[str, Plain]:
    try:
        source = StoredObject(item) if is_object(item) else item
        return {"source": item, **to_dict(client.extract_session(source, options, SessionOptions()))}
    except (UnavailableError, OverloadedError):
        raise  # not the file's fault: the chunk is described once more
    except (MetaExtractError, OSError) as error:
        return _failure(item, str(error))


def _failure(item: str, why: str) -> dict[str, Plain]:
    return {"source": item, "outcome": "FAILED", "error": why}

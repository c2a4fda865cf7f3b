"""A stream that can't go back: what a reader asks for is kept as it passes, and nothing else."""

import asyncio
import os
import threading

import pytest

from extractor_service.serving.sessions.passing import PassingSink
from extractor_service.sources.base import SourceError
from extractor_service.sources.spans import Span
from extractor_service.sources.sparse import SparseFile
from extractor_service.sources.spool import SpoolBudget
from extractor_service.uploads.chunk import Chunk
from service_runtime.errors import InvalidRequestError
from tests.golden.foreign import SCIENCE
from tests.support import large_science

MIB = 2**20


@pytest.fixture
def file(tmp_path):
    opened = SparseFile(tmp_path, SpoolBudget(64 * MIB, 10))
    yield opened
    opened.close()


async def feed(sink, data: bytes, size: int = 1000) -> None:
    for at in range(0, len(data), size):
        await sink.put(Chunk(at, data[at : at + size]), lambda: None)
    sink.end()


async def test_what_is_wanted_is_kept_and_the_stream_waits_for_it(file):
    data = os.urandom(10_000)
    sink = PassingSink(file, MIB)
    feeding = asyncio.create_task(feed(sink, data))
    await asyncio.sleep(0.01)
    assert not feeding.done() and not list(file.present)
    for span in (Span(0, 10), Span(4500, 1000), Span(5500, 1), Span(9999, 1)):
        await sink.fetch([span])
        assert file.read(*span) == data[span.offset : span.end]
    await feeding
    assert sum(span.length for span in file.present) == 1012 and sink.has_dropped


async def test_what_has_passed_can_t_be_had(file):
    sink = PassingSink(file, MIB)
    feeding = asyncio.create_task(feed(sink, bytes(10_000)))
    await sink.fetch([Span(6000, 10)])
    with pytest.raises(SourceError, match="passed"):
        await sink.fetch([Span(100, 10)])
    sink.drop_all()
    await feeding
    assert sum(span.length for span in file.present) == 10


async def test_the_end_of_the_stream_answers_who_waits(file):
    sink = PassingSink(file, MIB)
    feeding = asyncio.create_task(feed(sink, b"0123456789", 4))
    with pytest.raises(SourceError, match="ended"):
        await sink.fetch([Span(8, 10)])
    await feeding
    assert file.read(8, 2) == b"89"


async def test_a_file_that_is_kept_whole_has_a_limit(file):
    sink = PassingSink(file, 5000)
    sink.keep_all()
    with pytest.raises(InvalidRequestError):
        await feed(sink, bytes(6000))
    assert not sink.has_dropped


@pytest.mark.parametrize(("kind", "write"), [
    ("fits", lambda path: large_science.write_fits(path, 3, 3 * MIB)),
    ("grib2", lambda path: large_science.write_grib(path, (SCIENCE / "gdal.grb2").read_bytes(), 5, 2 * MIB)),
    ("h5", lambda path: large_science.write_hdf5(path, 200, 3 * MIB)),
])  # fmt: skip
def test_a_pipe_gives_the_document_of_the_file(client, tmp_path, kind, write):
    path = tmp_path / f"large.{kind}"
    write(path)
    reading, writing = os.pipe()

    def push():
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(path.read_bytes())

    threading.Thread(target=push, daemon=True).start()
    answer = client.extract_session(f"/dev/fd/{reading}")
    os.close(reading)
    assert answer.document.sections == client.extract_session(path).document.sections
    assert answer.info.moved_bytes == path.stat().st_size

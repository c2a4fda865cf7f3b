"""Large uploads: what is read while it passes isn't spooled, and comes to the same document."""

import os

import psutil
import pytest
from blake3 import blake3

from metaextract.document.v1 import document_pb2
from metaextract.extractor.v1 import extractor_pb2
from metaextract_client import (
    NEVER,
    ExtractorClient,
    MetaExtractError,
    OverloadedError,
)
from metaextract_client.render import cache_status_name, outcome_name
from tests.support import large_science
from tests.support.processes import start_extractor

pytestmark = pytest.mark.servers
MIB = 2**20
BYPASS = extractor_pb2.ExtractOptions(cache_mode=extractor_pb2.CACHE_MODE_BYPASS)


@pytest.fixture(scope="module")
def small_spool(cache_process, tmp_path_factory):
    """An extractor with a spool of 16 MiB."""
    folder = tmp_path_factory.mktemp("spool")
    with start_extractor(
        cache_process.address,
        METAEXTRACT_SPOOL_DIRECTORY=str(folder),
        METAEXTRACT_SPOOL_BYTES=str(16 * MIB),
        METAEXTRACT_FILE_ROOTS=str(folder.parent),
    ) as process:
        yield process


@pytest.fixture
def client(small_spool):
    with ExtractorClient(small_spool.address, NEVER) as opened:
        yield opened


@pytest.fixture
def fits(tmp_path_factory):
    """Three images of 22 MiB, each with its header: more than the spool, and than the cache keeps whole."""
    path = tmp_path_factory.mktemp("large") / "large.fits"
    large_science.write_fits(path, 3, 22 * MIB)
    with path.open("r+b") as file:  # a content of its own
        file.seek(10 * MIB)
        file.write(os.urandom(64))
    return path


def send(client, path, options=None, size_bytes=None, chunk_bytes=MIB):
    with path.open("rb") as file:
        return client.extract_upload(
            iter(lambda: file.read(chunk_bytes), b""), path.name, size_bytes or path.stat().st_size, options
        )


def test_what_is_read_forward_isn_t_spooled(client, fits):
    options = extractor_pb2.ExtractOptions(
        digests=[document_pb2.DIGEST_ALGORITHM_BLAKE3, document_pb2.DIGEST_ALGORITHM_SHA256]
    )
    first = send(client, fits, options)
    assert first.info.content_id == "b3:" + blake3(fits.read_bytes()).hexdigest()
    assert cache_status_name(first.info.cache_status) == "MISS"
    groups = {field.group for field in first.document.sections[0].fields}
    assert len(groups) >= 3 and len(first.document.file.digests) == 2
    again = send(client, fits, options)
    assert cache_status_name(again.info.cache_status) == "HIT" and again.document == first.document
    fresh = client.extract_uri(fits.as_uri(), BYPASS)
    assert fresh.document.sections == first.document.sections


@pytest.mark.parametrize("change", ["no size", "small chunks", "nothing known", "another module reads it"])
def test_everything_else_is_spooled(client, fits, change):
    options, chunk_bytes = None, MIB
    if change == "small chunks":  # the format isn't told by the first one
        chunk_bytes = 8 * 1024
    elif change == "nothing known":
        with fits.open("r+b") as file:
            file.write(b"nothing that is known")
    elif change == "another module reads it":
        options = extractor_pb2.ExtractOptions(modules=["metadata", "piece_digests"])
    with fits.open("rb") as file, pytest.raises(OverloadedError, match="spool"):
        chunks = iter(lambda: file.read(chunk_bytes), b"")
        client.extract_upload(
            chunks, fits.name, None if change == "no size" else fits.stat().st_size, options
        )


def test_an_upload_that_ends_early_is_told(client, fits):
    with pytest.raises(MetaExtractError, match="were announced"):
        send(client, fits, size_bytes=fits.stat().st_size + 1)
    assert outcome_name(send(client, fits).document.outcome) == "OK", "nothing is left behind"


def test_a_worker_that_dies_meanwhile_is_replaced(client, small_spool, fits):
    def chunks():
        with fits.open("rb") as file:
            for number, data in enumerate(iter(lambda: file.read(MIB), b"")):
                yield data
                if number == 30:
                    kill_workers(small_spool.pid)

    result = client.extract_upload(chunks(), fits.name, fits.stat().st_size, BYPASS)
    assert outcome_name(result.document.outcome) == "OK" and not result.document.problems
    assert result.document.sections == client.extract_uri(fits.as_uri(), BYPASS).document.sections


def kill_workers(front_pid):
    """Kills what the front's template has forked."""
    for template in psutil.Process(front_pid).children():
        for worker in template.children():
            worker.kill()

"""A pair of servers with short patience, a large file, and clients that say what a test wants."""

from __future__ import annotations

import time

import pytest

from extractor_service.sources.content import SETTLE_SECONDS
from metaextract.extractor.v1 import extractor_pb2 as pb
from metaextract_client import NEVER, ExtractorClient
from tests.support import large_files
from tests.support.identities import Realm
from tests.support.processes import PATIENT, start_cache, start_extractor
from tests.support.scripted_session import Script


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    with (
        start_cache(tmp_path_factory.mktemp("cache")) as cache,
        start_extractor(cache.address, METAEXTRACT_UPLOAD_IDLE_SECONDS="1.5", **PATIENT) as extractor,
    ):
        yield cache, extractor


@pytest.fixture(scope="module")
def known_pair(tmp_path_factory):
    """A pair that knows callers by their tokens, and who makes them."""
    realm = Realm(tmp_path_factory.mktemp("realm"))
    header = {
        "METAEXTRACT_CACHE_TENANT_HEADER": "x-whose"
    }  # not the default: tenants must not be lost by that
    with (
        start_cache(tmp_path_factory.mktemp("cache"), **realm.tokens(), **header) as cache,
        start_extractor(cache.address, **realm.tokens(), **header, **PATIENT) as extractor,
    ):
        yield extractor, realm


@pytest.fixture
def client(pair):
    with ExtractorClient(pair[1].address, NEVER) as opened:
        yield opened


@pytest.fixture(scope="module")
def fits(tmp_path_factory):
    """1 GiB on paper, old enough to be known by its times."""
    path = tmp_path_factory.mktemp("files") / "large.fits"
    large_files.write_fits(path, 2**30)
    time.sleep(SETTLE_SECONDS + 0.1)
    return path


@pytest.fixture
def script(pair):
    opened = []

    def begin(**offer):
        opened.append(Script(pair[1].address, pb.SessionOffer(**offer)))
        return opened[-1]

    yield begin
    for each in opened:
        each.close()

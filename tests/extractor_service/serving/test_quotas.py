"""Quotas over the wire: a delay and a QuotaFailure for who has had enough, and nothing for anybody else."""

from __future__ import annotations

import contextlib
import os
import time

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from metaextract.document.v1 import document_pb2
from metaextract.extractor.v1 import extractor_pb2 as pb
from metaextract.extractor.v1 import extractor_pb2_grpc
from metaextract_client import NEVER, ExtractorClient, NotFoundError, OverloadedError
from tests.support.identities import Realm
from tests.support.processes import start_cache, start_extractor

MIB = 2**20
pytestmark = pytest.mark.servers


@pytest.fixture
def pair(tmp_path):
    realm = Realm(tmp_path / "realm")

    def start(quota):
        settings = {**realm.tokens(), "METAEXTRACT_ACCESS_FILE": realm.access_file(quota)}
        cache = start_cache(tmp_path / "cache", **settings)
        started.extend((start_extractor(cache.address, **settings), cache))
        return started[0].address, realm

    started = []
    yield start
    for each in started:
        each.stop()


def test_requests_a_minute(pair):
    address, realm = pair("[quota.tenant.acme]\nrequests_per_minute = 5\n")
    with grpc.insecure_channel(address) as channel:
        stub = extractor_pb2_grpc.ExtractorServiceStub(channel)
        request = pb.ExtractRequest(inline=pb.InlineSource(data=b"x"))
        for _ in range(5):
            stub.Extract(request, metadata=realm.metadata("acme"))
        with pytest.raises(grpc.RpcError) as caught:
            stub.Extract(request, metadata=realm.metadata("acme"))
        status = rpc_status.from_call(caught.value)
        failure, retry = error_details_pb2.QuotaFailure(), error_details_pb2.RetryInfo()
        assert any(each.Unpack(failure) for each in status.details)
        assert any(each.Unpack(retry) for each in status.details)
        assert failure.violations[0].subject == "tenant:acme" and 0 < retry.retry_delay.seconds <= 12
        stub.Extract(request, metadata=realm.metadata("other"))


def test_a_batch_waits_instead(pair):
    address, realm = pair("[quota]\nrequests_per_minute = 300\n")
    items = (pb.BatchItem(id=str(n), inline=pb.InlineSource(data=b"%d" % n)) for n in range(310))
    with ExtractorClient(address, security=realm.security("acme")) as client:
        started = time.monotonic()
        results = list(client.extract_batch(items))
        assert len(results) == 310 and not any(each.code for each in results)
        assert time.monotonic() - started >= 1.8, "ten more than a minute's come at five a second"


def test_cpu_seconds_a_minute(pair):
    address, realm = pair("[quota.tenant.acme]\ncpu_seconds_per_minute = 0.02\n")
    with ExtractorClient(address, NEVER, realm.security("acme")) as client:
        with pytest.raises(OverloadedError) as caught:
            for number in range(200):
                client.extract_bytes(b"SIMPLE  =" + bytes(3 * 10**6) + b"%d" % number)
        assert caught.value.reason == "QUOTA_EXCEEDED" and caught.value.is_advised


def test_stored_bytes_are_its_own_affair(pair, tmp_path):
    """Beyond the quota a file is described all the same; it just isn't kept. Others keep theirs."""
    address, realm = pair(f"[quota.tenant.acme]\nstored_bytes = {MIB}\n")
    path = tmp_path / "a.fits"
    path.write_bytes(b"SIMPLE  =                    T".ljust(80) + b"END".ljust(2800) + os.urandom(6 * MIB))
    options = pb.ExtractOptions(digests=[document_pb2.DIGEST_ALGORITHM_BLAKE3])
    for tenant, is_kept in (("acme", False), ("other", True)):
        with ExtractorClient(address, NEVER, realm.security(tenant)) as client:
            answer = client.extract_session(path, options)
            assert answer.document.sections and answer.info.content_id.startswith("b3:")
            time.sleep(0.5)
            with contextlib.nullcontext() if is_kept else pytest.raises(NotFoundError):
                assert client.extract_digest(answer.info.content_id).document.sections

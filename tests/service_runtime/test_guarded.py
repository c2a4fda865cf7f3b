"""Nothing of a message is taken in before its sender is admitted; streams end with what their callers have proved."""

from __future__ import annotations

import threading
import time

import grpc
import pytest

from metaextract.cache.v1 import admin_pb2, admin_pb2_grpc
from metaextract.extractor.v1 import extractor_pb2 as pb
from metaextract.extractor.v1 import extractor_pb2_grpc
from metaextract_client import Security, SecurityError
from metaextract_client.channel import open_sync
from service_runtime.configuration import from_environ
from service_runtime.settings import InvalidSettingError, RuntimeSettings
from tests.support.identities import SPIFFE, Realm
from tests.support.processes import pss_bytes, start_cache, start_extractor

pytestmark = pytest.mark.servers
MIB = 2**20
EXPIRING = -2  # seconds: still good for three more, by the leeway for clocks


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    realm = Realm(tmp_path_factory.mktemp("realm"))
    with (
        start_cache(**realm.tokens()) as cache,
        start_extractor(cache.address, **realm.tokens()) as extractor,
    ):
        yield cache, extractor, realm


def call(channel, method, data=b"", metadata=()):
    """A unary call with any bytes."""
    return channel.unary_unary(method, lambda raw: raw, lambda raw: raw)(data, metadata=metadata, timeout=20)


def refusal(channel, method, data=b"", metadata=()):
    with pytest.raises(grpc.RpcError) as caught:
        call(channel, method, data, metadata)
    return caught.value.code()


@pytest.mark.parametrize(
    "method", ["ResultService/BatchGetResults", "CacheAdminService/WarmCache", "ResultService/PutResult"]
)
def test_a_stranger_s_message_isn_t_decoded(pair, method):
    """15 MiB of empty keys took 800 MiB and held the loop for a second."""
    cache = pair[0]
    with open_sync(cache.address, Security()) as channel:
        refusal(channel, f"/metaextract.cache.v1.{method}")
        before = pss_bytes(cache.pid)
        for _ in range(3):
            assert (
                refusal(channel, f"/metaextract.cache.v1.{method}", b"\x0a\x00" * 7_800_000)
                is grpc.StatusCode.UNAUTHENTICATED
            )
        assert pss_bytes(cache.pid) - before < 64 * MIB


def test_bytes_that_are_no_message_are_the_caller_s_fault_and_no_line_in_the_log(pair):
    _, extractor, realm = pair
    extract = "/metaextract.extractor.v1.ExtractorService/Extract"
    before = len(extractor.log)
    with open_sync(extractor.address, Security()) as channel:
        assert refusal(channel, extract, b"\xff\xff\xff") is grpc.StatusCode.UNAUTHENTICATED
        known = realm.metadata()
        assert refusal(channel, extract, b"\xff\xff\xff", known) is grpc.StatusCode.INVALID_ARGUMENT
    time.sleep(0.2)
    told = extractor.log[before:]
    assert len(told) <= 1 and "Traceback" not in "".join(told), "refusals are counted, not told one by one"
    with start_cache() as opened, open_sync(opened.address, Security()) as channel:
        got = refusal(channel, "/metaextract.cache.v1.ResultService/GetResult", b"\xff\xff\xff")
        assert got is grpc.StatusCode.INVALID_ARGUMENT


def test_what_is_open_to_strangers_takes_a_few_bytes(pair):
    with open_sync(pair[0].address, Security()) as channel:
        check = "/grpc.health.v1.Health/Check"
        assert call(channel, check)
        name = b"\x0a" + b"\x90\x4e" + b"x" * 10_000  # field 1, 10,000 bytes
        assert refusal(channel, check, name) is grpc.StatusCode.INVALID_ARGUMENT
        short = b"\x0a" + b"\xd0\x0f" + b"x" * 2000
        assert refusal(channel, check, short) is grpc.StatusCode.NOT_FOUND


def test_a_watch_ends_with_its_token_and_a_new_one_goes_on(pair):
    cache, _, realm = pair
    with open_sync(cache.address, Security()) as channel:
        stub = admin_pb2_grpc.CacheAdminServiceStub(channel)
        brief = realm.metadata("*", "observe", seconds=EXPIRING)
        started = time.monotonic()
        with pytest.raises(grpc.RpcError) as caught:
            for _ in stub.WatchStats(admin_pb2.WatchStatsRequest(interval_seconds=0.1), metadata=brief):
                assert time.monotonic() - started < 10
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert stub.GetStats(admin_pb2.GetStatsRequest(), metadata=realm.metadata("*", "observe"))


def test_a_batch_ends_with_its_token(pair):
    _, extractor, realm = pair
    with open_sync(extractor.address, Security()) as channel:
        stub = extractor_pb2_grpc.ExtractorServiceStub(channel)

        def items():
            yield pb.ExtractBatchRequest(start=pb.BatchStart())
            for number in range(200):
                time.sleep(0.1)
                item = pb.BatchItem(id=str(number), inline=pb.InlineSource(data=b"x"))
                yield pb.ExtractBatchRequest(items=pb.BatchItems(items=[item]))

        with pytest.raises(grpc.RpcError) as caught:
            list(stub.ExtractBatch(items(), metadata=realm.metadata("acme", seconds=EXPIRING)))
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_a_batch_that_waits_ends_with_its_token_too(pair):
    """Nothing comes and nothing goes: only the time passes."""
    _, extractor, realm = pair
    is_over = threading.Event()
    with open_sync(extractor.address, Security()) as channel:
        stub = extractor_pb2_grpc.ExtractorServiceStub(channel)

        def items():
            yield pb.ExtractBatchRequest(start=pb.BatchStart())
            is_over.wait(30)

        started = time.monotonic()
        with pytest.raises(grpc.RpcError) as caught:
            list(stub.ExtractBatch(items(), metadata=realm.metadata("acme", seconds=EXPIRING)))
        is_over.set()
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED and time.monotonic() - started < 15


def test_silent_strangers_don_t_stand_before_a_health_check(pair):
    """A hundred that have begun a request and don't end it; who asks honestly is answered at once."""
    channels = [open_sync(pair[0].address, Security()) for _ in range(2)]
    method = "/grpc.health.v1.Health/Check"
    silent = threading.Event()

    def nothing():
        silent.wait(20)
        yield b""

    open_call = channels[0].stream_unary(method, lambda raw: raw, lambda raw: raw)
    held = [open_call.future(nothing(), timeout=20) for _ in range(100)]
    try:
        time.sleep(0.5)
        for _ in range(20):
            started = time.monotonic()
            assert call(channels[1], method)
            assert time.monotonic() - started < 1
    finally:
        silent.set()
        for each in held:
            each.cancel()
        for channel in channels:
            channel.close()


def test_a_key_that_is_taken_away_takes_what_it_signed_along(tmp_path):
    realm = Realm(tmp_path)
    with start_cache(**realm.tokens()) as cache, open_sync(cache.address, Security()) as channel:
        stub = admin_pb2_grpc.CacheAdminServiceStub(channel)
        old = realm.metadata("*", "observe")
        stub.GetStats(admin_pb2.GetStatsRequest(), metadata=old)
        (tmp_path / "jwks.json").unlink()
        realm.issuer.rotate()  # the set has the new key alone
        time.sleep(0.5)
        with pytest.raises(grpc.RpcError) as caught:
            stub.GetStats(admin_pb2.GetStatsRequest(), metadata=old)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    "variable",
    [
        "METAEXTRACT_JWT_KEY",
        "METAEXTRACT_TLS_CLIENT_CERT",
        "METAEXTRACT_ACCESS_FILES",
        "METAEXTRACT_ALLOW_PLAIN",
    ],
)
def test_a_misspelt_setting_of_security_stops_the_service(variable):
    with pytest.raises(InvalidSettingError, match=variable):
        from_environ(RuntimeSettings, {variable: "x"})


def test_an_issuer_without_keys_protects_nothing_and_says_so():
    with pytest.raises(InvalidSettingError, match="JWT_KEYS"):
        RuntimeSettings(jwt_issuer="a", jwt_audience="b")


def test_certificates_of_clients_without_a_word_of_what_they_may_do_are_refused(tmp_path):
    realm = Realm(tmp_path)
    access = realm.access_file("[quota]\nrequests_per_minute = 10\n")
    with pytest.raises(RuntimeError, match="what they may do"):
        start_cache(**realm.tls(clients=True), METAEXTRACT_ACCESS_FILE=access)


def test_a_certificate_without_an_authority_isn_t_plaintext_without_a_word(tmp_path):
    realm = Realm(tmp_path)
    security = realm.certificate("me", f"{SPIFFE}/me")._replace(tls_ca="")
    for each in (security, Security(tls_server_name="x")):
        with pytest.raises(SecurityError, match="authority"):
            open_sync("127.0.0.1:1", each)


def test_a_token_isn_t_printed_and_is_one_line():
    assert "secret" not in repr(Security(tls_ca="ca.pem", token="secret"))
    open_sync("127.0.0.1:1", Security(token=" abc\n")).close()
    with pytest.raises(SecurityError):
        open_sync("127.0.0.1:1", Security(token="a\nb"))

"""The same fleet over every way to run Redis: a Cluster of six, behind a Sentinel, and with TLS."""

import contextlib
import shutil
import subprocess
import time

import pytest

from cache_service.assembly import assembled
from cache_service.entries.entry import Budget, Key, Selector
from cache_service.settings import Settings
from cache_service.store import NewResult, TtlSpan
from tests.cache_service.fleet.test_fleet import same_point
from tests.support.optional import needs
from tests.support.redis_server import SERVER, RedisServer, cluster, free_port

pytestmark = needs("redis")


def key(number):
    return Key("verified", f"b3:{number}", "m", "1", "")


@contextlib.contextmanager
def in_a_cluster(tmp_path):
    with cluster() as (_, url):
        yield url


@contextlib.contextmanager
def behind_a_sentinel(tmp_path):
    with RedisServer() as server:
        port = free_port()
        config = tmp_path / "sentinel.conf"
        config.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {tmp_path}\nsentinel monitor main 127.0.0.1 {server.port} 1\n"
        )
        sentinel = subprocess.Popen([SERVER, str(config), "--sentinel"], stdout=subprocess.DEVNULL)
        try:
            time.sleep(0.5)
            yield f"redis+sentinel://127.0.0.1:{port}/main"
        finally:
            sentinel.kill()
            sentinel.wait()


@contextlib.contextmanager
def with_tls(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("openssl isn't installed")
    certificate, private = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(private), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    port = free_port()
    with RedisServer(0, "--tls-port", str(port), "--tls-cert-file", str(certificate), "--tls-key-file", str(private),
                     "--tls-ca-cert-file", str(certificate), "--tls-auth-clients", "no"):  # fmt: skip
        yield f"rediss://localhost:{port}/0?ssl_ca_certs={certificate}"


@pytest.mark.parametrize(
    "topology", [in_a_cluster, behind_a_sentinel, with_tls], ids=lambda each: each.__name__
)
async def test_values_invalidations_and_leases_are_shared(topology, tmp_path):
    with topology(tmp_path) as url:
        settings = Settings(cache_redis_url=url, cache_redis_timeout_seconds=2)
        async with assembled(settings, Budget(10**7)) as one, assembled(settings, Budget(10**7)) as other:
            await one.store.put(
                [NewResult(key(number), b"%d" % number, 0.5, TtlSpan(99, 99), None) for number in range(50)]
            )
            found = await other.store.get([key(number) for number in range(50)])
            assert [hit and (hit.value, hit.tier) for hit in found] == [
                (b"%d" % number, "redis") for number in range(50)
            ]
            await other.store.invalidate(Selector(content_id="b3:7"))
            await same_point(one, other)
            assert await one.store.get([key(7)]) == [None]
            held = await one.flights.acquire([key(7)], "me", 10, 0)
            assert (
                held.lease is not None and (await other.flights.acquire([key(7)], "you", 10, 0)).lease is None
            )
            await one.flights.release(key(7), held.lease.token)
            assert (await other.flights.acquire([key(7)], "you", 10, 1)).lease is not None
            failures = {stats.name: stats.failures for stats in one.store.tier_stats()}
            assert failures["redis"] == 0

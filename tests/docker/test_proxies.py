"""Calls through stock proxies with the configurations of `docker/proxies`, while an extractor leaves."""

import time

import pytest

from metaextract_client import ExtractorClient
from tests.samples import PHOTOS
from tests.support.optional import needs
from tests.support.processes import start_extractor
from tests.support.proxies import Proxy
from tests.support.steady_load import SteadyLoad

NOBODY = "127.0.0.1:1"
AGE = {"haproxy": "3600"}
"""Seconds; HAProxy goes by health."""


@pytest.mark.servers
@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=needs(kind)) for kind in ("nginx", "haproxy", "envoy")]
)
def test_a_restart_behind_a_proxy_fails_no_call(kind):
    settings = {
        "METAEXTRACT_DRAIN_SECONDS": "3",
        "METAEXTRACT_CONNECTION_AGE_SECONDS": AGE.get(kind, "0"),
    }
    with start_extractor(NOBODY, **settings) as one, start_extractor(NOBODY, **settings) as two:
        with Proxy(kind, (one.port, two.port)) as proxy:
            time.sleep(1.5)  # its health checks
            with ExtractorClient(proxy.address) as client:
                blocks = [bytes(2**20)] * 3  # above the 1 MiB that nginx takes by default
                assert client.extract_upload(blocks, "a.bin", 3 * 2**20).document.file.size_bytes == 3 * 2**20
                assert client.extract_session(PHOTOS[0]).document.common.device_model
            with SteadyLoad(proxy.address, seconds=6, per_second=40, cached=False) as load:
                time.sleep(0.5)
                assert one.stop() == 0
                load.finish()
        assert len(load.calls) == 240 and not load.lost(), load.codes()

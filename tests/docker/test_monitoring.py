"""The rules, dashboards and scrape configuration of `docker/monitoring`, by a real Prometheus."""

import subprocess
from pathlib import Path

import pytest

from metaextract.cache.v1 import pressure_pb2
from metaextract_client import CacheClient, ExtractorClient
from tests.samples import PHOTOS
from tests.support.optional import needs
from tests.support.processes import start_cache, start_extractor, wait_until
from tests.support.prometheus import Prometheus, operations_url
from tests.tools import dashboards

pytestmark = [pytest.mark.servers, needs("prometheus")]
FOLDER = Path(__file__).parents[2] / "docker" / "monitoring"
ANY_PORT = {
    "METAEXTRACT_CACHE_OPERATIONS_ADDRESS": "127.0.0.1:0",
    "METAEXTRACT_EXTRACTOR_OPERATIONS_ADDRESS": "127.0.0.1:0",
    "METAEXTRACT_PRESSURE_HOLD_SECONDS": "0",
}


@pytest.mark.parametrize(
    "command", [("check", "rules", "rules.yml"), ("test", "rules", "rules.test.yml"), ("check", "config", "prometheus.yml")]
)  # fmt: skip
def test_promtool_is_content(command):
    run = subprocess.run(["promtool", *command], cwd=FOLDER, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_dashboards_are_as_their_tables_say():
    assert dashboards.stale() == []


def test_a_prometheus_scrapes_both_alerts_fire_and_dashboards_show_something(tmp_path):
    with (
        start_cache(tmp_path / "cache", **ANY_PORT) as cache,
        start_extractor(cache.address, **ANY_PORT) as extractor,
        ExtractorClient(extractor.address) as client,
        CacheClient(cache.address) as admin,
    ):
        targets = {
            "127.0.0.1:50061": operations_url(extractor.log),
            "127.0.0.1:50062": operations_url(cache.log),
        }
        with Prometheus(tmp_path, targets) as prometheus:
            wait_until(lambda: [each["value"][1] for each in prometheus.series("up")] == ["1", "1"], 20)
            for _ in range(3):
                for photo in PHOTOS:
                    client.extract_bytes(photo.read_bytes(), photo.name)
            wait_until(
                lambda: prometheus.series('metaextract_extractor_extractions_total{format="jpeg"}'), 10
            )
            assert not prometheus.firing() & {"MetaExtractMemoryCritical", "MetaExtractDown"}

            admin.set_pressure_override(pressure_pb2.PRESSURE_LEVEL_CRITICAL, 60)
            wait_until(
                lambda: {"MetaExtractMemoryCritical", "MetaExtractMemoryPressure"} <= prometheus.firing(), 20
            )
            admin.set_pressure_override(pressure_pb2.PRESSURE_LEVEL_UNSPECIFIED)
            wait_until(lambda: "MetaExtractMemoryCritical" not in prometheus.firing(), 20)

            empty = [query for query in dashboards.queries() if not prometheus.series(query)]
            assert empty == []
            extractor.kill()
            wait_until(lambda: "MetaExtractDown" in prometheus.firing(), 20)

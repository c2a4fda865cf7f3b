"""The operations port: probes, metrics, status; who may change something."""

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from cache_service import metrics as cache_metrics
from extractor_service import metrics as extractor_metrics
from metaextract_client import ExtractorClient
from service_runtime.histogram import Histogram
from service_runtime.operations.common import COMMON
from tests.samples import PHOTOS
from tests.support.processes import clean_environ, start_cache, start_extractor, wait_until
from tests.support.prometheus import operations_url

ANY_PORT = {
    "METAEXTRACT_CACHE_OPERATIONS_ADDRESS": "127.0.0.1:0",
    "METAEXTRACT_EXTRACTOR_OPERATIONS_ADDRESS": "127.0.0.1:0",
}


def get(address, path, **headers):
    request = urllib.request.Request(f"http://{address}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.read().decode(), answer.headers


def delete(address, path, **headers):
    request = urllib.request.Request(f"http://{address}{path}", method="DELETE", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def value(text, name, **labels):
    pattern = ",".join(f'{key}="{each}"' for key, each in sorted(labels.items()))
    found = re.search(rf"^{name}{re.escape('{' + pattern + '}') if labels else ''} (\S+)$", text, re.M)
    return float(found[1]) if found else None


@pytest.mark.servers
def test_both_services_tell_what_happened(tmp_path):
    with (
        start_cache(tmp_path / "cache", **ANY_PORT) as cache,
        start_extractor(cache.address, **ANY_PORT) as extractor,
        ExtractorClient(extractor.address) as client,
    ):
        c, e = operations_url(cache.log), operations_url(extractor.log)
        for _ in range(2):
            client.extract_bytes(PHOTOS[0].read_bytes(), "a.jpg")
        client.extract_bytes(b"nothing known", "a.xyz")
        text, _ = get(e, "/metrics")
        method = "metaextract.extractor.v1.ExtractorService/Extract"
        assert value(text, "metaextract_extractor_requests_total", code="OK", method=method) == 3
        assert value(text, "metaextract_extractor_extractions_total", format="jpeg", outcome="OK") == 2
        assert value(text, "metaextract_extractor_cache_lookups_total", status="HIT") == 1
        assert value(text, "metaextract_extractor_extraction_duration_seconds_count", format="jpeg") == 1
        assert value(text, "metaextract_extractor_request_duration_seconds_count", method=method) == 3
        text, headers = get(c, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
        assert headers["Content-Type"].startswith("application/openmetrics-text") and text.endswith("# EOF\n")
        hits = value(text, "metaextract_cache_hits_total")
        stats = json.loads(get(c, "/api/cache/stats")[0])
        assert hits == stats["hits"] == stats["memory_hits"] >= 1
        assert stats["total_requests"] == stats["hits"] + stats["misses"]
        assert stats["hit_rate_percent"] == pytest.approx(
            100 * stats["hits"] / stats["total_requests"], abs=0.01
        )
        memory = json.loads(get(c, "/api/memory/status")[0])
        assert memory["system"]["used_mb"] < memory["system"]["total_mb"] and not memory["critical"]
        assert json.loads(get(c, "/api/memory/history")[0])["history"]
        assert json.loads(get(e, "/api/status/system")[0])["status"] == "ready"
        assert json.loads(get(c, "/api/status/system")[0])["tiers"] == {
            "memory": "ok",
            "large": "ok",
            "disk": "ok",
        }
        assert delete(c, "/api/cache/clear", Origin="http://evil.example") == (
            403,
            {"error": "not from a browser"},
        )
        assert delete(c, "/api/cache/clear")[1]["cleared_entries"] == stats["memory_cache_size"]
        assert json.loads(get(c, "/api/cache/stats")[0])["memory_cache_size"] == 0


@pytest.mark.servers
def test_readiness_ends_with_the_drain_and_liveness_does_not():
    with start_cache(**ANY_PORT, METAEXTRACT_DRAIN_SECONDS="30") as cache:
        address = operations_url(cache.log)
        assert get(address, "/readyz")[0] == get(address, "/livez")[0] == "ok\n"
        with socket.create_connection(("127.0.0.1", cache.port)):
            cache.process.send_signal(signal.SIGTERM)

            def unready():
                try:
                    get(address, "/readyz")
                except urllib.error.HTTPError as error:
                    return error.code == 503
                return False

            wait_until(unready)
            assert get(address, "/livez")[0] == "ok\n"
            cache.kill()


@pytest.mark.servers
def test_a_taken_port_is_an_error_where_it_was_chosen():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        environ = {
            **clean_environ(),
            "METAEXTRACT_CACHE_ADDRESS": "127.0.0.1:0",
            "METAEXTRACT_CACHE_OPERATIONS_ADDRESS": f"127.0.0.1:{taken.getsockname()[1]}",
        }
        command = [sys.executable, "-m", "cache_service"]
        run = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=30)
    assert run.returncode == 1 and "for operations" in run.stderr and "Traceback" not in run.stderr


@pytest.mark.parametrize(
    "metric", [*COMMON, *cache_metrics.METRICS, *extractor_metrics.METRICS], ids=lambda m: m.name
)
def test_names_follow_the_convention(metric):
    assert re.fullmatch(r"[a-z][a-z0-9_]*", metric.name) and metric.doc.endswith(".")
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    if metric.kind == "histogram":
        assert metric.name.endswith("_seconds")
    assert not re.search(r"_(ms|mb|percent)\b", metric.name)


def test_names_are_unique():
    for table in (cache_metrics.METRICS, extractor_metrics.METRICS):
        names = [each.name for each in (*COMMON, *table)]
        assert len(names) == len(set(names))


def test_a_histogram_counts_inclusively():
    histogram = Histogram((0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 1.0, 7.0):
        histogram.observe(seconds)
    assert histogram.cumulative() == [("0.1", 2), ("1.0", 4), ("+Inf", 5)]
    assert histogram.total == pytest.approx(8.65)

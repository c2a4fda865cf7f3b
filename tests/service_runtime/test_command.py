"""The services' command lines, as processes: what they say, and what they take over while they run."""

import json
import signal
import subprocess
import sys

import pytest

from metaextract_client import CacheClient
from service_runtime.settings import describe
from service_runtime.version import VERSION
from tests.support.processes import clean_environ, start_cache, start_extractor, wait_until

SERVICES = {"cache_service": "metaextract-cache", "extractor_service": "metaextract-extractor"}


def run(module, *words, **environ):
    return subprocess.run(
        [sys.executable, "-m", module, *words], env={**clean_environ(), **environ}, capture_output=True, text=True, timeout=30
    )  # fmt: skip


@pytest.mark.parametrize("module", SERVICES)
def test_help_and_version_start_nothing(module):
    help_ = run(module, "--help")
    assert help_.returncode == 0 and "--drain-seconds" in help_.stdout and not help_.stderr
    version = run(module, "--version")
    assert version.stdout == f"{SERVICES[module]} {VERSION}\n"


@pytest.mark.parametrize("module", SERVICES)
def test_every_setting_is_a_flag(module):
    from cache_service.settings import Settings as Cache
    from extractor_service.settings import Settings as Extractor

    text = run(module, "--help", COLUMNS="200").stdout
    for row in describe(Cache if module == "cache_service" else Extractor):
        assert "--" + row.variable.removeprefix("METAEXTRACT_").lower().replace("_", "-") in text


@pytest.mark.parametrize("module", SERVICES)
def test_settings_are_printed_with_their_sources_and_checked(module, tmp_path):
    printed = run(module, "--print-config", "--drain-seconds", "3", METAEXTRACT_LOG_LEVEL="error").stdout
    assert "drain_seconds = 3.0  # flag" in printed and 'log_level = "error"  # environment' in printed
    assert run(module, "--check-config").returncode == 0
    wrong = run(module, "--check-config", "--policy-file", str(tmp_path / "none"))
    assert wrong.returncode == 1 and wrong.stderr.count("\n") == 1 and "none" in wrong.stderr


def test_a_configuration_is_read_again_on_sighup(tmp_path):
    file = tmp_path / "cache.toml"
    file.write_text('log_level = "info"\n')
    with start_cache(METAEXTRACT_CONFIG_FILE=str(file)) as cache, CacheClient(cache.address) as client:

        def again(text):
            before = len(cache.log)
            file.write_text(text)
            cache.process.send_signal(signal.SIGHUP)
            wait_until(lambda: any("read again" in line for line in cache.log[before:]))
            return cache.log[before:]

        again("pressure_elevated_ratio = 0.0501\npressure_high_ratio = 0.97\nmax_connections = 99\n")
        assert any("max_connections" in line for line in cache.log), "which takes a restart"
        score = client.get_pressure().score_ratio
        assert 0 < score < 0.97
        lines = again("log_level = 'no such level'\n")
        assert any("stays as it was" in line for line in lines)
        assert cache.process.poll() is None


def test_a_policy_and_its_extractors_are_followed_on_sighup(tmp_path):
    policy = tmp_path / "policy.toml"
    policy.write_text("ramp_ratio_per_second = 0.5\n")
    with start_cache(METAEXTRACT_POLICY_FILE=str(policy)) as cache, CacheClient(cache.address) as client:
        events = client.watch_pressure("test")
        assert next(events).table.ramp_ratio_per_second == 0.5
        policy.write_text("ramp_ratio_per_second = 0.25\n")
        cache.process.send_signal(signal.SIGHUP)
        for event in events:
            if event.HasField("table"):
                assert event.table.ramp_ratio_per_second == 0.25
                break
        events.close()


def test_a_second_extractor_says_that_it_shares_the_port():
    with start_extractor("127.0.0.1:1") as one, start_extractor("127.0.0.1:1", port=one.port) as two:
        assert any("share the calls" in line for line in two.log)
        assert not any("share the calls" in line for line in one.log)


def test_the_start_line_says_version_addresses_and_what_is_not_default():
    with start_cache() as cache:
        ready = json.loads(next(line for line in cache.log if '"ready"' in line))
    assert ready["version"] == VERSION and ready["port"] == cache.port
    assert ready["settings"]["cache_address"] == "127.0.0.1:0" and "max_connections" not in ready["settings"]

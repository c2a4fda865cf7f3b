"""Fixtures that several folders share."""

from __future__ import annotations

import gc
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from metaextract_client import CacheClient, ExtractorClient
from tests.samples import write_samples
from tests.support import optional, processes
from tests.support.processes import PATIENT, start_cache, start_extractor
from tests.support.redis_fixture import own_redis_server, redis_prefix, redis_server

__all__ = ["own_redis_server", "redis_prefix", "redis_server"]

# A test is about what it does to a service. That the disk of a busy machine stalls meanwhile (ELEVATED) is nobody's
# business: only more than a test brings about itself counts. Benchmarks and fault runs have the real thresholds.
processes.DEFAULTS.update(
    METAEXTRACT_PRESSURE_ELEVATED_RATIO="0.97",
    METAEXTRACT_PRESSURE_HIGH_RATIO="0.98",
    METAEXTRACT_PRESSURE_CRITICAL_RATIO="0.99",
)

# Property tests say whether a thing holds, not how fast a shared machine is: by the clock, they failed under load.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Shells start background jobs so, and children inherit it: what is told to stop by Ctrl-C never would.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish():
    """What importing made stays: the collections after each test needn't look at it."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown():
    """Collects before pytest looks for errors of finalizers, so that each names its own test."""
    try:
        return (yield)
    finally:
        gc.collect()


def pytest_terminal_summary(terminalreporter):
    lines = optional.missing()
    if lines:
        terminalreporter.section("optional programs that are missing here; their tests were skipped")
        for line in lines:
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def samples(tmp_path_factory) -> dict[str, Path]:
    """Golden samples on disk, by name."""
    return {path.name: path for path in write_samples(tmp_path_factory.mktemp("samples"))}


@pytest.fixture(scope="session")
def cache_process(tmp_path_factory):
    """A cache process with a disk tier, shared by tests that don't mind each other."""
    with start_cache(tmp_path_factory.mktemp("cache")) as process:
        yield process


@pytest.fixture(scope="session")
def extractor_process(cache_process, tmp_path_factory, samples):
    """An extractor process that may read the samples' folder."""
    root = next(iter(samples.values())).parent
    with start_extractor(cache_process.address, METAEXTRACT_FILE_ROOTS=str(root), **PATIENT) as process:
        yield process


@pytest.fixture
def extractor(extractor_process):
    """A client of the shared extractor."""
    with ExtractorClient(extractor_process.address) as client:
        yield client


@pytest.fixture
def cache(cache_process):
    """A client of the shared cache."""
    with CacheClient(cache_process.address) as client:
        yield client

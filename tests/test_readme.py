"""The README says what is: its tables are current, its calls exist, its grpcurl lines run."""

from __future__ import annotations

import re
import subprocess

import pytest
from google.protobuf import descriptor_pool

from metaextract.cache.v1 import admin_pb2_grpc, chunk_pb2_grpc, pressure_pb2_grpc, result_pb2_grpc
from metaextract.extractor.v1 import extractor_pb2_grpc
from tests.support.optional import needs
from tests.support.processes import wait_until
from tests.tools import readme

TEXT = readme.README.read_text(encoding="utf-8")
GRPCURL = re.findall(r"^(?:echo|grpcurl) .*$", TEXT, re.MULTILINE)
CONTRACT = (
    extractor_pb2_grpc,
    result_pb2_grpc,
    chunk_pb2_grpc,
    pressure_pb2_grpc,
    admin_pb2_grpc,
)  # importing registers it
SERVICES = [
    "metaextract.extractor.v1.ExtractorService",
    "metaextract.cache.v1.ResultService",
    "metaextract.cache.v1.ChunkService",
    "metaextract.cache.v1.PressureService",
    "metaextract.cache.v1.CacheAdminService",
]


def test_the_settings_tables_are_current():
    assert readme.replace(TEXT, "settings", readme.settings_tables()) == TEXT


def test_every_call_is_in_the_table():
    table = TEXT[TEXT.index("## Calls") : TEXT.index("## grpcurl")]
    assert len(CONTRACT) == len(SERVICES)
    for service in SERVICES:
        assert f"`{service}`" in table
        for method in descriptor_pool.Default().FindServiceByName(service).methods:
            assert re.search(rf"\b{method.name}\b", table), method.full_name


def test_the_commands_come_within_thirty_lines():
    top = "\n".join(TEXT.splitlines()[:30])
    assert "make demo" in top and "make test" in TEXT


def test_every_make_target_is_listed():
    helped = subprocess.run(
        ["make", "-s", "help"], cwd=readme.ROOT, capture_output=True, text=True, check=True
    ).stdout
    for target in ("demo", "test", "check", "bench", "faults", "protos", "up", "down", "results"):
        assert re.search(rf"^  {target} ", helped, re.MULTILINE), target


@needs("grpcurl")
@pytest.mark.servers
@pytest.mark.parametrize("line", GRPCURL, ids=lambda line: line[-60:])
def test_grpcurl_lines_run(line, extractor_process, cache_process, cache):
    line = line.replace("127.0.0.1:50051", extractor_process.address)
    line = line.replace("127.0.0.1:50052", cache_process.address)
    run = subprocess.run(["bash", "-c", line], cwd=readme.ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    if line.startswith("echo"):
        assert re.search(r'"device_?[mM]odel": "RDC-5300"', run.stdout)
    if "SetPressureOverride" in line:
        wait_until(lambda: not cache.get_pressure().overridden)

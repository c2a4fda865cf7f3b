"""A stock load tool finds our calls by reflection: ghz, which knows nothing of us."""

from __future__ import annotations

import base64
import json
import subprocess

import pytest

from tests.samples import PHOTOS
from tests.support.optional import needs

pytestmark = [needs("ghz"), pytest.mark.servers]
CALLS = 200


@pytest.fixture
def load(tmp_path):
    """The summary of ghz after `CALLS` calls."""

    def run(address: str, call: str, message: dict) -> dict:
        data = tmp_path / "message.json"  # too long for the command line
        data.write_text(json.dumps(message))
        words = [
            "ghz",
            "--insecure",
            "--call",
            call,
            "-n",
            str(CALLS),
            "-c",
            "8",
            "-O",
            "json",
            "-D",
            str(data),
        ]
        process = subprocess.run([*words, address], capture_output=True, text=True, timeout=120)
        assert process.returncode == 0, process.stderr
        return json.loads(process.stdout)

    return run


def test_extract(load, extractor_process):
    photo = base64.b64encode(PHOTOS[0].read_bytes()).decode()
    message = {"inline": {"name": PHOTOS[0].name, "data": photo}}
    summary = load(extractor_process.address, "metaextract.extractor.v1.ExtractorService.Extract", message)
    assert summary["count"] == CALLS and summary["statusCodeDistribution"] == {"OK": CALLS}


def test_get_result(load, cache_process):
    message = {"key": {"space": "verified", "content_id": "b3:00", "module": "metadata", "version": "1"}}
    summary = load(cache_process.address, "metaextract.cache.v1.ResultService/GetResult", message)
    assert summary["count"] == CALLS and summary["statusCodeDistribution"] == {"OK": CALLS}

"""The Go and Node.js programs upload a real photograph; each runs where its toolchain is installed."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.samples import PHOTOS
from tests.support.optional import needs
from tests.tools import generate

ROOT = Path(__file__).parents[2]


@pytest.mark.servers
@pytest.mark.timeout(600)  # the first run compiles gRPC for Go
@pytest.mark.parametrize("language", [pytest.param(name, marks=needs(name)) for name in ("go", "node")])
def test_it_prints_the_camera(extractor_process, language):
    photo = next(path for path in PHOTOS if "Nikon" in path.name)
    if language == "go":
        command, folder = ["go", "run", "./cmd/photo"], ROOT / "clients" / "go"
    else:
        generate.install_node_packages()
        command, folder = ["node", "photo.js"], ROOT / "clients" / "node"
    run = subprocess.run(
        [*command, str(photo), extractor_process.address],
        cwd=folder,
        capture_output=True,
        text=True,
        env=dict(os.environ),
    )
    assert run.stdout == "NIKON CORPORATION | NIKON D5000\n", run.stderr

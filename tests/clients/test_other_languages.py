"""The Go and Node.js programs upload a real photograph; each runs where its toolchain is installed."""

import subprocess
from pathlib import Path

import pytest

from tests.samples import PHOTOS
from tests.support.optional import needs
from tests.tools import generate

ROOT = Path(__file__).parents[2]


CLIENTS = ROOT / "clients"
EXAMPLES = {
    "go": (CLIENTS / "go", ["go", "run", "./cmd/photo"], None),
    "node": (CLIENTS / "node", ["node", "photo.js"], generate.install_node_packages),
}
"""By the program that runs it: where, how, and what has to be fetched before."""


@pytest.mark.servers
@pytest.mark.timeout(600)  # the first run compiles gRPC for Go
@pytest.mark.parametrize("program", [pytest.param(name, marks=needs(name)) for name in EXAMPLES])
def test_it_prints_the_camera(extractor_process, program):
    photo = next(path for path in PHOTOS if "Nikon" in path.name)
    folder, command, fetch = EXAMPLES[program]
    if fetch is not None:
        fetch()
    run = subprocess.run(
        [*command, str(photo), extractor_process.address], cwd=folder, capture_output=True, text=True
    )
    assert run.stdout == "NIKON CORPORATION | NIKON D5000\n", run.stderr


def test_every_language_is_tried_and_its_generated_code_is_marked():
    marked = (ROOT / ".gitattributes").read_text(encoding="utf-8")
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for folder in sorted(path for path in CLIENTS.iterdir() if path.is_dir() and path.name != "python"):
        assert folder in [each[0] for each in EXAMPLES.values()]
        assert f"clients/{folder.name}/gen/** linguist-generated" in marked
        assert f"clients/{folder.name}" in ignored

"""Runs the steps of each Dockerfile in a clean folder: no engine runs here, so the image itself isn't built.

COPY, RUN, ENV, HEALTHCHECK and ENTRYPOINT are executed as written, with absolute paths moved into the folder. FROM
and USER are what this can't show.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.processes import clean_environ
from tests.tools import sbom

ROOT = Path(__file__).parents[1]
IGNORED = [line.strip().removeprefix("**/") for line in (ROOT / ".dockerignore").read_text().splitlines()]
MOVED = ("/opt/metaextract", "/var/lib/metaextract", "/src")

pytestmark = [pytest.mark.servers, pytest.mark.timeout(400)]


def instructions(name: str) -> list[tuple[str, str]]:
    text = (ROOT / "docker" / name).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [tuple(line.split(" ", 1)) for line in lines]


class Folder:
    """A clean root that absolute paths are moved into."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.workdir = root
        self.environ = {key: value for key, value in clean_environ().items() if key != "PYTHONPATH"}
        # The image has a `python`; where only `python3` is installed, as on Debian, this folder has one, too.
        (root / "bin").mkdir()
        (root / "bin" / "python").symlink_to(getattr(sys, "_base_executable", sys.executable))
        self.environ["PATH"] = f"{root / 'bin'}:{self.environ['PATH']}"

    def moved(self, text: str) -> str:
        for path in MOVED:
            text = re.sub(rf"(?<![\w.]){re.escape(path)}(?![\w-])", str(self.root) + path, text)
        return text

    def execute(self, instruction: str, argument: str) -> None:
        if instruction == "WORKDIR":
            self.workdir = Path(self.moved(argument))
            self.workdir.mkdir(parents=True)
        elif instruction == "COPY" and not argument.startswith("--from"):
            *sources, target = argument.split()
            if sources == ["."]:
                shutil.copytree(
                    ROOT, self.workdir, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*IGNORED)
                )
            else:
                (self.workdir / target).mkdir(parents=True, exist_ok=True)
                for source in sources:
                    shutil.copy(ROOT / source, self.workdir / target)
        elif instruction == "RUN":
            subprocess.run(self.moved(argument), shell=True, cwd=self.workdir, env=self.environ, check=True)
        elif instruction == "ENV":
            name, _, value = argument.partition("=")
            self.environ[name] = self.moved(value)


@pytest.mark.parametrize("service", ["cache", "extractor"])
def test_install_and_health_check_steps_work(tmp_path, service):
    folder, entrypoint, health = Folder(tmp_path), [], []
    for instruction, argument in instructions(f"{service}.Dockerfile"):
        folder.execute(instruction, argument)
        if instruction == "ENTRYPOINT":
            entrypoint = json.loads(folder.moved(argument))
        elif instruction == "HEALTHCHECK":
            health = json.loads(folder.moved(argument.partition("CMD ")[2]))
    port = {"cache": "50052", "extractor": "50051"}[service]
    free = "50952" if service == "cache" else "50951"  # another port: the usual one may be taken here
    folder.environ = {
        key: value.replace(f"0.0.0.0:{port}", f"127.0.0.1:{free}") for key, value in folder.environ.items()
    }
    health = [word.replace(port, free) for word in health]
    assert subprocess.run(health, env=folder.environ, capture_output=True).returncode == 3, "nothing runs yet"
    with subprocess.Popen(entrypoint, env=folder.environ, cwd="/", stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 30
            while (code := subprocess.run(health, env=folder.environ, capture_output=True).returncode) != 0:
                assert process.poll() is None and time.monotonic() < deadline, code
                time.sleep(0.1)
        finally:
            process.terminate()
    assert process.returncode == 0
    if service == "cache":
        assert (tmp_path / "var/lib/metaextract/cache/results.sqlite").exists()


@pytest.mark.parametrize("service", ["cache", "extractor"])
def test_images_are_multi_stage_and_not_root(service):
    words = instructions(f"{service}.Dockerfile")
    assert [word for word, _ in words].count("FROM") == 2
    assert ("USER", "10001:10001") in words


def test_compose_names_what_exists():
    text = (ROOT / "docker" / "compose.yaml").read_text(encoding="utf-8")
    for name in re.findall(r"dockerfile: (\S+?)}", text):
        assert (ROOT / name).exists()


def test_compose_publishes_the_extractor_alone_and_to_its_own_machine():
    """At the cache's port, anybody could clear it, or put false results."""
    text = (ROOT / "docker" / "compose.yaml").read_text(encoding="utf-8")
    assert re.findall(r"ports: (.*)", text) == ['["127.0.0.1:50051:50051"]']


@pytest.mark.parametrize("image", sbom.IMAGES)
def test_what_an_image_contains_is_listed_with_hashes_and_licences(image):
    found = sbom.packages((ROOT / "docker" / f"{image}.lock").read_text(encoding="utf-8"))
    assert {"grpcio", "protobuf", "psutil"} <= {each.name for each in found}
    assert sbom.complaints(found) == []
    listed = sbom.document(image, found)
    assert listed["specVersion"] == "1.5" and len(listed["components"]) == len(found)


def test_a_binding_licence_is_told():
    found = [
        sbom.Package("a", "1", ["0" * 64], "GNU General Public License v3 (GPLv3)"),
        sbom.Package("b", "1", ["0" * 64], "GNU Lesser General Public License v3 (LGPLv3)"),
        sbom.Package("c", "1", [], "MIT"),
        sbom.Package("d", "1", ["0" * 64], ""),
    ]
    assert [each.partition(":")[0] for each in sbom.complaints(found)] == ["a", "c", "d"]


def test_containers_may_do_nothing_that_they_needn_t():
    compose = (ROOT / "docker" / "compose.yaml").read_text(encoding="utf-8")
    for line in ("read_only: true", "cap_drop: [ALL]", 'security_opt: ["no-new-privileges:true"]'):
        assert compose.count(line) == 2, line

"""What fuzzing has found stays mended: each finding is a file in `findings/TARGET/`. And the driver finds what is there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.mutate import Mutator
from tests.fuzz.targets import all_targets

FINDINGS = sorted((Path(__file__).parent / "findings").glob("*/*.bin"))
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def targets():
    return {target.name.replace(" ", "-"): target for target in all_targets()}


@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_finding_stays_mended(targets, path):
    targets[path.parent.name].run(path.read_bytes())


def test_every_reader_has_a_target(targets):
    from extractor_service.formats.registry import FORMATS

    assert {each.name for each in FORMATS} <= set(targets)


def test_mutants_are_the_same_for_the_same_seed():
    def some(seed):
        mutator = Mutator(seed, 1000)
        return [mutator.mutant(b"abcdefgh" * 20, b"other") for _ in range(50)]

    assert some(1) == some(1) != some(2)
    assert all(0 < len(mutant) <= 1000 for mutant in some(3))


def test_a_defect_is_found(tmp_path):
    """In a few seconds, from a seed that doesn't show it."""
    script = tmp_path / "planted.py"
    script.write_text(
        "import sys\n"
        "import tests.fuzz.__main__ as driver\n"
        "from pathlib import Path\n"
        "from tests.fuzz.targets import Target\n"
        "from service_runtime import shown\n"
        "def planted(data):\n"
        "    if data[:1] == b'\\xff':\n"
        "        shown.shown('x', 5)\n"
        "        if len(data) > 40:\n"
        "            raise KeyError('planted')\n"
        "driver.OUTPUT = Path(sys.argv[1])\n"
        "driver.all_targets = lambda: [Target('planted', [b'seed'], planted)]\n"
        "sys.exit(driver.main())\n"
    )
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "out")],
        cwd=ROOT,
        env={**os.environ, "FOR": "4", "ONLY": "", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and "KeyError: 'planted'" in done.stdout, done.stdout + done.stderr
    found = list((tmp_path / "out" / "findings" / "planted").glob("*.bin"))
    assert len(found) == 1 and len(found[0].read_bytes()) == 41, "and trimmed"

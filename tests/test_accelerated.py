"""The compiled engine: it installs as a wheel, makes the same documents byte for byte, and is stopped like any other."""

from __future__ import annotations

import ast
import asyncio
import builtins
import os
import shutil
import subprocess
import sys
import sysconfig
import time
import tomllib
from pathlib import Path

import pytest

from extractor_service.document import Outcome
from extractor_service.workers.pool import WorkerPool
from extractor_service.workers.protocol import Job, Loss
from tests.golden import images
from tests.samples import DOCUMENTS, PHOTOS, write_samples
from tests.support.all_documents import documents

ROOT = Path(__file__).parents[1]
COMPILED = ROOT / "build" / "accelerated"
WHEELS = ROOT / "build" / "wheels"
MODULES = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]["modules"]  # fmt: skip


def _is_built() -> bool:
    """Whether what was compiled is this tree; the wheel has the sources beside the libraries."""
    copies = (COMPILED / "extractor_service").rglob("*.py")
    return (COMPILED / ".ready").exists() and all(
        (ROOT / copy.relative_to(COMPILED)).read_bytes() == copy.read_bytes()
        for copy in copies
        if (ROOT / copy.relative_to(COMPILED)).exists()
    )


needs_build = pytest.mark.skipif(
    not _is_built(), reason="nothing is compiled here, or older code: make accelerate"
)


@needs_build
@pytest.mark.timeout(300)
def test_the_wheel_works_in_an_empty_environment(tmp_path):
    (wheel,) = WHEELS.glob("*.whl")
    assert sysconfig.get_platform().replace("-", "_").replace(".", "_") in wheel.name
    environ = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True, env=environ
    )
    python = tmp_path / "venv" / "bin" / "python"
    folder = subprocess.check_output(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True, env=environ
    ).strip()
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    subprocess.run([*pip, "--no-deps", "--no-index", wheel], check=True, env=environ)
    Path(folder, "others.pth").write_text(sysconfig.get_path("purelib") + "\n")  # what it depends on
    told = subprocess.check_output(
        [python, "-c", "import extractor_service.document as d, extractor_service.breath as b; print(d.__file__); print(b.__file__)"],
        text=True, env=environ, cwd=tmp_path,
    ).split()  # fmt: skip
    assert told[0].startswith(folder) and not told[0].endswith(".py"), "compiled"
    assert told[1].endswith(".py"), "and what lets signals in is not"
    listed = subprocess.check_output(
        [python.parent / "metaextract-extractor", "--help"], text=True, env=environ, cwd=tmp_path
    )
    assert "--extractor-address" in listed


@needs_build
@pytest.mark.servers
@pytest.mark.timeout(300)
def test_documents_are_the_same_byte_for_byte(tmp_path):
    write_samples(tmp_path / "golden")
    for path in (*PHOTOS, *sorted(DOCUMENTS.iterdir())):
        if path.is_file():
            shutil.copy(path, tmp_path)
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    pure, compiled = (documents(tree, files, tmp_path) for tree in (ROOT, COMPILED))
    assert [path.name for path in files if pure[path] != compiled[path]] == []
    assert len(files) > 200


@needs_build
@pytest.mark.servers
@pytest.mark.timeout(300)
async def test_an_endless_loop_in_compiled_code_is_a_timeout(tmp_path, monkeypatch):
    """One that calls nothing is killed; others are interrupted, and keep what they found."""
    folder = tmp_path / "site-packages"  # by whose name workers know that they may read it
    folder.mkdir()
    shutil.copy(ROOT / "tests" / "faults" / "compiled_loops.py", folder)
    build = (
        "from mypyc.build import mypycify; from setuptools import Distribution\n"
        "d = Distribution({'name': 'loops', 'packages': [], 'ext_modules': mypycify(['--ignore-missing-imports', 'compiled_loops.py'], opt_level='0')})\n"
        "c = d.get_command_obj('build_ext'); c.inplace = True; c.ensure_finalized(); c.run()"
    )
    paths = [ROOT, ROOT / "protos", ROOT / "clients" / "python"]
    environ = {**os.environ, "MYPYPATH": os.pathsep.join(map(str, paths))}
    await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", build], cwd=folder, env=environ, check=True
    )
    (folder / "compiled_loops.py").unlink()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, [COMPILED, folder])))
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    pool = WorkerPool([sys.executable, "-m", "tests.faults.compiled_workers"], 1, 512 * 2**20, 1.0)
    await pool.start()
    try:
        for name, is_killed in (("spin", True), ("spend", False), ("read", False)):
            result = await _run(pool, f"loop-{name}", f"LOOP-{name}!".encode(), 0.7)
            if is_killed:
                assert result.failure == Outcome.TIMEOUT.value, result
                assert result.loss in {Loss.SPENT, Loss.OUTSIDE}
            else:
                assert result.failure is None and not result.modules[0].is_complete
                assert Outcome(result.modules[0].outcome) is Outcome.TIMEOUT
                assert b"Action" in result.modules[0].fragment, "what was found before stays"
            good = await _run(pool, "jpeg", images.jpeg(), 20.0)
            assert [each.outcome for each in good.modules] == [Outcome.OK.value] * 2
        began_at = time.monotonic()
        late = await _run(pool, "loop-read", b"LOOP-read!", 3.0)
        assert Outcome(late.modules[0].outcome) is Outcome.TIMEOUT and time.monotonic() - began_at > 2.5, (
            "signs of life come out of compiled loops: nobody took it for dead"
        )
    finally:
        await pool.close()


async def _run(pool, format_name, data, seconds):
    descriptor = os.memfd_create("test")
    try:
        os.write(descriptor, data)
        return await pool.run(Job(format_name, ("metadata", "common"), len(data), seconds), descriptor)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("module", MODULES)
def test_what_is_compiled_is_written_so_that_it_can_be(module):
    """What a compiler stumbles over without a word: names that annotations need when a class is made, and one name for two kinds of errors."""
    tree = ast.parse((ROOT / module).read_text(encoding="utf-8"))
    complaints = []
    known, compiled = {*dir(builtins), "Callable"}, {Path(each).stem for each in MODULES}
    for node in tree.body:
        if isinstance(
            node, ast.Assign | ast.AnnAssign
        ):  # of a type's other name the compiler knows what it stands for
            known |= {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            known |= {(each.asname or each.name).partition(".")[0] for each in node.names}
        elif isinstance(node, ast.If):  # what another compiled module has, the compiler knows by itself
            known |= {
                each.name
                for inner in ast.walk(node) if isinstance(inner, ast.ImportFrom) and (inner.module or "").rpartition(".")[2] in compiled
                for each in inner.names
            }  # fmt: skip
        elif isinstance(node, ast.ClassDef):
            if _looks_at_annotations(node):
                needed = {
                    name.id
                    for each in node.body if isinstance(each, ast.AnnAssign)
                    for name in ast.walk(each.annotation) if isinstance(name, ast.Name)
                }  # fmt: skip
                complaints += [f"{node.name}: {name}" for name in needed - known - {node.name}]
            complaints += [
                f"{node.name}: slots" for each in node.decorator_list if "slots" in ast.unparse(each)
            ]
            known.add(node.name)
    for function in ast.walk(tree):
        kinds: dict[str, set[str]] = {}
        if isinstance(function, ast.FunctionDef):
            for handler in ast.walk(function):
                if isinstance(handler, ast.ExceptHandler) and handler.name and handler.type:
                    kinds.setdefault(handler.name, set()).add(ast.unparse(handler.type))
        complaints += [f"{function.name}: {name}" for name, types in kinds.items() if len(types) > 1]
    assert complaints == []


def _looks_at_annotations(node: ast.ClassDef) -> bool:
    bases = {each.id for each in node.bases if isinstance(each, ast.Name)}
    return "NamedTuple" in bases or any("dataclass" in ast.unparse(each) for each in node.decorator_list)

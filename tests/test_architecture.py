"""The promises about the tree itself: import rules, folders, file sizes, locks, the README."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.tools import limits

ROOT = Path(__file__).parents[1]
LINT_IMPORTS = str(Path(sys.executable).parent / "lint-imports")
MAX_PARAMETERS = 7  # beside self; what belongs together is a value of its own
PACKAGES = ["cache_service", "extractor_service", "service_runtime"]


def tracked(*patterns: str) -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [ROOT / name for name in names.splitlines() if (ROOT / name).exists()]


def test_import_rules_hold():
    run = subprocess.run([LINT_IMPORTS, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


def test_no_function_has_more_than_seven_parameters():
    for path in limits.sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not _only_keeps(node):
                parameters = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                named = [each.arg for each in parameters if each.arg not in {"self", "cls"}]
                assert len(named) <= MAX_PARAMETERS, f"{path}: {node.name}"


def _only_keeps(function: ast.AST) -> bool:
    """Whether it is a record's constructor, which keeps each parameter under its name: a dataclass, written out."""
    return isinstance(function, ast.FunctionDef) and function.name == "__init__" and all(
        isinstance(each, ast.Assign) and ast.unparse(each) == f"self.{ast.unparse(each.value)} = {ast.unparse(each.value)}"
        for each in function.body
    )  # fmt: skip


def test_every_limit_has_its_reason():
    assert limits.main() == 0


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("extractor_service/helpers.py", "X = 1"),
        ("extractor_service/serving/helpers.py", "X = 1"),
        ("extractor_service/formats/helpers.py", "X = 1"),
        ("cache_service/helpers.py", "X = 1"),
        ("extractor_service/results/keys.py", "import extractor_service.results.client"),
        ("cache_service/pressure/policy.py", "import cache_service.store"),
        ("cache_service/store.py", "import grpc"),
        ("cache_service/eviction/lru.py", "import cache_service.tiers.memory"),
        ("extractor_service/formats/containers/photo/jpeg.py", "import metaextract.document.v1.document_pb2"),
        ("extractor_service/workers/child.py", "import grpc"),
        ("extractor_service/extraction/pipeline.py", "import cache_service.store"),
        ("service_runtime/errors.py", "import extractor_service.document"),
    ],
)
def test_a_planted_violation_is_reported(tmp_path, file, line):
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "protos" / "metaextract", tmp_path / "metaextract")
    shutil.copytree(ROOT / "clients" / "python" / "metaextract_client", tmp_path / "metaextract_client")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    path = tmp_path / file
    before = path.read_text(encoding="utf-8") if path.exists() else ""  # a new one is outside every layer
    path.write_text(f"{before}\n{line}\n", encoding="utf-8")
    run = subprocess.run([LINT_IMPORTS, "--no-cache"], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 1 and "BROKEN" in run.stdout


def test_the_top_level_is_the_agreed_one():
    top = {path.relative_to(ROOT).parts[0] for path in tracked()}
    allowed = {
        "protos", "extractor_service", "cache_service", "clients", "tests", "docker", "Makefile", "README.md",
        "service_runtime", "pyproject.toml", "CHANGELOG.md", "LICENSE", "requirements.lock",
    }  # fmt: skip
    assert {name for name in top if not name.startswith(".")} <= allowed


def test_no_file_is_alarmingly_long():
    for path in tracked("*.py"):
        if "_pb2" not in path.name and "tags" not in path.parts:
            assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, path


def test_locks_pin_hashes_and_name_no_registry():
    for path in [ROOT / "requirements.lock", *sorted((ROOT / "docker").glob("*.lock"))]:
        text = path.read_text(encoding="utf-8")
        assert "--hash=sha256:" in text and "://" not in text and "index" not in text.lower(), path


@pytest.mark.parametrize("version", ["3.11.0", "3.11.2", "3.11.9", "3.12.0", "3.13.0"])
@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_the_lock_has_what_each_python_needs(version, system):
    """A lock is made by one Python, and others need more: redis needs async-timeout before 3.11.3, Debian 12's for one."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = {canonicalize_name(name) for name in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}
    there = {
        "python_full_version": version,
        "python_version": version.rpartition(".")[0],
        "sys_platform": system,
        "platform_system": system.title(),
        "extra": "",
    }
    missing = [
        f"{package.name} needs {needed}"
        for package in distributions()
        if canonicalize_name(package.name) in locked
        for needed in map(Requirement, package.requires or ())
        if (needed.marker is None or needed.marker.evaluate(there))
        and canonicalize_name(needed.name) not in locked
    ]
    assert not missing


def test_every_dependency_has_its_reason():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for line in re.findall(r'^  "[\w-]+[><=].*$', text, re.MULTILINE):
        assert "#" in line, line


def test_environment_variables_are_read_in_main_alone():
    """Settings are read once, in `__main__`; the only others hand the environment on to child processes, or empty it."""
    allowed = {"__main__.py", "forks.py", "isolation.py", "template.py"}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            if "os.environ" in path.read_text(encoding="utf-8"):
                assert path.name in allowed, path


def test_generated_code_is_marked():
    text = (ROOT / ".gitattributes").read_text(encoding="utf-8")
    assert "*_pb2.py linguist-generated" in text

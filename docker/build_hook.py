"""Compiles the engine's hot modules into the wheel, where METAEXTRACT_ACCELERATE=1 asks for it; otherwise the wheel is plain Python.

One source: the modules that `pyproject.toml` lists, by mypyc, which takes their annotations at their word. It needs a C compiler, mypy and
setuptools, at build time alone. The Python files stay in the wheel beside what was made of them.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_PACKAGES = ("cache_service", "extractor_service", "service_runtime")
_ROOTS = ("protos", "clients/python")
# What isn't installed where wheels are built is of no type; `make check` has seen all of them.
_CONFIG = """[mypy]
mypy_path = protos:clients/python
explicit_package_bases = true
ignore_missing_imports = true
follow_untyped_imports = false
disable_error_code = str-bytes-safe, no-any-return, misc, unused-ignore
"""
_OPTIMIZATION = "1"  # of gcc: -O3 builds for twice as long, and gains nothing that can be measured


class CustomBuildHook(BuildHookInterface):
    """See the module."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds the compiled modules to a wheel."""
        if os.environ.get("METAEXTRACT_ACCELERATE") != "1" or version == "editable":
            return
        self._folder = tempfile.TemporaryDirectory(prefix="accelerate-")
        tree = Path(self._folder.name)
        started_at = time.monotonic()
        built = compiled(Path(self.root), tree, self.config["modules"])
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        for path in built:
            build_data["force_include"][str(path)] = path.relative_to(tree).as_posix()
        size = sum(path.stat().st_size for path in built)
        self.app.display_info(
            f"{len(built)} compiled modules, {size / 2**20:.1f} MiB, in {time.monotonic() - started_at:.0f} s"
        )

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Removes what was in between."""
        del version, build_data, artifact_path
        if hasattr(self, "_folder"):
            self._folder.cleanup()


def compiled(root: Path, tree: Path, modules: list[str]) -> list[Path]:
    """Compiles `modules` (paths below `root`) in a copy at `tree`; the libraries made, beside their sources in there."""
    from mypyc.build import mypycify  # noqa: PLC0415 - there only where something is compiled
    from setuptools import Distribution  # noqa: PLC0415 - as above

    unwanted = shutil.ignore_patterns("__pycache__", "*.so", "node_modules")
    for name in (*_PACKAGES, *_ROOTS):
        shutil.copytree(root / name, tree / name, ignore=unwanted)
    (tree / "mypy.ini").write_text(_CONFIG)
    before, path = Path.cwd(), list(sys.path)
    os.chdir(tree)
    try:
        sys.path[:0] = [str(tree)]
        level = os.environ.get("METAEXTRACT_ACCELERATE_LEVEL", _OPTIMIZATION)
        extensions = mypycify(["--config-file=mypy.ini", *modules], opt_level=level, debug_level="0")
        distribution = Distribution(
            {"name": "metaextract-accelerated", "packages": [], "ext_modules": extensions}
        )
        command = distribution.get_command_obj("build_ext")
        command.inplace = True
        command.ensure_finalized()
        command.run()
    finally:
        os.chdir(before)
        sys.path[:] = path
    shutil.rmtree(tree / "build", ignore_errors=True)
    return sorted(each for each in tree.rglob("*") if each.suffix in {".so", ".pyd"})

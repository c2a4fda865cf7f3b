"""Starts the bare server with given answers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tests.support.processes import ServiceProcess

if TYPE_CHECKING:
    from pathlib import Path


class BareServer(ServiceProcess):
    """`python -m tests.benchmarks.bare_server` with its two answers."""

    def __init__(self, folder: Path, extract: bytes = b"", get_result: bytes = b"") -> None:
        (folder / "extract").write_bytes(extract)
        (folder / "get_result").write_bytes(get_result)
        self._arguments = [str(folder / "extract"), str(folder / "get_result")]
        super().__init__("tests.benchmarks.bare_server")

    def _command(self, module: str) -> list[str]:
        return [sys.executable, "-m", module, *self._arguments]

"""Packages with modules of their own, as if pip had installed them, and an extractor that offers them."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import grpc

from extractor_service.assembly import running_extractor
from extractor_service.settings import Settings
from metaextract.extractor.v1 import extractor_pb2_grpc

if TYPE_CHECKING:
    from pathlib import Path


def install(folder: Path, package: str, code: str, entry: str) -> None:
    """`package`, with `code` in its module.py, and the entry points of its pyproject.toml."""
    (folder / package).mkdir()
    (folder / package / "__init__.py").write_text("")
    (folder / package / "module.py").write_text(code)
    told = folder / f"{package}-1.dist-info"
    told.mkdir()
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n")
    lines = re.sub(r'^\[project\.entry-points\."(.+)"\]', r"[\1]", entry, flags=re.MULTILINE).replace('"', "")
    (told / "entry_points.txt").write_text(lines)


@contextlib.asynccontextmanager
async def extractor(**settings):
    """A stub of a running extractor, without a cache."""
    told = Settings(
        extractor_address="127.0.0.1:0",
        cache_address="127.0.0.1:9",
        extractor_operations_address="none",
        **settings,
    )
    async with running_extractor(told) as server:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            yield extractor_pb2_grpc.ExtractorServiceStub(channel)

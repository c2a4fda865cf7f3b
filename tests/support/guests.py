"""Packages with modules of their own, as if pip had installed them, and an extractor that offers them."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import grpc

from metaextract.extractor.v1 import extractor_pb2_grpc
from tests.support.processes import start_cache, start_extractor

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
async def extractor(**settings: object):
    """A stub of a running extractor, without a cache; settings as in `Settings`."""
    with start_extractor("127.0.0.1:9", **_variables(settings)) as process:
        async with grpc.aio.insecure_channel(process.address) as channel:
            yield extractor_pb2_grpc.ExtractorServiceStub(channel)


@contextlib.asynccontextmanager
async def pair(folder: Path, **settings: object):
    """Stubs of a running pair: the extractor's, and the cache's channel."""
    with start_cache(folder / "cache") as cache:
        with start_extractor(cache.address, **_variables(settings)) as process:
            async with grpc.aio.insecure_channel(cache.address) as channel:
                async with grpc.aio.insecure_channel(process.address) as own:
                    yield extractor_pb2_grpc.ExtractorServiceStub(own), channel


def _variables(settings: dict[str, object]) -> dict[str, str]:
    return {
        f"METAEXTRACT_{name.upper()}": ",".join(value) if isinstance(value, tuple) else str(value)
        for name, value in settings.items()
    }

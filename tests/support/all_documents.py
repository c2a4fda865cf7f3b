"""Every document of a folder's files as one build of the services makes it, to compare builds byte for byte."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from metaextract.document.v1 import document_pb2
from metaextract.extractor.v1 import extractor_pb2
from metaextract_client.errors import MetaExtractError
from metaextract_client.extractor_async import AsyncExtractorClient
from tests.support.evidence import ROOT
from tests.support.processes import ServiceProcess, start_cache, start_extractor

_IN_FLIGHT = 4
_SECONDS = 120.0


@contextlib.contextmanager
def code_of(tree: Path) -> Iterator[None]:
    """Services that are started meanwhile run the code of `tree`: a checkout, or where a wheel was unpacked."""
    before, folder = os.environ.get("PYTHONPATH"), Path.cwd()
    os.environ["PYTHONPATH"] = os.pathsep.join(map(str, (tree, tree / "protos", tree / "clients" / "python")))
    os.chdir(tree)  # `python -m` looks there first
    try:
        yield
    finally:
        os.chdir(folder)
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


@contextlib.contextmanager
def older_tree(revision: str, folder: Path) -> Iterator[Path]:
    """A checkout of `revision`, in `folder` for as long as the block runs."""
    tree = folder / "before"
    subprocess.run(["git", "worktree", "add", "--detach", "--quiet", tree, revision], cwd=ROOT, check=True)
    try:
        yield tree
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", tree], cwd=ROOT, check=True)


def documents(tree: Path, files: list[Path], root: Path) -> dict[Path, bytes]:
    """The encoded document of each file, from the code of `tree`; times that were taken are left out."""
    with (
        code_of(tree),
        start_cache() as cache,
        start_extractor(
            cache.address,
            METAEXTRACT_FILE_ROOTS=str(root),
            METAEXTRACT_QUEUE_LENGTH="1000",
            METAEXTRACT_STALL_SECONDS="60",
            METAEXTRACT_PARSE_SECONDS=str(_SECONDS),
        ) as extractor,
    ):
        return asyncio.run(_all(extractor, files))


async def _all(extractor: ServiceProcess, files: list[Path]) -> dict[Path, bytes]:
    options = extractor_pb2.ExtractOptions(cache_mode=extractor_pb2.CACHE_MODE_BYPASS)
    gate = asyncio.Semaphore(_IN_FLIGHT)
    found: dict[Path, bytes] = {}
    async with AsyncExtractorClient(extractor.address) as client:

        async def one(path: Path) -> None:
            async with gate:
                try:
                    reply = await client.extract_uri(path.as_uri(), options, timeout=_SECONDS + 10)
                    found[path] = without_times(reply.document)
                except MetaExtractError as error:
                    found[path] = f"{type(error).__name__}: {error}".encode()

        await asyncio.gather(*(one(path) for path in files))
    return found


def without_times(document: document_pb2.Document) -> bytes:
    """Its bytes, but for how long its modules took."""
    for module in document.modules:
        module.elapsed_seconds = 0.0
    return document.SerializeToString(deterministic=True)

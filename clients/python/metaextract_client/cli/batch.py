"""`metaextract batch`: very many files into a folder of results, by Dask's workers; it can be broken off and go on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from metaextract.cache.v1 import pressure_pb2
from metaextract.extractor.v1 import extractor_pb2
from metaextract_client.cli import exit_codes
from metaextract_client.engine.items import items_of
from metaextract_client.engine.run import Plan
from metaextract_client.engine.run import run as run_engine
from metaextract_client.engine.task import Job
from metaextract_client.errors import MetaExtractError
from metaextract_client.extractor import ExtractorClient

if TYPE_CHECKING:
    import argparse

    from metaextract_client.engine.task import Done

_KNOCK_SECONDS = 10.0  # at the beginning, for an extractor to be there; later ones may come and go


def run(options: argparse.Namespace) -> int:
    """The exit code after describing all files."""
    try:
        import distributed  # noqa: F401, PLC0415 - an extra
    except ImportError:
        print("metaextract: `metaextract batch` needs metaextract[batch]", file=sys.stderr)
        return exit_codes.NOTHING
    try:
        items = list(items_of(options.sources, options.manifest))
    except (OSError, ValueError) as error:
        print(f"metaextract: {error}", file=sys.stderr)
        return exit_codes.NOTHING
    if not items:
        print("metaextract: nothing to describe", file=sys.stderr)
        return exit_codes.NOTHING
    try:
        with ExtractorClient(options.extractor) as client:
            client.get_capabilities(_KNOCK_SECONDS)
    except MetaExtractError as error:
        print(f"metaextract: {options.extractor}: {error}", file=sys.stderr)
        return exit_codes.FAILED
    request = extractor_pb2.ExtractOptions(work_class=pressure_pb2.WORK_CLASS_BATCH)
    job = Job(options.extractor, options.out, options.format, request.SerializeToString(), options.jobs)
    plan = Plan(options.token, options.chunk, options.workers, options.scheduler)
    console = Console(stderr=True)
    columns = (TextColumn("describing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(items))

        def advance(done: Done) -> None:
            progress.advance(task, done.total)

        try:
            outcome = run_engine(items, job, plan, advance)
        except KeyboardInterrupt:
            print("metaextract: interrupted; the same command goes on", file=sys.stderr)
            return exit_codes.INTERRUPTED
        except (OSError, RuntimeError, MetaExtractError) as error:
            print(f"metaextract: {error}", file=sys.stderr)
            return exit_codes.FAILED
    rate = outcome.files / outcome.seconds if outcome.seconds else 0.0
    print(
        f"{outcome.files} files in {outcome.seconds:.1f} s ({rate:.0f} a second), {outcome.failed} failed,"
        f" {outcome.kept} were there already; results in {options.out}"
    )
    return exit_codes.FAILED if outcome.failed else exit_codes.OK

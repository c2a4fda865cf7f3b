"""The options of `metaextract batch`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaextract_client.channel import extractor_address
from metaextract_client.cli.numbers import positive

if TYPE_CHECKING:
    import argparse


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """`metaextract batch`."""
    batch = commands.add_parser(
        "batch", help="very many files, shared among Dask's workers; it can be broken off and go on"
    )
    batch.add_argument(
        "sources", nargs="*", metavar="SOURCE", help="files, folders, globs, or s3://BUCKET/PREFIX"
    )
    batch.add_argument("--manifest", default="", metavar="FILE", help="a file with paths or URLs, one a line")
    batch.add_argument(
        "--out", required=True, metavar="FOLDER", help="where the results go, a file for each chunk"
    )
    batch.add_argument(
        "--format", default="jsonl", choices=("jsonl", "parquet"), help="parquet needs pyarrow"
    )
    batch.add_argument(
        "--token", default="run", metavar="NAME", help="names the run: the same one goes on with it"
    )
    batch.add_argument(
        "--workers", type=positive(int), default=2, metavar="N", help="processes of this machine"
    )
    batch.add_argument(
        "--scheduler", default="", metavar="ADDRESS", help="a Dask that is there, instead of them"
    )
    batch.add_argument("--chunk", type=positive(int), default=64, metavar="N", help="files that go together")
    batch.add_argument(
        "--jobs", type=positive(int), default=4, metavar="N", help="sessions at once of each worker"
    )
    batch.add_argument("--extractor", default=extractor_address(), metavar="HOST:PORT")
    batch.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from metaextract_client.cli import batch  # noqa: PLC0415 - Dask and progress bars, for who wants them

    return batch.run(options)

"""The options of `metaextract similar` and `metaextract privacy`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaextract_client.channel import EXTRACTOR_VARIABLE, cache_address, extractor_address
from metaextract_client.cli.numbers import positive

if TYPE_CHECKING:
    import argparse


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """`metaextract similar` and `metaextract privacy`."""
    similar = commands.add_parser("similar", help="which files are the same, look alike or make a burst")
    privacy = commands.add_parser("privacy", help="what in files identifies a person, a place or a device")
    for looking in (similar, privacy):
        looking.add_argument("paths", nargs="+", metavar="PATH", help="a file, a folder, or a glob pattern")
        looking.add_argument("--json", action="store_true")
        looking.add_argument("--jobs", type=positive(int), default=4, metavar="N", help="files at once")
        looking.add_argument(
            "--timeout", type=positive(float), default=120.0, metavar="SECONDS", help="per file"
        )
        looking.add_argument(
            "--extractor", default=extractor_address(), metavar="HOST:PORT", help=f"or {EXTRACTOR_VARIABLE}"
        )
    similar.add_argument("--stored", action="store_true", help="also among what was described before")
    similar.add_argument("--cache", default=cache_address(), metavar="HOST:PORT")
    similar.set_defaults(run=_similar)
    privacy.set_defaults(run=_privacy)


def _similar(options: argparse.Namespace) -> int:
    from metaextract_client.cli import similar  # noqa: PLC0415 - late, as all commands

    return similar.run(options)


def _privacy(options: argparse.Namespace) -> int:
    from metaextract_client.cli import privacy  # noqa: PLC0415 - late, as all commands

    return privacy.run(options)

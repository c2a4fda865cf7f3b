"""The command line of a service: help, version, what is configured, and whether that is good."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import sys
import textwrap
import typing

from service_runtime.configuration import CONFIG_VARIABLE, Configuration, load
from service_runtime.settings import PREFIX, InvalidSettingError, describe
from service_runtime.version import VERSION

if typing.TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from _typeshed import DataclassInstance

S = typing.TypeVar("S", bound="DataclassInstance")


def configured(
    program: str,
    settings_type: type[S],
    argv: Sequence[str],
    environ: Mapping[str, str],
    check: Callable[[S], None] = lambda _: None,
) -> tuple[Configuration[S], Callable[[], Configuration[S]]]:
    """What is configured, and how to read it again. `check`: what else can be found out before starting; it raises ValueError or
    OSError. Ends the process where the command line asks for nothing more, or settings are wrong: by one line, and 1.
    """
    options = _parser(program, settings_type).parse_args(argv)
    flags = {
        field.name: value
        for field in dataclasses.fields(settings_type)
        if (value := getattr(options, field.name)) is not None
    }
    read = functools.partial(load, settings_type, dict(environ), flags, options.config or "")
    try:
        configuration = read()
        if options.print_config:
            sys.stdout.write("\n".join(configuration.lines()) + "\n")
            sys.exit(0)
        if options.check_config:
            check(configuration.settings)
            sys.stdout.write(f"{program}: the configuration is good\n")
            sys.exit(0)
    except (InvalidSettingError, ValueError, OSError) as error:
        sys.exit(f"{program}: {error}")
    return configuration, read


def _parser(program: str, settings_type: type[DataclassInstance]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        usage="%(prog)s [-h] [--version] [--config FILE] [--print-config | --check-config] [--SETTING VALUE …]",
        description="Serves until SIGTERM or SIGINT. SIGHUP reads files of settings, access and policy again.",
        epilog=f"A flag goes before the environment ({PREFIX}…), that before the file, that before the default.",
        formatter_class=_Formatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"{program} {VERSION}")
    parser.add_argument(
        "--config", metavar="FILE", help=f"TOML file with settings by their names; or {CONFIG_VARIABLE}"
    )
    parser.add_argument(
        "--print-config", action="store_true", help="print each setting with its source, and end"
    )
    parser.add_argument(
        "--check-config", action="store_true", help="say whether the settings are good, and end"
    )
    group = parser.add_argument_group("settings")
    for row, field in zip(describe(settings_type), dataclasses.fields(settings_type), strict=True):
        facts = ", ".join(filter(None, (row.unit, row.allowed, f"default {row.default}")))
        group.add_argument(
            "--" + field.name.replace("_", "-"),
            dest=field.name, metavar="VALUE", help=f"{row.doc} ({facts})".replace("%", "%%"),
        )  # fmt: skip
    return parser


class _Formatter(argparse.HelpFormatter):
    """Wraps at the terminal's width, without breaking words at hyphens."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(text, width, break_on_hyphens=False)

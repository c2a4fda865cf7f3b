"""Entry point of `metaextract`: arguments in, exit code out."""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import os
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

from metaextract_client.channel import EXTRACTOR_VARIABLE, cache_address, extractor_address
from metaextract_client.cli import batch_options, exit_codes, looking_options, security_options
from metaextract_client.cli.numbers import duration, positive
from metaextract_client.errors import MetaExtractError, UnavailableError
from metaextract_client.security import SecurityError

if TYPE_CHECKING:
    from collections.abc import Callable


def main(arguments: list[str] | None = None) -> None:
    """Runs one command and exits with its code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal of another alphabet gets escapes, not an error
            stream.reconfigure(errors="backslashreplace")
    if sys.stdout is None:  # closed by the caller; and a socket of ours would get its number
        code = _unwritten(OSError(errno.EBADF, os.strerror(errno.EBADF)))
    else:
        code = run(sys.argv[1:] if arguments is None else arguments)
        try:
            sys.stdout.flush()
        except OSError as error:
            code = code or _unwritten(error)
    if code == exit_codes.UNWRITTEN:  # or the interpreter tries again at its end, and prints a traceback
        os._exit(code)
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """The exit code of the command line `arguments`; see `exit_codes`."""
    if arguments[:2] == ["cache", "replay"]:  # its options are the cache service's own
        from metaextract_client.cli import cache

        return cache.replay(arguments[2:])
    options = make_parser().parse_args(arguments)
    try:
        security_options.apply(options)
        code: int = options.run(options)
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    except BrokenPipeError:  # `metaextract … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still buffered has no reader
        return exit_codes.OK
    except SecurityError as error:
        print(f"metaextract: {error}", file=sys.stderr)
        return exit_codes.FAILED
    except OSError as error:
        return _unwritten(error)
    except UnavailableError as error:
        print(f"metaextract: no service answers on {_address(options)}", file=sys.stderr)
        text = str(error)
        print(f"  {text.rpartition('last error: ')[2]}", file=sys.stderr)
        print(f"  {next(hint for sign, hint in _HINTS.items() if sign in text)}", file=sys.stderr)
        return exit_codes.UNREACHABLE
    except MetaExtractError as error:
        if error.code.name == "UNIMPLEMENTED":
            print(
                f"metaextract: {_who(_address(options), asks_cache=not hasattr(options, 'extractor'))}",
                file=sys.stderr,
            )
        else:
            print(f"metaextract: {error}", file=sys.stderr)
        return exit_codes.FAILED
    return code


_HINTS = {
    "Hostname Verification": "the certificate has another name: --tls-server-name, or the address by that name",
    "CERTIFICATE_VERIFY_FAILED": "its certificate is of another authority: --tls-ca names the one to trust",
    "Socket closed": "does it speak TLS (--tls-ca)? does it ask for a certificate (--tls-cert, --tls-key)?",
    "WRONG_VERSION_NUMBER": "it doesn't speak TLS: leave --tls-ca and METAEXTRACT_TLS_CA out",
    "": "`metaextract up` starts both services on this machine; see --help for addresses",
}
"""By what gRPC says of a connection that isn't there."""


def _unwritten(error: OSError) -> int:
    """Says that the output is lost: the disk is full, or nobody reads."""
    print(f"metaextract: the output can't be written: {error.strerror or error}", file=sys.stderr)
    return exit_codes.UNWRITTEN


def _who(address: str, *, asks_cache: bool) -> str:
    """What is at `address`, when it isn't the service that was meant."""
    from metaextract_client.cli import health

    for service, name in health.SERVICES.items():
        with contextlib.suppress(MetaExtractError):
            health.check(address, service)
            if name == "a cache service" and asks_cache:
                return f"what operators ask isn't at {address}: METAEXTRACT_CACHE_ADMIN_ADDRESS, or --cache, names where"
            return f"{address} is the address of {name}"
    return f"{address} runs another service"


def _address(options: argparse.Namespace) -> str:
    for name in ("extractor", "cache", "address"):  # `extract` has both; there --cache is a mode
        if hasattr(options, name):
            return str(getattr(options, name))
    return "?"


def _key(text: str) -> str:
    if not 4 <= len(text.split(" ")) <= 5:
        raise argparse.ArgumentTypeError(
            '"SPACE CONTENT_ID MODULE VERSION [OPTIONS]" is expected, as `list` prints it'
        )
    return text


def make_parser() -> argparse.ArgumentParser:
    """The argument parser; heavy imports happen in the commands, not here."""
    parser = argparse.ArgumentParser(prog="metaextract", description="Turns files into metadata.")
    parser.add_argument("--version", action="version", version=f"metaextract {version('metaextract')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    extract = commands.add_parser("extract", help="describe files, folders or globs")
    extract.add_argument("paths", nargs="+", metavar="PATH", help="a file, a folder, or a glob pattern")
    shape = extract.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="one JSON array, for pipes")
    shape.add_argument(
        "--jsonl", action="store_true", help="one JSON object a line, in the order of the paths"
    )
    shape.add_argument("--all", action="store_true", help="every field, not only the first ones")
    extract.add_argument(
        "--digest",
        action="append",
        default=[],
        choices=("sha256", "sha1", "md5", "sha512", "xxh3", "crc32"),
        help="besides BLAKE3",
    )
    extract.add_argument(
        "--module",
        action="append",
        default=[],
        metavar="NAME",
        help="run only these modules, or sets of them (advanced, forensic)",
    )
    extract.add_argument(
        "--cache", choices=("use", "refresh", "bypass"), default="use", help="how to use the result cache"
    )
    extract.add_argument(
        "--depth",
        choices=("fast", "standard", "full"),
        default="standard",
        help="fast: what head and tail say; full: lists and long documents in full",
    )
    extract.add_argument(
        "--class",
        dest="work",
        choices=("interactive", "batch", "background"),
        default="interactive",
        help="how urgent; the less urgent waits first when memory is short",
    )
    extract.add_argument(
        "--jobs", type=positive(int), default=4, metavar="N", help="files at once (default 4)"
    )
    extract.add_argument(
        "--timeout", type=positive(float), default=120.0, metavar="SECONDS", help="per file (default 120)"
    )
    extract.add_argument(
        "--retries", type=int, default=8, metavar="N", help="when the service is busy (default 8)"
    )
    extract.add_argument(
        "--resume", action="store_true", help="continue uploads that broke off, instead of beginning anew"
    )
    extract.add_argument(
        "--extractor", default=extractor_address(), metavar="HOST:PORT", help=f"or {EXTRACTOR_VARIABLE}"
    )
    extract.set_defaults(run=_extract)

    diff = commands.add_parser("diff-exiftool", help="where our document and ExifTool's differ")
    diff.add_argument("paths", nargs="+", metavar="FILE")
    diff.add_argument(
        "--all", action="store_true", help="also what only we have, and what describes the file"
    )
    diff.add_argument(
        "--exiftool", default="", metavar="PROGRAM", help="or METAEXTRACT_EXIFTOOL, or the one on the PATH"
    )
    diff.add_argument(
        "--extractor", default=extractor_address(), metavar="HOST:PORT", help=f"or {EXTRACTOR_VARIABLE}"
    )
    diff.set_defaults(run=_diff)

    looking_options.add(commands)
    stats = commands.add_parser("stats", help="what the cache holds and how often it helped")
    stats.add_argument("--json", action="store_true")
    stats.add_argument("--cache", default=cache_address(), metavar="HOST:PORT")
    stats.set_defaults(run=_stats)

    _add_cache(commands)
    pressure = commands.add_parser("pressure", help="memory pressure of the cache")
    pressure.add_argument("--watch", action="store_true", help="follow it until interrupted")
    pressure.add_argument(
        "--history", type=positive(int), default=0, metavar="N", help="the last 15 minutes in N lines"
    )
    pressure.add_argument(
        "--thresholds",
        nargs=3,
        type=float,
        metavar="RATIO",
        help="where the three worse levels begin, until a restart",
    )
    pressure.add_argument("--events", type=int, default=0, metavar="N", help="stop the watch after N events")
    pressure.add_argument(
        "--set", choices=("normal", "elevated", "high", "critical", "real"), help="pretend a level"
    )
    pressure.add_argument("--for", dest="seconds", type=duration, default=30.0, metavar="SECONDS")
    pressure.add_argument("--cache", default=cache_address(), metavar="HOST:PORT")
    pressure.set_defaults(run=_pressure)

    drill = commands.add_parser("drill", help="rehearse a pressure level and watch what happens")
    drill.add_argument("level", choices=("elevated", "high", "critical"))
    drill.add_argument("--for", dest="seconds", type=duration, default=30.0, metavar="SECONDS")
    drill.add_argument("--cache", default=cache_address(), metavar="HOST:PORT")
    drill.add_argument("--extractor", default=extractor_address(), metavar="HOST:PORT")
    drill.set_defaults(run=_drill)

    health = commands.add_parser("health", help="exit 0 when a service is ready")
    health.add_argument("address", metavar="HOST:PORT")
    health.add_argument("--service", default="", help="full name of one service")
    health.set_defaults(run=_health)

    up = commands.add_parser("up", help="run both services in this terminal")
    up.add_argument(
        "--root", action="append", default=[], metavar="FOLDER", help="allow file:// URIs beneath it"
    )
    up.set_defaults(run=_up)

    batch_options.add(commands)

    token = commands.add_parser(
        "token", help="a development token, and the keys and certificates for a pair that asks for it"
    )
    token.add_argument(
        "--dir",
        default="metaextract-dev",
        metavar="FOLDER",
        help="where they are kept (default: metaextract-dev)",
    )
    token.add_argument("--subject", default="developer", metavar="NAME", help="who it is for")
    token.add_argument("--tenant", default="default", metavar="NAME", help="whose data it opens; * for all")
    token.add_argument("--plan", default="", metavar="NAME")
    token.add_argument(
        "--role",
        action="append",
        choices=("extract", "results", "admin", "observe"),
        help="what it allows, repeatable (default: extract and observe)",
    )
    token.add_argument(
        "--for",
        dest="seconds",
        type=duration,
        default=43_200.0,
        metavar="TIME",
        help="such as 90s, 30m or 12h (default)",
    )
    token.add_argument(
        "--rotate", action="store_true", help="a new key of the issuer first; the old one stays in the set"
    )
    token.set_defaults(run=_token)

    down = commands.add_parser("down", help="stop what `up` started in another terminal")
    down.set_defaults(run=_down)
    for name in ("extract", "similar", "privacy", "diff-exiftool", "stats", "pressure", "drill", "health"):
        security_options.add(commands.choices[name])
    return parser


def _add_cache(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """`metaextract cache …`."""
    actions = commands.add_parser("cache", help="entries, invalidation, replay of traces").add_subparsers(
        required=True, metavar="ACTION"
    )
    actions.add_parser("replay", help="what eviction policies would have saved; --help for its options")
    show = actions.add_parser("list", help="entries of a tier, in the order of their keys")
    show.add_argument("--tier", default="memory", choices=("memory", "disk"))
    show.add_argument("--limit", type=positive(int), default=100, metavar="N")
    describe = actions.add_parser("describe", help="where an entry is, and what would evict it")
    describe.add_argument(
        "key", type=_key, metavar="KEY", help='"SPACE CONTENT_ID MODULE VERSION [OPTIONS]", as listed'
    )
    warm = actions.add_parser("warm", help="promote entries into memory")
    warm.add_argument("keys", nargs="+", type=_key, metavar="KEY")
    invalidate = actions.add_parser("invalidate", help="make results unreachable; every option must match")
    for name in ("content-id", "module", "version", "source-prefix", "tag"):
        invalidate.add_argument(f"--{name}", default="", metavar="TEXT")
    erase = actions.add_parser("erase", help="remove all that is kept of a tenant, everywhere")
    erase.add_argument("tenant", metavar="TENANT")
    for name, parser in (
        ("show", show), ("describe", describe), ("warm", warm), ("invalidate", invalidate), ("erase", erase),
    ):  # fmt: skip
        parser.add_argument("--cache", default=cache_address(), metavar="HOST:PORT")
        security_options.add(parser)
        parser.set_defaults(run=_cache, action=name)


# Each command imports its module late: `--help` and `health` shouldn't pay for tables and progress bars.


def _extract(options: argparse.Namespace) -> int:
    from metaextract_client.cli import extract

    return extract.run(options)


def _diff(options: argparse.Namespace) -> int:
    from metaextract_client.cli import diff

    return diff.run(options)


def _stats(options: argparse.Namespace) -> int:
    from metaextract_client.cli import stats

    return stats.run(options)


def _cache(options: argparse.Namespace) -> int:
    from metaextract_client.cli import cache

    actions: dict[str, Callable[[argparse.Namespace], int]] = {
        "show": cache.show,
        "describe": cache.describe,
        "warm": cache.warm,
        "invalidate": cache.invalidate,
        "erase": cache.erase,
    }
    return actions[options.action](options)


def _pressure(options: argparse.Namespace) -> int:
    from metaextract_client.cli import pressure

    return pressure.run(options)


def _drill(options: argparse.Namespace) -> int:
    from metaextract_client.cli import pressure

    return pressure.drill(options)


def _health(options: argparse.Namespace) -> int:
    from metaextract_client.cli import health

    return health.run(options)


def _up(options: argparse.Namespace) -> int:
    from metaextract_client.cli import up

    return up.run(options)


def _token(options: argparse.Namespace) -> int:
    from metaextract_client.cli import token

    return token.run(options)


def _down(options: argparse.Namespace) -> int:
    from metaextract_client.cli import up

    del options
    return up.stop()

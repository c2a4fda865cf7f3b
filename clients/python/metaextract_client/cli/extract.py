"""`metaextract extract`: finds files, sends them, shows documents as they come."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, NamedTuple

from metaextract.cache.v1 import pressure_pb2
from metaextract.document.v1 import document_pb2
from metaextract.extractor.v1 import extractor_pb2
from metaextract_client.cli import exit_codes, human
from metaextract_client.cli.send_file import Meter, Uploads, send
from metaextract_client.errors import MetaExtractError, OverloadedError, UnavailableError
from metaextract_client.extractor import ExtractorClient
from metaextract_client.names import sayable
from metaextract_client.render import outcome_name, to_dict
from metaextract_client.retry import RetryPolicy
from metaextract_client.walker import named_files

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from metaextract_client.extraction import Extraction
    from metaextract_client.walker import NamedFile

_ALGORITHMS = {
    "sha256": document_pb2.DIGEST_ALGORITHM_SHA256,
    "sha1": document_pb2.DIGEST_ALGORITHM_SHA1,
    "md5": document_pb2.DIGEST_ALGORITHM_MD5,
    "sha512": document_pb2.DIGEST_ALGORITHM_SHA512,
    "xxh3": document_pb2.DIGEST_ALGORITHM_XXH3,
    "crc32": document_pb2.DIGEST_ALGORITHM_CRC32,
}
_CACHE_MODES = {
    "use": extractor_pb2.CACHE_MODE_USE,
    "refresh": extractor_pb2.CACHE_MODE_REFRESH,
    "bypass": extractor_pb2.CACHE_MODE_BYPASS,
}
_WORK_CLASSES = {
    "interactive": pressure_pb2.WORK_CLASS_INTERACTIVE,
    "batch": pressure_pb2.WORK_CLASS_BATCH,
    "background": pressure_pb2.WORK_CLASS_BACKGROUND,
}
_DEPTHS = {
    "fast": extractor_pb2.DEPTH_FAST,
    "standard": extractor_pb2.DEPTH_STANDARD,
    "full": extractor_pb2.DEPTH_FULL,
}
_READ = frozenset({document_pb2.OUTCOME_OK, document_pb2.OUTCOME_PARTIAL, document_pb2.OUTCOME_UNSUPPORTED})
_PROGRESS_AFTER_SECONDS = 1.0  # a bar for what ends sooner would only flicker


class Result(NamedTuple):
    """One file's document, or why there is none."""

    path: Path
    extraction: Extraction | None
    error: str = ""


def run(options: argparse.Namespace) -> int:
    """The exit code after describing all files."""
    if not all(options.paths):
        print("metaextract: an empty path names nothing", file=sys.stderr)
        return exit_codes.NOTHING
    paths = list(named_files(options.paths))
    if not paths:
        print(
            f"metaextract: nothing to describe: {', '.join(options.paths)} matches no file", file=sys.stderr
        )
        return exit_codes.NOTHING
    request = extractor_pb2.ExtractOptions(
        modules=options.module,
        digests=[_ALGORITHMS[name] for name in options.digest],
        cache_mode=_CACHE_MODES[options.cache],
        work_class=_WORK_CLASSES[options.work],
        depth=_DEPTHS[options.depth],
    )
    outcomes: Counter[str] = Counter()
    failed: list[Path] = []
    retry = RetryPolicy(max_attempts=options.retries + 1)
    meter, uploads = Meter(), Uploads()
    printer = _Printer(options)
    with ExtractorClient(options.extractor, retry) as client, _progress(len(paths), meter) as advance:

        def work(named: NamedFile) -> Result:
            if named.error is not None:
                return Result(named.path, None, named.error.strerror or str(named.error))
            return describe(
                client, named.path, request, options.timeout, meter, uploads, resume=options.resume
            )

        try:
            for result in _in_parallel(work, paths, options.jobs):
                advance()
                is_read = result.extraction is not None and result.extraction.document.outcome in _READ
                if not is_read:
                    failed.append(result.path)
                printer.show(result)
                outcome = result.extraction.document.outcome if result.extraction else None
                outcomes["FAILED" if outcome is None else outcome_name(outcome)] += 1
        except KeyboardInterrupt:
            printer.end()
            print(f"metaextract: interrupted after {outcomes.total()} of {len(paths)} files", file=sys.stderr)
            _summarise(outcomes, failed, meter)
            return exit_codes.INTERRUPTED
    printer.end()
    if len(paths) > 1:
        _summarise(outcomes, failed, meter)
    return exit_codes.FAILED if failed else exit_codes.OK


def describe(
    client: ExtractorClient,
    path: Path,
    options: extractor_pb2.ExtractOptions,
    timeout: float,
    meter: Meter,
    uploads: Uploads,
    *,
    resume: bool = False,
) -> Result:
    """The result for one file; the client waits and tries again when the service is busy.

    Raises:
        UnavailableError: the service can't be reached at all.
        MetaExtractError: what answers is no extractor.
    """
    try:
        extraction = send(client, path, options, timeout, meter=meter, uploads=uploads, resume=resume)
        return Result(path, extraction)
    except OverloadedError as error:
        return Result(path, None, f"the service is busy: {error}")
    except UnavailableError:
        raise
    except MetaExtractError as error:
        if error.code.name == "UNIMPLEMENTED":  # no extractor is there, for no file
            raise
        return Result(path, None, str(error))
    except OSError as error:
        return Result(path, None, error.strerror or str(error))


def described(options: argparse.Namespace, request: extractor_pb2.ExtractOptions) -> Iterator[Result]:
    """The result of each file that `options.paths` names, in order."""
    paths = list(named_files(options.paths))
    meter, uploads = Meter(), Uploads()
    with ExtractorClient(options.extractor) as client, _progress(len(paths), meter) as advance:

        def work(named: NamedFile) -> Result:
            if named.error is not None:
                return Result(named.path, None, named.error.strerror or str(named.error))
            return describe(client, named.path, request, options.timeout, meter, uploads)

        for result in _in_parallel(work, paths, options.jobs):
            advance()
            yield result


def _in_parallel(work: Callable[[NamedFile], Result], paths: list[NamedFile], jobs: int) -> Iterator[Result]:
    """Results in the order of `paths`, at most `jobs` at once and few waiting to be shown."""
    with ThreadPoolExecutor(jobs) as executor:
        pending: dict[int, Future[Result]] = {}
        following = 0
        try:
            for number in range(len(paths)):
                while following < len(paths) and len(pending) < 4 * jobs:
                    pending[following] = executor.submit(work, paths[following])
                    following += 1
                wait([pending[number]], return_when=FIRST_COMPLETED)
                yield pending.pop(number).result()
        finally:
            executor.shutdown(wait=False, cancel_futures=True)


class _Printer:
    """Shows results as they come: for people, as one JSON array, or as a JSON object a line."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._count = 0

    def show(self, result: Result) -> None:
        """Prints one result; an array begins with its first, so that a service that is down leaves nothing behind."""
        options, path = self._options, sayable(result.path)
        if not (options.json or options.jsonl):
            if result.extraction is None:
                print(human.clean(f"{path}: {result.error}"), file=sys.stderr)
            else:
                print(human.document(path, result.extraction, every_field=options.all))
            return
        entry: dict[str, object] = {"path": path}
        if result.extraction is None:
            entry["error"] = result.error
        else:
            entry |= to_dict(result.extraction)
        if options.json:
            sys.stdout.write("," if self._count else "[")
        self._count += 1
        sys.stdout.write(json.dumps(entry, ensure_ascii=False) + "\n")

    def end(self) -> None:
        """Closes the array, also an empty one."""
        if self._options.json:
            sys.stdout.write("]\n" if self._count else "[]\n")
        sys.stdout.flush()


def _summarise(outcomes: Counter[str], failed: list[Path], meter: Meter) -> None:
    """One line on standard error: how many of each outcome, and the first files that failed."""
    counts = ", ".join(f"{count} {name}" for name, count in outcomes.most_common())
    names = ", ".join(human.clean(sayable(path)) for path in failed[:3]) + (" …" if len(failed) > 3 else "")
    moved = f"; {human.size(meter.moved_bytes)} sent, {human.size(meter.saved_bytes)} saved"
    print(
        f"{outcomes.total()} files: {counts}{moved}" + (f"; failed: {names}" if failed else ""),
        file=sys.stderr,
    )


@contextlib.contextmanager
def _progress(total: int, meter: Meter) -> Iterator[Callable[[], None]]:
    """A bar on standard error that appears when the work takes over a second, and only on a terminal."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console  # noqa: PLC0415 - only with a terminal
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.text import Text  # noqa: PLC0415

    class Bytes(ProgressColumn):
        """Sent and saved so far; asked for at each refresh."""

        def render(self, task: object) -> Text:
            """The column's text."""
            del task
            return Text(f"{human.size(meter.moved_bytes)} sent, {human.size(meter.saved_bytes)} saved")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Bytes(),
        TimeElapsedColumn(),
    )
    progress = Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False)
    task = progress.add_task("extracting", total=total)
    timer = threading.Timer(_PROGRESS_AFTER_SECONDS, progress.start)
    timer.daemon = True
    timer.start()
    try:
        yield lambda: progress.advance(task)
    finally:
        timer.cancel()
        progress.stop()

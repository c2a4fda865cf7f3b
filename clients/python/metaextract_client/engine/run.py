"""Shares a run's chunks among Dask's workers: of this machine, or of a cluster that is there."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from metaextract_client.engine.items import chunks_of
from metaextract_client.engine.parts import Parts
from metaextract_client.engine.task import describe_chunk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from metaextract_client.engine.items import Chunk
    from metaextract_client.engine.task import Done, Job

_AHEAD = (
    4  # chunks per worker that wait at it: none is idle, and a hundred thousand files aren't sent at once
)
_ALLOWED_FAILURES = 20  # deaths of workers around one chunk; an innocent one meets several in a bad hour


class Plan(NamedTuple):
    """How a run is shared out."""

    token: str
    chunk_files: int = 64
    workers: int = 2
    scheduler: str = ""
    """Of a Dask that is there; "": workers of this machine."""


class Outcome(NamedTuple):
    """What a run came to."""

    files: int
    failed: int
    kept: int
    """Of the files, those that an earlier run had described."""
    seconds: float


def run(
    items: Iterable[str], job: Job, plan: Plan, on_progress: Callable[[Done], None] = lambda _: None
) -> Outcome:
    """Describes all items; a part for each chunk, and at the end `run.json`, which says what there is.

    Raises:
        ImportError: metaextract[batch] isn't installed.
        OSError: the folder can't be written to, or is another run's.
        RuntimeError: a chunk failed again and again.
    """
    import distributed  # noqa: PLC0415 - an extra

    as_completed: Any = distributed.as_completed

    folder = Path(job.folder)
    folder.mkdir(parents=True, exist_ok=True)
    _claim(folder, plan)
    started_at = time.monotonic()
    parts = Parts(job.folder, job.form)
    present = parts.done()
    files = failed = kept = 0
    with _cluster(plan) as client:
        pending = _fresh(chunks_of(items, plan.chunk_files, plan.token), present)
        running = as_completed()

        def submit() -> bool:
            for chunk, is_there in pending:
                if is_there:
                    nonlocal files, kept
                    files, kept = files + len(chunk.items), kept + len(chunk.items)
                    continue
                running.add(client.submit(describe_chunk, job, chunk, key=chunk.name, retries=2, pure=False))
                return True
            return False

        for _ in range(max(1, plan.workers) * _AHEAD):
            if not submit():
                break
        for future in running:
            done: Done = future.result()
            files, failed = files + done.total, failed + done.failed
            kept += 0 if done.is_new else done.total
            on_progress(done)
            submit()
    outcome = Outcome(files, failed, kept, time.monotonic() - started_at)
    _finish(folder, plan, outcome)
    return outcome


def _fresh(chunks: Iterator[Chunk], present: set[str]) -> Iterator[tuple[Chunk, bool]]:
    for chunk in chunks:
        yield chunk, chunk.name in present


@contextlib.contextmanager
def _cluster(plan: Plan) -> Iterator[Any]:
    """A client of Dask's."""
    import dask  # noqa: PLC0415 - an extra
    import distributed  # noqa: PLC0415 - as above

    client_type: Any = distributed.Client
    cluster_type: Any = distributed.LocalCluster
    dask.config.set({"distributed.scheduler.allowed-failures": _ALLOWED_FAILURES})
    if plan.scheduler:
        with client_type(plan.scheduler) as client:
            yield client
        return
    # A thread each: describing is waiting, and its sessions have threads of their own.
    with (
        cluster_type(
            n_workers=plan.workers, threads_per_worker=1, dashboard_address=None, processes=True
        ) as cluster,
        client_type(cluster) as client,
    ):
        yield client


def _claim(folder: Path, plan: Plan) -> None:
    """A folder belongs to one token: others' parts in between would make a run of two halves."""
    marker = folder / "token"
    try:
        with marker.open("x", encoding="utf-8") as file:
            file.write(plan.token)
    except FileExistsError:
        if (found := marker.read_text(encoding="utf-8")) != plan.token:
            raise OSError(f"{folder} has the run {found!r}; the same --token goes on with it") from None


def _finish(folder: Path, plan: Plan, outcome: Outcome) -> None:
    fresh = folder / ".run.json"
    fresh.write_text(
        json.dumps({"token": plan.token, **outcome._asdict()}, indent=1) + "\n", encoding="utf-8"
    )
    fresh.replace(folder / "run.json")

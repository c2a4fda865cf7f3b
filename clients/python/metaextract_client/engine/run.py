"""Shares a run's chunks among Dask's workers: of this machine, or of a cluster that is there."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from metaextract_client.engine.items import chunks_of
from metaextract_client.engine.parts import Parts
from metaextract_client.engine.task import describe_chunk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from metaextract_client.engine.items import Chunk
    from metaextract_client.engine.task import Done, Job

# Chunks per worker that wait at it: none is idle, and a hundred thousand files aren't sent at once
_AHEAD = 4
_RETRIES = 2  # of a chunk whose task has raised: an extractor that was away for minutes
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

    folder = Path(job.folder).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    job = job._replace(folder=str(folder))
    chunks = list(chunks_of(items, plan.chunk_files, plan.token))
    _claim(folder, job, plan, chunks)
    started_at = time.monotonic()
    parts = Parts(job.folder, job.form)
    present = parts.done()
    kept = [chunk for chunk in chunks if chunk.name in present]
    fresh = iter([chunk for chunk in chunks if chunk.name not in present])
    files = already = sum(len(chunk.items) for chunk in kept)
    failed = sum(parts.failed(chunk.name) for chunk in kept)
    with _cluster(plan) as client:
        running = as_completed()
        # By what is to be done as well: two runs of one cluster mustn't take each other's tasks for their own.
        mark = hashlib.sha256(repr(job).encode()).hexdigest()[:8]

        def submit() -> bool:
            for chunk in fresh:
                key = f"{chunk.name}-{mark}"
                running.add(client.submit(describe_chunk, job, chunk, key=key, retries=_RETRIES, pure=False))
                return True
            return False

        workers = max(plan.workers, len(client.scheduler_info(n_workers=-1)["workers"]))
        for _ in range(workers * _AHEAD):
            if not submit():
                break
        try:
            for future in running:
                done: Done = future.result()
                files, failed = files + done.total, failed + done.failed
                already += 0 if done.is_new else done.total
                on_progress(done)
                submit()
        except distributed.scheduler.KilledWorker as error:
            raise RuntimeError(f"a chunk was given up: {error}") from error
    outcome = Outcome(files, failed, already, time.monotonic() - started_at)
    _finish(folder, plan, outcome)
    return outcome


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


def _claim(folder: Path, job: Job, plan: Plan, chunks: Sequence[Chunk]) -> None:
    """A folder belongs to one run: parts of other files, or of the same ones in other chunks, would tell some twice."""
    names = hashlib.sha256("".join(chunk.name for chunk in chunks).encode()).hexdigest()
    facts = {"token": plan.token, "format": job.form, "options": job.options.hex(), "chunks": names}
    marker, mine = folder / "run.begun.json", folder / f".begun.{os.getpid()}"
    mine.write_text(json.dumps(facts), encoding="utf-8")
    try:
        os.link(mine, marker)
    except FileExistsError:
        found = json.loads(marker.read_text(encoding="utf-8"))
        other = [name for name, value in facts.items() if found.get(name) != value]
        if other:
            raise OSError(
                f"{folder} has another run ({found.get('token')!r}): its {', '.join(other)} differ; another folder, or the same files"
                " and options, are needed"
            ) from None
    finally:
        mine.unlink()


def _finish(folder: Path, plan: Plan, outcome: Outcome) -> None:
    fresh = folder / ".run.json"
    fresh.write_text(
        json.dumps({"token": plan.token, **outcome._asdict()}, indent=1) + "\n", encoding="utf-8"
    )
    fresh.replace(folder / "run.json")

"""`make demo`: starts the pair, extracts real files twice, shows cache, pressure and a 2 GiB file. Everything real."""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

from metaextract_client import CacheClient, ExtractorClient, SessionOptions
from metaextract_client.cli import human, pressure, stats
from metaextract_client.render import cache_status_name
from tests.samples import PHOTOS, write_samples
from tests.support import large_files
from tests.support.processes import start_cache, start_extractor

# Two whole seconds: a file by URI is only cached once its times are older than the file system's clock can blur.
_SETTLE_SECONDS = 2.1
SHOWN_IN_FULL = ("Nikon_D5000.jpg", "hdus.fits", "tree.h5", "ct.dcm")


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="metaextract-demo-"))
    try:
        run(folder)
    finally:
        shutil.rmtree(folder)


def run(folder: Path) -> None:
    started = time.monotonic()
    samples = write_samples(folder / "samples")
    big = folder / "samples" / "two-gibibytes.fits"
    large_files.write_fits(big, 2 * 2**30)
    written_at = time.monotonic()
    with (
        start_cache(folder / "cache") as cache,
        start_extractor(cache.address, METAEXTRACT_FILE_ROOTS=str(folder / "samples")) as extractor,
        CacheClient(cache.address) as cache_client,
        ExtractorClient(extractor.address) as client,
    ):
        title(
            f"Both services are up after {time.monotonic() - started:.1f} s: cache {cache.address}, extractor {extractor.address}"
        )
        watcher = threading.Thread(target=watch, args=(cache.address, 5), daemon=True)

        title("First pass: every file is read, in isolated workers; four of them with their first fields")
        files = [*PHOTOS, *samples]
        for path in files:
            text = human.document(path.name, client.extract_file(path))
            in_full = path.name in SHOWN_IN_FULL
            print(text if in_full else "\n".join(text.splitlines()[:2]))

        title("Second pass: the same bytes come from the cache")
        seconds, hits = time.monotonic(), 0
        for path in files:
            hits += cache_status_name(client.extract_file(path).info.cache_status) == "HIT"
        seconds = time.monotonic() - seconds
        print(
            f"{hits} of {len(files)} files were cache hits, {seconds / len(files) * 1000:.1f} ms each over gRPC"
        )
        assert hits == len(files), "the second pass should have come from the cache"

        title("A 2 GiB FITS file by file:// URI: only its headers are read")
        time.sleep(max(0.0, _SETTLE_SECONDS - (time.monotonic() - written_at)))
        for _ in range(2):
            print("\n".join(human.document(big.name, client.extract_uri(big.as_uri())).splitlines()[:2]))

        title("The same 2 GiB from the client's disk, by a session: only the bytes that matter move")
        for _ in range(2):
            session = SessionOptions(client_id="demo")
            print(
                "\n".join(
                    human.document(big.name, client.extract_session(big, None, session)).splitlines()[:2]
                )
            )

        title("Memory pressure, live: the real level, a rehearsal of CRITICAL, and back")
        watcher.start()
        time.sleep(0.3)
        for level in ("critical", "real"):
            cache_client.set_pressure_override(pressure.LEVELS[level], 30)
            time.sleep(0.3)
            backoff = client.get_backoff_state()
            print(
                f"          extractor now allows {backoff.concurrency_limit} parse(s) at once; binding: "
                + ", ".join(term.name for term in backoff.terms if term.binding)
            )
        watcher.join(10)

        title("What the cache did")
        print(stats.table(cache_client.get_stats()))
    title(f"Done in {time.monotonic() - started:.1f} s; both services drained and stopped")


def watch(address: str, events: int) -> None:
    with CacheClient(address) as client:
        for number, event in enumerate(client.watch_pressure("demo"), start=1):
            print(pressure.line(event.state))
            if number == events or (number > 2 and not event.state.overridden):
                return


def title(text: str) -> None:
    print(f"\n== {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

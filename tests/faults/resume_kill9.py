"""kill -9 of client, extractor and cache at random moments of uploads: each ends, with its digest, and nothing that was
acknowledged is sent again.

The client is a process of its own, `python -m tests.faults.resume_kill9 ADDRESS FILE STATE`: it keeps the upload's name in STATE
and adds a line for each byte range that it sends.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from blake3 import blake3

from extractor_service.sources.spans import SpanSet
from metaextract.document.v1 import document_pb2
from metaextract.extractor.v1 import extractor_pb2
from metaextract_client import ExtractorClient, MetaExtractError, RetryPolicy, SessionOptions
from metaextract_client.session_state import SessionFile
from tests.benchmarks.upload import write_file
from tests.support.evidence import Evidence
from tests.support.processes import start_cache, start_extractor

MIB = 2**20
_SIZE = 48 * MIB
_KILLS = 50
# What may be on its way and unacknowledged: eight chunks of credit, and the one that is being read.
_WINDOW_BYTES = 9 * MIB


def client(address: str, path: Path, state: Path) -> int:
    """One run of the client: continues what STATE names; exits with 0 when the digest has come."""
    log = (state.parent / f"{state.name}.sent").open("a", buffering=1)
    read = SessionFile.read

    def reading(self, offset: int, length: int) -> bytes:
        data = read(self, offset, length)
        log.write(f"{offset} {length}\n")
        time.sleep(0.004)  # so that an upload lasts long enough to be hit
        return data

    SessionFile.read = reading
    options = extractor_pb2.ExtractOptions(
        digests=[document_pb2.DIGEST_ALGORITHM_BLAKE3], cache_mode=extractor_pb2.CACHE_MODE_REFRESH
    )

    def committed(name: str) -> None:
        state.with_suffix(".new").write_text(name, encoding="ascii")
        state.with_suffix(".new").replace(state)

    known = state.read_text(encoding="ascii") if state.exists() else ""
    session = SessionOptions(client_id="resume", upload_id=known, on_upload_id=committed)
    policy = RetryPolicy(
        max_attempts=200, first_seconds=0.1, most_seconds=0.5, budget_tokens=10_000, throttles=False
    )
    with ExtractorClient(address, policy) as opened:
        try:
            answer = opened.extract_session(path, options, session)
        except MetaExtractError as error:
            print(repr(error), error.reason, file=sys.stderr)
            return 1
    print(answer.document.file.digests[0].hex)
    return 0


def _sent(state: Path) -> list[tuple[int, int]]:
    lines = (state.parent / f"{state.name}.sent").read_text(encoding="ascii").splitlines()
    return [
        (int(offset), int(length))
        for offset, length in (line.split() for line in lines if line.count(" ") == 1)
    ]


def _twice(ranges: list[tuple[int, int]]) -> int:
    """Bytes that were sent more than once."""
    return sum(length for _, length in ranges) - SpanSet(ranges).total_bytes


def run(name: str) -> Evidence:
    rng = random.Random(9)
    kills = {"client": 0, "extractor": 0, "cache": 0}
    wrong, unfinished, worst, twice_total, uploads, seconds = 0, 0, 0, 0, 0, []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        cache = start_cache(root / "cache")
        extractor = start_extractor(cache.address)
        spare = start_extractor(cache.address)  # "through any extractor"
        try:
            while sum(kills.values()) < _KILLS:
                uploads += 1
                path = write_file(root / f"u{uploads}.fits", _SIZE)
                os.utime(path, (1e9, 1e9))
                expected = blake3(path.read_bytes()).hexdigest()
                state = root / f"state{uploads}"
                victims = rng.choices(list(kills), k=rng.choice((1, 2, 3)))
                hits = 0
                started = time.monotonic()
                address = extractor.address
                process = _start(address, path, state)
                digest = ""
                while time.monotonic() - started < 60:
                    if hits < len(victims):
                        try:
                            process.wait(rng.uniform(0.15, 0.6))
                        except subprocess.TimeoutExpired:
                            victim = victims[hits]
                            hits += 1
                            kills[victim] += 1
                            if victim == "client":
                                process.kill()
                                process.communicate()
                                address = rng.choice((extractor.address, spare.address))
                                process = _start(address, path, state)
                            elif victim == "extractor":
                                extractor.kill()
                                extractor = start_extractor(cache.address, port=extractor.port)
                            else:
                                cache.kill()
                                time.sleep(rng.uniform(0, 0.5))
                                cache = start_cache(root / "cache", port=cache.port)
                            continue
                    out, err = process.communicate(timeout=60)
                    if process.returncode == 0:
                        digest = out.strip()
                        break
                    print(err[-300:], file=sys.stderr)
                    process = _start(address, path, state)
                unfinished += not digest
                wrong += bool(digest) and digest != expected
                seconds.append(time.monotonic() - started)
                twice = _twice(_sent(state))
                twice_total += twice
                worst = max(worst, twice / max(1, hits))
                path.unlink()
        finally:
            for each in (extractor, spare, cache):
                each.kill()
    evidence = Evidence(name)
    for victim, count in kills.items():
        evidence.single(f"{uploads} uploads of 48 MiB", f"kill -9 of the {victim}", "count", count)
    evidence.single(
        f"{uploads} uploads of 48 MiB", "kills together", "count", sum(kills.values()), f">= {_KILLS}"
    )
    evidence.single(f"{uploads} uploads of 48 MiB", "not completed", "count", unfinished, "== 0")
    evidence.single(f"{uploads} uploads of 48 MiB", "wrong digests", "count", wrong, "== 0")
    evidence.single(
        f"{uploads} uploads of 48 MiB",
        "sent twice, most for a kill",
        "MiB",
        worst / MIB,
        f"<= {_WINDOW_BYTES // MIB}",
    )
    evidence.single(
        f"{uploads} uploads of 48 MiB",
        "sent twice, mean for a kill",
        "MiB",
        twice_total / MIB / sum(kills.values()),
    )
    evidence.single(f"{uploads} uploads of 48 MiB", "longest upload", "s", max(seconds))
    return evidence


def _start(address: str, path: Path, state: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.faults.resume_kill9", address, str(path), str(state)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


if __name__ == "__main__":
    sys.exit(client(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))

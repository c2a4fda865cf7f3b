"""The driver. Each target has a process of its own, which may hang or die; what it was fed last is in shared memory."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import mmap
import os
import pkgutil
import random
import resource
import signal
import struct
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from extractor_service.formats import tags
from extractor_service.formats.reading import tagset
from extractor_service.formats.registry import FORMATS
from tests.fuzz.coverage import Coverage
from tests.fuzz.mutate import Mutator
from tests.fuzz.targets import all_targets

if TYPE_CHECKING:
    from types import FrameType

    from tests.fuzz.targets import Target

OUTPUT = Path(__file__).parents[2] / "build" / "fuzz"
_MAX_BYTES = 128 * 1024
_SLOW_SECONDS = 2.0  # of CPU for one input; a worker's time is worth less than its caller's patience
_DEAF_SECONDS = 20.0  # a C library that hears no signal is killed
_MEMORY_BYTES = 384 * 2**20  # above the start; a reader may have 256 MiB of its worker's 512
_TRIM_TRIES = 300
_ROOT = str(Path(__file__).parents[2])


class SlowError(BaseException):
    """One input took too long. Not an Exception: readers survive those."""


def main() -> int:
    """The exit status: 1 with findings."""
    seconds = float(os.environ.get("FOR") or 60)
    words = os.environ.get("ONLY", "").split()
    targets = [each for each in all_targets() if not words or any(word in each.name for word in words)]
    share = seconds / max(1, len(targets))
    _preload()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    rows, count = {}, 0
    for target in targets:
        row = _in_process(target, share)
        rows[target.name] = row
        count += len(row["findings"])
        print(
            f"{target.name:<24} {row['executions']:>8} runs  lines {row['lines_before']:>5} -> {row['lines_after']:>5}"
            f"  kept {row['kept']:>4}  findings {len(row['findings'])}",
            flush=True,
        )
        for finding in row["findings"]:
            print(f"    {finding}", flush=True)
    _add_up(rows)
    total = sum(row["executions"] for row in rows.values())
    print(f"\n{total} runs of {len(rows)} targets, {count} findings; see build/fuzz")
    return int(count > 0)


def _preload() -> None:
    """Loads what targets share, before they have processes of their own."""
    tagset.preload()
    for _, name, _ in pkgutil.iter_modules(tags.__path__):  # minutes of their lines, under a tracer
        importlib.import_module(f"{tags.__name__}.{name}")
    for each in FORMATS:
        each.load()


def _in_process(target: Target, seconds: float) -> dict:
    shared = mmap.mmap(-1, _MAX_BYTES + 16)
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read_end)
        with os.fdopen(write_end, "w") as pipe:
            json.dump(_Session(target, shared).run(seconds), pipe)
        os._exit(0)
    os.close(write_end)
    ends_at, seen, seen_at = time.monotonic() + seconds, 0, time.monotonic()
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        time.sleep(0.02)
        number, now = struct.unpack_from("<Q", shared)[0], time.monotonic()
        if number != seen:
            seen, seen_at = number, now
        if now - seen_at > _DEAF_SECONDS and now > ends_at - seconds + 1:
            os.kill(pid, signal.SIGKILL)
    with os.fdopen(read_end) as pipe:
        text = pipe.read()
    if text:
        return json.loads(text)
    executions, size = struct.unpack_from("<QI", shared)
    data = bytes(shared[12 : 12 + size])
    name = _save(target.name, data, "the process was lost or hung, deaf to signals")
    return {"executions": executions, "lines_before": 0, "lines_after": 0, "kept": 0, "findings": [name]}


class _Session:
    """The fuzzing of one target."""

    def __init__(self, target: Target, shared: mmap.mmap) -> None:
        self._target = target
        self._shared = shared
        self._coverage = Coverage()
        self._random = random.Random(f"{target.name} {time.time_ns()}")
        self._executions = 0
        self._findings: dict[str, str] = {}

    def run(self, seconds: float) -> dict:
        signal.signal(signal.SIGVTALRM, _on_slow)
        with contextlib.suppress(OSError):
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            limit = pages * resource.getpagesize() + _MEMORY_BYTES
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        self._coverage.start()
        ends_at = time.monotonic() + seconds
        pool = [*self._target.seeds, *self._kept_before()]
        for data in pool:
            self._try(data)
        before, known, kept = len(self._coverage.lines), len(self._coverage.lines), 0
        mutator = Mutator(self._random.random(), _MAX_BYTES)
        while time.monotonic() < ends_at:
            fresh = self._random.random() < 0.5
            parent = self._random.choice(pool[-16:] if fresh else pool)
            data = mutator.mutant(parent, self._random.choice(pool))
            self._try(data)
            if len(self._coverage.lines) > known:
                known = len(self._coverage.lines)
                pool.append(data)
                kept += 1
                _write(OUTPUT / "kept" / self._target.name.replace(" ", "-"), data)
        return {
            "executions": self._executions,
            "lines_before": before,
            "lines_after": known,
            "kept": kept,
            "findings": list(self._findings.values()),
        }

    def _kept_before(self) -> list[bytes]:
        folder = OUTPUT / "kept" / self._target.name.replace(" ", "-")
        return [path.read_bytes() for path in sorted(folder.glob("*.bin"))] if folder.is_dir() else []

    def _try(self, data: bytes) -> None:
        signature, text = self._judge(data)
        if signature.startswith("slow"):  # again: the first time may have loaded something
            signature, text = self._judge(data)
        if signature and signature not in self._findings:
            data = self._trimmed(data, signature)
            self._findings[signature] = _save(self._target.name, data, text)

    def _judge(self, data: bytes) -> tuple[str, str]:
        """What went wrong, as a short signature and in full; "" when nothing did."""
        self._executions += 1
        struct.pack_into("<QI", self._shared, 0, self._executions, len(data))
        self._shared[12 : 12 + len(data)] = data
        try:
            try:
                signal.setitimer(signal.ITIMER_VIRTUAL, _SLOW_SECONDS, 0.1)
                self._target.run(data)
            finally:
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        except SlowError as error:
            return f"slow at {_place(error)}", f"more than {_SLOW_SECONDS} s of CPU\n{traceback.format_exc()}"
        except Exception as error:  # noqa: BLE001 - each is a finding
            return f"{type(error).__name__} at {_place(error)}", traceback.format_exc()
        return "", ""

    def _trimmed(self, data: bytes, signature: str) -> bytes:
        """A shorter input that does the same."""
        if signature.startswith("slow"):
            return data
        step, tries = len(data) // 2, 0
        while step >= 1 and tries < _TRIM_TRIES:
            start = 0
            while start < len(data) and tries < _TRIM_TRIES:
                shorter = data[:start] + data[start + step :]
                tries += 1
                if self._judge(shorter)[0] == signature:
                    data = shorter
                else:
                    start += step
            step //= 2
        return data


def _on_slow(number: int, frame: FrameType | None) -> None:
    raise SlowError


def _place(error: BaseException) -> str:
    """The innermost line of ours."""
    frames = [each for each in traceback.extract_tb(error.__traceback__) if each.filename.startswith(_ROOT)]
    frames = [each for each in frames if "/tests/" not in each.filename] or frames
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"


def _save(target: str, data: bytes, text: str) -> str:
    path = _write(OUTPUT / "findings" / target.replace(" ", "-"), data)
    path.with_suffix(".txt").write_text(text)
    return f"{path.parent.name}/{path.name}: {(text.strip().splitlines() or [''])[-1][:200]}"


def _write(folder: Path, data: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{hashlib.blake2b(data, digest_size=6).hexdigest()}.bin"
    path.write_bytes(data)
    return path


def _add_up(rows: dict[str, dict]) -> None:
    """Keeps the figures of all runs until now in build/fuzz/report.json."""
    path = OUTPUT / "report.json"
    report: dict[str, dict] = {}
    with contextlib.suppress(OSError, ValueError):
        report = json.loads(path.read_text())
    for name, row in rows.items():
        old = report.get(name)
        report[name] = {
            "executions": row["executions"] + (old["executions"] if old else 0),
            "lines_before": min(row["lines_before"], old["lines_before"]) if old else row["lines_before"],
            "lines_after": max(row["lines_after"], old["lines_after"] if old else 0),
            "findings": sorted({*row["findings"], *(old["findings"] if old else [])}),
        }
    path.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    sys.exit(main())

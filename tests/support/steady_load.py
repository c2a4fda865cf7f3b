"""Runs `steady_client` beside a test, and says what came of its calls."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from typing import NamedTuple


class Call(NamedTuple):
    """One call of a load: its time of day, duration, status and the status's words."""

    started_at: float
    seconds: float
    code: str
    details: str


class SteadyLoad:
    """`per_second` extractions of a small photograph for `seconds`, from another process."""

    def __init__(
        self,
        target: str,
        *,
        seconds: float,
        per_second: float = 200,
        round_robin: bool = False,
        retries: bool = False,
        cached: bool = True,
        channels: int = 4,
        timeout_seconds: float = 10,
    ) -> None:
        self.calls: list[Call] = []
        self._patience_seconds = seconds + 60
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.steady_client"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        job = {
            "target": target, "seconds": seconds, "per_second": per_second, "round_robin": round_robin, "retries": retries,
            "cached": cached, "channels": channels, "timeout_seconds": timeout_seconds,
        }  # fmt: skip
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        if self._process.stdout.readline().strip() != '"connected"':
            raise RuntimeError("the load didn't connect")

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def finish(self) -> SteadyLoad:
        """Waits for its end; itself, with its calls."""
        out, _ = self._process.communicate(timeout=self._patience_seconds)
        self.calls = [Call(*call) for call in json.loads(out.splitlines()[-1])]
        return self

    @property
    def failed(self) -> list[Call]:
        return [call for call in self.calls if call.code != "OK"]

    def lost(self) -> list[Call]:
        """Calls that came to nothing. Refusals for load aren't: on a machine that is three times full they are as they should be, and
        say when to come again. More than three of four would be no traffic any more, and are lost.
        """
        refused = [call for call in self.failed if call.code == "RESOURCE_EXHAUSTED"]
        if 4 * len(refused) > 3 * len(self.calls):
            return self.failed
        return [call for call in self.failed if call.code != "RESOURCE_EXHAUSTED"]

    def codes(self) -> str:
        """How many calls came to what, in words."""
        return ", ".join(
            f"{count} {code}" for code, count in Counter(call.code for call in self.calls).most_common()
        )

    def p99_seconds(self, since: float = 0.0, until: float = float("inf")) -> float:
        """Of the calls that began between two times of day."""
        ordered = sorted(call.seconds for call in self.calls if since <= call.started_at < until)
        return ordered[int(len(ordered) * 0.99)] if ordered else float("nan")

    def __enter__(self) -> SteadyLoad:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()


def now() -> float:
    """The load's clock."""
    return time.time()

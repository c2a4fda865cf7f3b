"""A process with many watches of one server's pressure."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.support.evidence import ROOT


class Crowd:
    """A process of subscribers; see `crowd_client`."""

    def __init__(self, address: str, count: int, stopped: int = 0) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.crowd_client", address, str(count), str(stopped)],
            stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        self.joined()

    def joined(self) -> list[float]:
        return self._next("joined")

    def heard(self, revision: int) -> float:
        """When the last reading subscriber had `revision`."""
        while True:
            seen, _, last = self._next("all")
            if seen >= revision:
                return last

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def _next(self, kind: str) -> list[float]:
        while line := self._process.stdout.readline():
            message = json.loads(line)
            if kind in message:
                return message[kind]
        raise AssertionError("the subscribers have died")

"""A real Prometheus with the rules of `docker/monitoring`, that scrapes what it is told, five times a second."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path

from tests.support.processes import wait_until
from tests.support.proxies import free_port

_FOLDER = Path(__file__).parents[2] / "docker" / "monitoring"


class Prometheus:
    """Scrapes `targets` by job; alerts fire at once instead of after minutes."""

    def __init__(self, folder: Path, targets: dict[str, str]) -> None:
        rules = re.sub(r"for: \d+m", "for: 0s", (_FOLDER / "rules.yml").read_text())
        (folder / "rules.yml").write_text(rules)
        text = (_FOLDER / "prometheus.yml").read_text().replace("15s", "200ms")
        for usual, ours in targets.items():
            assert usual in text
            text = text.replace(usual, ours)
        (folder / "prometheus.yml").write_text(text)
        self.port = free_port()
        program = shutil.which("prometheus")
        assert program is not None
        self._process = subprocess.Popen(
            [
                program, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ],
            stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until(self._is_ready, 20)

    def _is_ready(self) -> bool:
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=1).status == 200
        except OSError:
            return False

    def ask(self, path: str, **parameters: str) -> dict:
        """The `data` of an answer of its API."""
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.port}/api/v1/{path}?{query}", timeout=5
        ) as answer:
            return json.load(answer)["data"]

    def series(self, query: str) -> list[dict]:
        return self.ask("query", query=query)["result"]

    def firing(self) -> set[str]:
        return {
            each["labels"]["alertname"] for each in self.ask("alerts")["alerts"] if each["state"] == "firing"
        }

    def __enter__(self) -> Prometheus:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def operations_url(log: list[str]) -> str:
    """Where a service's own log says that its operations port is."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for line in log:
            if '"message": "ready"' in line:
                return f"127.0.0.1:{json.loads(line)['operations_port']}"
        time.sleep(0.01)
    raise AssertionError("not ready")

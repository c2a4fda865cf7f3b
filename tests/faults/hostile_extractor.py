"""The extractor with the hostile format: `python -m tests.faults.hostile_extractor`."""

import os
import sys

from extractor_service.assembly import running_extractor
from extractor_service.settings import Settings
from service_runtime import server as runtime
from service_runtime.configuration import load
from service_runtime.telemetry import configure_logging
from tests.faults.hostile import ALL_FORMATS

WORKER_COMMAND = (sys.executable, "-m", "tests.faults.hostile_workers")


async def serve() -> None:
    configuration = load(Settings, os.environ, {})
    async with running_extractor(configuration.settings, ALL_FORMATS, WORKER_COMMAND) as server:
        await runtime.serve_until_signal(server, configuration, lambda: configuration)


if __name__ == "__main__":
    configure_logging("info")
    runtime.run(serve)

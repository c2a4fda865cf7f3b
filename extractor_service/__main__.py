"""Starts the extractor service: settings, assembly, serve."""

from __future__ import annotations

import os
import sys

from extractor_service.assembly import running_extractor
from extractor_service.settings import Settings
from extractor_service.workers.forks import WorkerStartError
from service_runtime import server as runtime
from service_runtime.memory.release import tune_for_large_messages
from service_runtime.settings import InvalidSettingError, from_environ
from service_runtime.telemetry import configure_logging


async def _serve(settings: Settings) -> None:
    async with running_extractor(settings) as server:
        await runtime.serve_until_signal(server)


def main() -> None:
    """Runs until SIGTERM or SIGINT; exits with 1 and one line when it can't start."""
    try:
        settings = from_environ(Settings, os.environ)
    except InvalidSettingError as error:
        sys.exit(f"metaextract-extractor: {error}")
    configure_logging(settings.log_level)
    tune_for_large_messages()
    try:
        runtime.run(lambda: _serve(settings))
    except (OSError, ValueError, WorkerStartError) as error:
        sys.exit(f"metaextract-extractor: {error}")


if __name__ == "__main__":
    main()

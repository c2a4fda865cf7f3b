"""Starts the extractor service: settings, assembly, serve."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from extractor_service.assembly import SERVICE_NAME, running_extractor
from extractor_service.checks import check
from extractor_service.settings import Settings
from extractor_service.workers.forks import WorkerStartError
from service_runtime import server as runtime
from service_runtime.command import configured
from service_runtime.memory.release import tune_for_large_messages
from service_runtime.telemetry import configure_logging

if TYPE_CHECKING:
    from collections.abc import Callable

    from service_runtime.configuration import Configuration


async def _serve(configuration: Configuration[Settings], read: Callable[[], Configuration[Settings]]) -> None:
    async with running_extractor(configuration.settings) as server:
        await runtime.serve_until_signal(server, configuration, read)


def main() -> None:
    """Runs until SIGTERM or SIGINT; exits with 1 and one line when it can't start."""
    configuration, read = configured(SERVICE_NAME, Settings, sys.argv[1:], os.environ, check)
    settings = configuration.settings
    configure_logging(settings.log_level, settings.log_format)
    tune_for_large_messages()
    try:
        check(settings)
        runtime.run(lambda: _serve(configuration, read))
    except (OSError, ValueError, WorkerStartError) as error:
        sys.exit(f"{SERVICE_NAME}: {error}")


if __name__ == "__main__":
    main()

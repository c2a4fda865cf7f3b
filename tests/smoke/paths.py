"""The six hot paths by name."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from smoke import cache_paths, extractor_paths

if TYPE_CHECKING:
    from collections.abc import Callable

    from smoke.extractor_paths import Turn

    Opened = Callable[[], contextlib.AbstractAsyncContextManager[Turn]]

PATHS: dict[str, Opened] = {
    "jpeg_parse": extractor_paths.jpeg_parse,
    "worker_job": extractor_paths.worker_job,
    "cached_extract": extractor_paths.cached_extract,
    "get_result": cache_paths.get_result,
    "put_result": cache_paths.put_result,
    "pressure_event": cache_paths.pressure_event,
}

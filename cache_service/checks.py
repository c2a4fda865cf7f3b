"""What can be found out about the cache's settings before it starts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from service_runtime.checks import check_folder, check_shared

if TYPE_CHECKING:
    from cache_service.settings import Settings


def check(settings: Settings) -> None:
    """What can be found out before starting; raises ValueError or OSError."""
    check_shared(
        settings,
        METAEXTRACT_CACHE_ADDRESS=settings.cache_address,
        METAEXTRACT_CACHE_ADMIN_ADDRESS=settings.cache_admin_address,
    )
    if settings.cache_directory:
        check_folder("METAEXTRACT_CACHE_DIRECTORY", settings.cache_directory, may_be_made=True)
    if settings.cache_trace_path:
        check_folder("METAEXTRACT_CACHE_TRACE_PATH", str(Path(settings.cache_trace_path).absolute().parent))

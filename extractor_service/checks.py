"""What can be found out about the extractor's settings before it starts."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from service_runtime.checks import check_folder, check_shared, is_in_memory

if TYPE_CHECKING:
    from extractor_service.settings import Settings

_log = logging.getLogger(__name__)


def check(settings: Settings) -> None:
    """What can be found out before starting; raises ValueError or OSError."""
    check_shared(settings, METAEXTRACT_EXTRACTOR_ADDRESS=settings.extractor_address)
    if settings.extractor_overload_file:
        folder = str(Path(settings.extractor_overload_file).absolute().parent)
        check_folder("METAEXTRACT_EXTRACTOR_OVERLOAD_FILE", folder)
    if settings.spool_directory:
        check_folder("METAEXTRACT_SPOOL_DIRECTORY", settings.spool_directory, may_be_made=True)
    if is_in_memory(settings.spool_directory or tempfile.gettempdir()):
        _log.warning(
            "uploads on their way take memory: the spool is on tmpfs; METAEXTRACT_SPOOL_DIRECTORY names another folder"
        )

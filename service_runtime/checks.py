"""What can be found out about settings before anything is started, each by one line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from service_runtime.backoff_table import make_table
from service_runtime.identity.access_file import access_of
from service_runtime.identity.configured import key_set_of
from service_runtime.settings import InvalidSettingError
from service_runtime.transport import check_address, server_credentials

if TYPE_CHECKING:
    from service_runtime.settings import RuntimeSettings

_IN_MEMORY = frozenset({"tmpfs", "ramfs"})


def check_shared(settings: RuntimeSettings, **addresses: str) -> None:
    """Files that are named, and what they say; who could reach `addresses`, by their variables. Raises ValueError or OSError."""
    for name in ("tls_cert", "tls_key", "tls_client_ca", "policy_file", "access_file"):
        path = getattr(settings, name)
        if path and not Path(path).is_file():
            raise InvalidSettingError(f"METAEXTRACT_{name.upper()}={path!r}: there is no such file")
    access_of(settings)
    make_table(settings.policy_file)
    server_credentials(settings)
    key_set_of(settings)
    for variable, address in addresses.items():
        if address:
            check_address(variable, address, settings)


def check_folder(variable: str, path: str, *, may_be_made: bool = False) -> None:
    """Raises InvalidSettingError where `path` isn't a folder to write to; one that may be made needs its parent."""
    folder = Path(path)
    if may_be_made and not folder.exists():
        folder = folder.absolute().parent
    if not folder.is_dir():
        raise InvalidSettingError(f"{variable}={path!r}: the folder {folder} isn't there")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InvalidSettingError(f"{variable}={path!r}: this process may not write to {folder}")


def is_in_memory(path: str) -> bool:
    """Whether what is written there takes memory instead of disk; False where that can't be known."""
    best, kind = "", ""
    try:
        wanted = str(Path(path).resolve())
        for line in Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines():
            _, mounted, filesystem, *_ = line.split(" ")
            inside = wanted == mounted or wanted.startswith(mounted.rstrip("/") + "/")
            if inside and len(mounted) >= len(best):
                best, kind = mounted, filesystem
    except (OSError, ValueError):
        return False
    return kind in _IN_MEMORY

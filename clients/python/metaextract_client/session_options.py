"""How a session goes, and who its client is."""

from __future__ import annotations

import getpass
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class SessionProgress(NamedTuple):
    """How far a session is."""

    stage: str
    """ "queued", "receiving" or "reading"."""
    moved_bytes: int
    field_count: int


class SessionOptions(NamedTuple):
    """How a session goes, beside what is to be extracted."""

    client_id: str = ""
    """Whose file it is; "" doesn't name the file's state, so that nothing is found again by it."""
    digest: str = ""
    """"b3:<hex>" of the content, where it is known."""
    upload_id: str = ""
    """Continues an upload that broke off."""
    headed_extensions: frozenset[str] = frozenset()
    """Endings of files whose end isn't sent with the offer; the clients ask the server for them (`FormatInfo.is_headed`)."""
    on_progress: Callable[[SessionProgress], None] | None = None
    on_upload_id: Callable[[str], None] | None = None
    """Told the name of the upload, to be kept for `upload_id`."""

    @property
    def may_prefetch(self) -> bool:
        """Whether first and last bytes go with the offer: nothing names the file's state, by which it might be known."""
        return not (self.client_id or self.digest or self.upload_id)


def default_client_id() -> str:
    """This user on this machine."""
    with suppress(OSError):
        machine = Path("/etc/machine-id").read_text(encoding="ascii").strip()
        return f"{machine or socket.gethostname()}:{_user()}"
    return f"{socket.gethostname()}:{_user()}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid()) if hasattr(os, "getuid") else "user"

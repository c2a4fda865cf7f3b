"""How a session goes, and who its client is."""

from __future__ import annotations

import functools
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


_LEAST_CHARS = 32  # 128 bits in hexadecimal: what a server takes for a secret
_MOST_CHARS = 256  # of a client_id, by extractor.proto


class SessionProgress(NamedTuple):
    """How far a session is."""

    stage: str
    """ "queued", "receiving" or "reading"."""
    moved_bytes: int
    field_count: int


class SessionOptions(NamedTuple):
    """How a session goes, beside what is to be extracted."""

    client_id: str = ""
    """Whose file it is: a secret of at least 32 characters, see `default_client_id`; "" doesn't name the file's state, so that
    nothing is found again by it."""
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
    """This user's secret on this machine: 256 random bits, made once and kept for the user alone.

    In `$XDG_STATE_HOME/metaextract/client_id`, or below `~/.local/state`; where nothing can be kept, one for this process. Never
    host and user, which others know and cloned images share.
    """
    try:
        return _kept_secret(_secret_path())
    except (OSError, RuntimeError):  # no home, or one that can't be written
        return _process_secret()


def _secret_path() -> Path:
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "metaextract" / "client_id"


def _kept_secret(path: Path) -> str:
    """What `path` holds. One that others could have read, or that is none, is replaced."""
    with suppress(FileNotFoundError), path.open(encoding="ascii", errors="replace") as file:
        status = os.fstat(file.fileno())
        is_private = not stat.S_IMODE(status.st_mode) & 0o077 and status.st_uid == os.geteuid()
        text = file.read(_MOST_CHARS)
        if is_private and len(text) >= _LEAST_CHARS and text.isalnum():
            return text
        path.unlink()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f"client_id.{secrets.token_hex(8)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
        with suppress(FileExistsError):  # another process was first: its secret is ours
            os.link(partial, path)
    finally:
        partial.unlink()
    return path.read_text(encoding="ascii")


@functools.cache
def _process_secret() -> str:
    return secrets.token_hex(32)

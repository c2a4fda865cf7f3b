"""Sends a file from the command line. Small ones go in a message, others by a session; uploads can go on later."""

from __future__ import annotations

import hashlib
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from metaextract_client.files import SMALL_FILE_BYTES, open_file
from metaextract_client.session_options import SessionOptions, default_client_id
from metaextract_client.session_state import SessionFile

if TYPE_CHECKING:
    from metaextract.extractor.v1 import extractor_pb2
    from metaextract_client.extraction import Extraction
    from metaextract_client.extractor import ExtractorClient
    from metaextract_client.session_options import SessionProgress


class Uploads:
    """The ids of uploads that haven't ended, a small file each: one that broke off can be continued by `--resume`."""

    def __init__(self, folder: Path | None = None) -> None:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        self._folder = folder or cache / "metaextract" / "uploads"

    def find(self, path: Path, version: str) -> str:
        """The upload of this state of the file; "" when there is none."""
        with suppress(OSError, UnicodeDecodeError):
            return self._file(path, version).read_text(encoding="ascii").strip()
        return ""

    def keep(self, path: Path, version: str, upload_id: str) -> None:
        """Remembers an upload; what can't be written is forgotten."""
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file(path, version).write_text(upload_id, encoding="ascii")

    def forget(self, path: Path, version: str) -> None:
        """It has ended."""
        with suppress(OSError):
            self._file(path, version).unlink(missing_ok=True)

    def _file(self, path: Path, version: str) -> Path:
        return self._folder / hashlib.sha256(os.fsencode(f"{path.resolve()}|{version}")).hexdigest()[:32]


class Meter:
    """What has been sent and saved, over all files. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[Path, int] = {}
        self._moved = 0
        self.saved_bytes = 0

    @property
    def moved_bytes(self) -> int:
        """Bytes sent, of files under way as well."""
        with self._lock:
            return self._moved + sum(self._under_way.values())

    def record(self, path: Path, progress: SessionProgress) -> None:
        """A file is so far."""
        with self._lock:
            self._under_way[path] = progress.moved_bytes

    def done(self, path: Path, extraction: Extraction | None, size_bytes: int) -> None:
        """A file has ended."""
        with self._lock:
            self._under_way.pop(path, None)
            if extraction is not None:
                self._moved += extraction.info.moved_bytes
                self.saved_bytes += max(0, size_bytes - extraction.info.moved_bytes)


def send(
    client: ExtractorClient,
    path: Path,
    options: extractor_pb2.ExtractOptions,
    timeout: float,
    *,
    meter: Meter,
    uploads: Uploads,
    resume: bool,
) -> Extraction:
    """The document of the file.

    Raises:
        OSError: it can't be read.
        MetaExtractError: what the service answers.
    """
    extraction = None
    with open_file(path) as opened:
        file = SessionFile(opened, path.name)
        size, version = file.size_bytes, file.version
        try:
            if size is not None and size <= SMALL_FILE_BYTES:
                extraction = client.extract_bytes(opened.read(), path.name, options, timeout)
                extraction.info.moved_bytes = size
                return extraction
            session = SessionOptions(
                client_id=default_client_id(),
                upload_id=uploads.find(path, version) if resume and version else "",
                on_progress=lambda progress: meter.record(path, progress),
                on_upload_id=lambda name: uploads.keep(path, version, name) if version else None,
            )
            extraction = client.extract_session(path, options, session, timeout)
            uploads.forget(path, version)
            return extraction
        finally:
            meter.done(path, extraction, size or 0)

"""What a run has written: a file for each chunk, moved into place when it is whole. So each file of a run is told exactly once.

Whoever dies leaves nothing, or all of a chunk; a chunk that is there isn't described again.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metaextract_client.render import Plain

ENDINGS = {"jsonl": ".jsonl", "parquet": ".parquet"}


class Parts:
    """The folder of a run."""

    def __init__(self, folder: str, form: str) -> None:
        self._folder = Path(folder)
        self._form = form

    def path(self, chunk: str) -> Path:
        """Where the results of a chunk are."""
        return self._folder / f"part-{chunk}{ENDINGS[self._form]}"

    def done(self) -> set[str]:
        """The names of the chunks that are there."""
        ending = ENDINGS[self._form]
        return {
            path.name.removeprefix("part-").removesuffix(ending)
            for path in self._folder.glob(f"part-*{ending}")
        }

    def failed(self, chunk: str) -> int:
        """How many files of a chunk that is there couldn't be described."""
        path = self.path(chunk)
        if self._form == "parquet":
            from pyarrow import parquet  # noqa: PLC0415 - see below

            return sum(map(bool, parquet.read_table(path, columns=["error"])["error"].to_pylist()))
        with path.open("rb") as file:
            return sum("error" in json.loads(line) for line in file)

    def write(self, chunk: str, rows: Sequence[dict[str, Plain]]) -> None:
        """Keeps a chunk's results; raises OSError."""
        path = self.path(chunk)
        # Not the same name for two who describe the same chunk: one was given up for dead, and wasn't.
        fresh = path.with_name(f".{path.name}.{os.uname().nodename}.{os.getpid()}")
        if self._form == "parquet":
            _write_parquet(fresh, rows)
        else:
            with fresh.open("wb") as file:
                for row in rows:
                    file.write(_line(row))
        fresh.replace(path)


def _line(row: dict[str, Plain]) -> bytes:
    """JSON of a row; a name that is no UTF-8 stands in it by escapes."""
    try:
        return (json.dumps(row, ensure_ascii=False) + "\n").encode()
    except UnicodeEncodeError:
        return (json.dumps(row) + "\n").encode()


def _write_parquet(path: Path, rows: Sequence[dict[str, Plain]]) -> None:
    """A column for each of the first facts, and one with the whole document as JSON."""
    import pyarrow as pa  # noqa: PLC0415 - 165 MB, whoever wants it has it
    from pyarrow import parquet  # noqa: PLC0415

    table: Any = pa.table(
        {
            "source": [str(row["source"]).encode("utf-8", "backslashreplace").decode() for row in rows],
            "outcome": [row.get("outcome", "") for row in rows],
            "format": [row.get("format", "") for row in rows],
            "size_bytes": [row.get("size_bytes") for row in rows],
            "error": [row.get("error", "") for row in rows],
            "document": [_line(row).decode() for row in rows],
        }
    )
    parquet.write_table(table, path)

"""Memory that a request is expected to need, by format and size; rough until plans are measured.

Range readers need the same few MiB whatever the size (`make bench ONLY=large_files`: 0.15 MiB for 5 GB). Through libraries, a
fresh worker grew by 33 MiB for HDF5 with 2,000 datasets, 21 for DICOM with 3,000 items, 15 for a PDF of 20 MiB.
"""

from __future__ import annotations

from typing import NamedTuple

_MIB = 1024 * 1024
UPLOAD_BYTES = 8 * _MIB
"""An upload being received: chunks waiting to be hashed and written, and what gRPC holds of the next ones. 16 at once
took 5.5 MiB each."""


SESSION_BYTES = 192 * 1024
"""A session that waits for a client: messages on their way, and what gRPC holds of the next ones."""


class _Need(NamedTuple):
    base_bytes: int
    per_byte: float = 0.0
    most_bytes: int = 256 * _MIB


_RANGE_READER = _Need(4 * _MIB)
_NEEDS = {
    "hdf5": _Need(40 * _MIB),
    "dicom": _Need(24 * _MIB, 0.1),
    "pdf": _Need(24 * _MIB, 0.25),
}


def parse_bytes(format_name: str, size_bytes: int, inline_bytes: int) -> int:
    """Bytes that a worker needs for a file; for one that came inside a message, its copy is among them.

    The message itself is counted while it is here (`Limiter.message`).
    """
    need = _NEEDS.get(format_name, _RANGE_READER)
    return min(need.most_bytes, need.base_bytes + int(need.per_byte * size_bytes)) + inline_bytes

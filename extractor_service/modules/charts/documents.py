"""Chart documents: JSON or NumPy's archive, with two lists of charts. Nothing in them is ignored without a word.

JSON: {"charts1": [{"sun": 12.5, …}, …], "charts2": […], "orb": 8.0, "best": 10, "part": [row, column, rows, columns], "arrays": "numpy"}; all
but the lists may be left out. A chart names bodies in any case and order; longitudes are degrees, any multiple of 360 away. An archive
(.npz) has arrays "charts1" and "charts2", n × 10 in the order of `table.BODIES`.
"""

from __future__ import annotations

import io
import json
import math
import tokenize
import zipfile
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from blake3 import blake3

from extractor_service.formats.base import CorruptFileError
from extractor_service.modules.charts.table import BODIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from extractor_service.sources.base import ByteSource

MAX_BYTES = 256 * 1024 * 1024
"""Of a document: half a million charts as JSON."""
MAX_CHARTS = 1_000_000  # of each list: 76 MiB as numbers
MAX_BEST = 1000  # pairs that are told: a document holds 50,000 fields
_DEFAULT_BEST = 10  # pairs that are told when nobody says how many
_MAX_NOTES = 50  # complaints of one document; beyond, their number
_MOST_DEGREES = 1e15  # of a whole number: beyond, a float has no degrees left
_DIGITS = 6  # of a degree: 4 milliseconds of arc; what differs by less is the same chart
_NAMES = ("charts1", "charts2")
_OPTIONS = frozenset({"orb", "best", "part", "arrays"})


class ChartDocument(NamedTuple):
    """What is to be calculated."""

    first: NDArray[np.float64]
    second: NDArray[np.float64]
    orb: float | None
    best: int
    part: tuple[int, int, int, int] | None
    arrays: str
    notes: list[str]
    """What of the input takes no part, and why."""


def is_archive(source: ByteSource) -> bool:
    """Whether it is NumPy's archive."""
    return source.read_range(0, 4) == b"PK\x03\x04"


def read(source: ByteSource) -> ChartDocument | None:
    """The document; None where the file is JSON or an archive of something else.

    Raises:
        CorruptFileError: it has charts, and can't be read.
    """
    if source.size_bytes > MAX_BYTES:
        raise CorruptFileError(f"a document of {source.size_bytes} bytes, at most {MAX_BYTES} are read")
    data = source.read_range(0, source.size_bytes)
    return _archive(data) if is_archive(source) else _json(data)


def content_hash(document: ChartDocument) -> str:
    """The same for charts that are the same: 0° is 360°, and the order of names is nothing."""
    hasher = blake3()
    for charts in (document.first, document.second):
        hasher.update(len(charts).to_bytes(8) + (np.round(charts, _DIGITS) % 360.0).tobytes())
    hasher.update(repr((document.orb, document.best, document.part)).encode())
    return f"b3:{hasher.hexdigest()}"


def _json(data: bytes) -> ChartDocument | None:
    try:
        told = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CorruptFileError(f"no JSON: {error}") from error
    if not isinstance(told, dict) or not all(isinstance(told.get(name), list) for name in _NAMES):
        return None
    notes = _Notes()
    for key in sorted(set(told) - _OPTIONS - set(_NAMES)):
        notes.add(f"{str(key)[:40]!r} is nothing that a chart document has")
    charts = [_charts(name, told[name], notes) for name in _NAMES]
    orb, best, part = told.get("orb"), told.get("best", _DEFAULT_BEST), told.get("part")
    if orb is not None and not (_is_number(orb) and 0 <= orb <= 180):
        raise CorruptFileError("orb: 0 to 180 degrees are expected")
    if not isinstance(best, int) or isinstance(best, bool) or not 0 <= best <= MAX_BEST:
        raise CorruptFileError(f"best: 0 to {MAX_BEST} are expected")
    if part is not None and not (
        isinstance(part, list)
        and len(part) == 4
        and all(isinstance(each, int) and each >= 0 for each in part)
    ):
        raise CorruptFileError("part: row, column, rows and columns are expected")
    arrays = told.get("arrays", "numpy")
    if not isinstance(arrays, str) or arrays not in {"numpy", "cupy"}:
        raise CorruptFileError('arrays: "numpy" or "cupy" is expected')
    return ChartDocument(
        charts[0],
        charts[1],
        None if orb is None else float(orb),
        best,
        None if part is None else tuple(part),
        arrays,
        notes.all(),
    )


def _charts(name: str, values: list[Any], notes: _Notes) -> NDArray[np.float64]:
    if not 1 <= len(values) <= MAX_CHARTS:
        raise CorruptFileError(f"{name}: 1 to {MAX_CHARTS} charts are expected, not {len(values)}")
    charts = np.full((len(values), len(BODIES)), np.nan)
    places = {body: place for place, body in enumerate(BODIES)}
    for number, chart in enumerate(values):
        if not isinstance(chart, dict):
            raise CorruptFileError(f"{name}[{number}] isn't a chart")
        row = charts[number]
        for key, value in chart.items():
            place = places.get(key.lower())
            if place is None:
                notes.add(f"{name}[{number}]: {key[:40]!r} is no body of the table")
            elif not math.isnan(row[place]):
                notes.add(f"{name}[{number}] has {key} twice; the first one counts")
            elif not _is_number(value):
                notes.add(f"{name}[{number}]: {key} is no longitude: {str(value)[:40]!r}")
            else:
                row[place] = value % 360.0
        named = {key.lower() for key in chart}
        for body in BODIES:
            if body not in named:
                notes.add(f"{name}[{number}] has no {body}")
    return charts


def _archive(data: bytes) -> ChartDocument | None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [f"{name}.npy" for name in _NAMES]
            if not set(names) <= set(archive.namelist()):
                return None
            notes = _Notes()
            for other in sorted(set(archive.namelist()) - set(names)):
                notes.add(f"{other[:40]!r} is nothing that a chart document has")
            first, second = (_array(archive, name, notes) for name in names)
    except (
        zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError, RuntimeError, zlib.error, SyntaxError, tokenize.TokenError, TypeError,
        OverflowError,
    ) as error:  # fmt: skip
        raise CorruptFileError(f"no archive of charts: {error}") from error
    return ChartDocument(first, second, None, _DEFAULT_BEST, None, "numpy", notes.all())


def _array(archive: zipfile.ZipFile, name: str, notes: _Notes) -> NDArray[np.float64]:
    with archive.open(name) as file:
        version = np.lib.format.read_magic(file)
        reader = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, is_by_columns, kind = reader(file)
        is_good = (
            len(shape) == 2 and shape[1] == len(BODIES) and 1 <= shape[0] <= MAX_CHARTS and kind.kind in "fiu"
        )
        if not is_good or kind.itemsize > 8:
            raise ValueError(f"{name}: numbers of n × {len(BODIES)} are expected, n up to {MAX_CHARTS}")
        size = shape[0] * shape[1]
        values = np.frombuffer(file.read(size * kind.itemsize), dtype=kind, count=size)
    charts = values.reshape(shape, order="F" if is_by_columns else "C").astype(np.float64)
    missing = int((~np.isfinite(charts)).sum())
    if missing:
        notes.add(f"{name}: {missing} longitudes are no numbers")
    return np.where(np.isfinite(charts), charts, np.nan) % 360.0


def _is_number(value: object) -> bool:
    """Whether it can be a longitude; whole numbers of hundreds of digits can't even be compared with one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return math.isfinite(value) if isinstance(value, float) else abs(value) < _MOST_DEGREES


class _Notes:
    """Complaints, the first of them in words."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._more = 0

    def add(self, text: str) -> None:
        if len(self._texts) < _MAX_NOTES:
            self._texts.append(text)
        else:
            self._more += 1

    def all(self) -> list[str]:
        return [*self._texts, *self._rest()]

    def _rest(self) -> Iterator[str]:
        if self._more:
            yield f"and {self._more} more of that kind"

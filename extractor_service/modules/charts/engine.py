"""Scores of all pairs of two sets of charts, in pieces that fit a memory budget. Arrays by NumPy, or by what has its names (CuPy).

All aspects lie at multiples of 30 degrees, and no orb of the table reaches half as far, so that the only aspect that can hold is the
nearest. A piece's buffers are made once and used for every piece.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

from extractor_service.modules.charts.table import ASPECTS, BODIES, PREFERRED, STEP_DEGREES, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Array = Any
    """Of NumPy or CuPy."""

BUDGET_BYTES = 32 * 1024 * 1024  # of buffers: ten thousand pairs at once, beyond which it gets no faster
_CELLS = len(BODIES) ** 2
# Separation, nearest aspect, orb and the aspect's number (of fewer bits, NumPy would widen a copy); whether it holds, and is counted.
_CELL_BYTES = 4 * 8 + 2
_PAIR_BYTES = 3 * 8  # score, and what is made of it
_CHART_BYTES = 8 * len(BODIES)
_FIXED_BYTES = 64 * 1024  # tables, and the best so far
NOTHING = 255
"""The number of no aspect."""
_LEAST_PIECE = 16  # pairs: fewer cost more in calls than they save in memory


class Estimate(NamedTuple):
    """What a calculation takes, in bytes."""

    charts_bytes: int
    piece_bytes: int
    """Buffers and results of one piece."""
    whole_bytes: int
    """What it would take in one piece."""
    pairs_a_piece: int

    @property
    def total_bytes(self) -> int:
        """At its peak."""
        return self.charts_bytes + self.piece_bytes


class Best(NamedTuple):
    """A pair, and its score."""

    first: int
    second: int
    score: float


class Summary(NamedTuple):
    """What all pairs come to."""

    pair_count: int
    score_sum: float
    score_min: float
    score_max: float
    squares_sum: float
    """Of the scores' squares, for their deviation."""
    aspect_counts: dict[str, int]
    best: list[Best]

    @property
    def mean(self) -> float:
        """Of the scores."""
        return self.score_sum / self.pair_count

    @property
    def deviation(self) -> float:
        """Standard deviation of the scores."""
        return float(max(0.0, self.squares_sum / self.pair_count - self.mean**2) ** 0.5)


def estimate(first_count: int, second_count: int, budget_bytes: int = BUDGET_BYTES) -> Estimate:
    """What a calculation of so many charts takes within a budget for its buffers."""
    pairs = first_count * second_count
    a_pair = _CELLS * _CELL_BYTES + _PAIR_BYTES
    piece = min(pairs, max(_LEAST_PIECE, (budget_bytes - _FIXED_BYTES) // a_pair))
    charts = (first_count + second_count) * _CHART_BYTES
    return Estimate(charts, piece * a_pair + _FIXED_BYTES, charts + pairs * a_pair + _FIXED_BYTES, piece)


class Calculator:
    """Tables and buffers for one orb, or the table's orbs."""

    def __init__(self, arrays: Any, orb: float | None = None, budget_bytes: int = BUDGET_BYTES) -> None:
        """`arrays`: NumPy's namespace or one like it; `orb` replaces all limits, in degrees."""
        self._xp = arrays
        self._budget_bytes = budget_bytes
        self.limits = [aspect.orb_degrees if orb is None else orb for aspect in ASPECTS]
        scores = [aspect.score for aspect in ASPECTS]
        self._limits = arrays.asarray(self.limits)
        self._scores = arrays.asarray(scores)
        self._slopes = arrays.asarray(
            [score / limit if limit else 0.0 for score, limit in zip(scores, self.limits, strict=True)]
        )
        weights = arrays.asarray(WEIGHTS)
        self._weights = ((weights[:, None] + weights[None, :]) / 2).reshape(-1)
        # By default NumPy looks at all indices first, and makes a copy for it.
        self._take = (
            functools.partial(arrays.take, mode="clip") if arrays.__name__ == "numpy" else arrays.take
        )
        self._has_ties = max(self.limits) >= STEP_DEGREES / 2
        self._buffers: list[Array] = []

    def summary(
        self,
        first: Array,
        second: Array,
        best: int,
        progress: Callable[[int, int], None] | None = None,
    ) -> Summary:
        """The summary of all pairs of `first` (n × 10 longitudes in degrees; NaN takes no part) and `second`, with the `best` highest scores."""
        xp = self._xp
        total = len(first) * len(second)
        counts = [0] * len(ASPECTS)
        sums, squares, low, high = 0.0, 0.0, float("inf"), float("-inf")
        found: list[Best] = []
        done = 0
        for row, column, scores, codes in self._pieces(xp.asarray(first), xp.asarray(second)):
            sums += float(scores.sum())
            squares += float((scores * scores).sum())
            low, high = min(low, float(scores.min())), max(high, float(scores.max()))
            for number in range(len(ASPECTS)):
                counts[number] += int(xp.count_nonzero(codes == number))
            found = _merged(xp, found, scores, (row, column, len(second)), best)
            done += scores.size
            if progress is not None:
                progress(done, total)
        names = [aspect.name for aspect in ASPECTS]
        return Summary(total, sums, low, high, squares, dict(zip(names, counts, strict=True)), found)

    def scores(self, first: Array, second: Array) -> Array:
        """The score of each pair, n₁ × n₂."""
        xp = self._xp
        result = xp.empty((len(first), len(second)))
        for row, column, scores, _ in self._pieces(xp.asarray(first), xp.asarray(second)):
            result[row : row + scores.shape[0], column : column + scores.shape[1]] = scores
        return result

    def aspects(self, first: Array, second: Array) -> tuple[Array, Array]:
        """Of one pair of charts: which aspect holds between each two bodies (its place in `ASPECTS`, `NOTHING` for none), and its orb."""
        xp = self._xp
        one, other = xp.asarray(first).reshape(1, -1), xp.asarray(second).reshape(1, -1)
        for _, _, _, codes in self._pieces(one, other):
            size = len(BODIES)
            return codes.reshape(size, size).copy(), self._buffers[2][:_CELLS].reshape(size, size).copy()
        raise ValueError("no charts")

    def _pieces(self, first: Array, second: Array) -> Iterator[tuple[int, int, Array, Array]]:
        """First row and column, scores and aspects of one piece after the other; valid until the next."""
        pairs = estimate(len(first), len(second), self._budget_bytes).pairs_a_piece
        columns = min(len(second), pairs)
        rows = max(1, min(len(first), pairs // columns))
        self._make_buffers(rows * columns * _CELLS)
        for row in range(0, len(first), rows):
            for column in range(0, len(second), columns):
                scores, codes = self._piece(first[row : row + rows], second[column : column + columns])
                yield row, column, scores, codes

    def _make_buffers(self, cells: int) -> None:
        if not self._buffers or self._buffers[0].size < cells:
            kinds = ("float64", "float64", "float64", "int64", "bool")
            self._buffers = [self._xp.empty(cells, dtype=kind) for kind in kinds]

    def _piece(self, first: Array, second: Array) -> tuple[Array, Array]:
        xp = self._xp
        cells = len(first) * len(second) * _CELLS
        separation, nearest, orb, codes, holds = (buffer[:cells] for buffer in self._buffers)
        shape = len(first), len(second), len(BODIES), len(BODIES)
        # |a - b| of longitudes in [0, 360), folded: 180 - | |a - b| - 180 |.
        xp.subtract(first[:, None, :, None], second[None, :, None, :], out=separation.reshape(shape))
        xp.abs(separation, out=separation)
        xp.subtract(separation, 180.0, out=separation)
        xp.abs(separation, out=separation)
        xp.subtract(180.0, separation, out=separation)
        xp.multiply(separation, 1 / STEP_DEGREES, out=nearest)
        xp.rint(nearest, out=nearest)
        if self._has_ties:
            self._prefer(separation, nearest)
        missing = xp.isnan(nearest, out=holds)
        if missing.any():
            nearest[missing] = 0.0  # its orb stays NaN, and so holds nowhere
        codes[...] = nearest
        xp.multiply(nearest, STEP_DEGREES, out=nearest)
        xp.subtract(separation, nearest, out=orb)
        xp.abs(orb, out=orb)
        xp.less_equal(orb, self._take(self._limits, codes, out=nearest), out=holds)
        # score · (1 - orb / limit) where it holds.
        self._take(self._slopes, codes, out=separation)
        xp.multiply(separation, orb, out=separation)
        self._take(self._scores, codes, out=nearest)
        xp.subtract(nearest, separation, out=nearest)
        xp.logical_not(holds, out=holds)
        nearest[holds] = 0.0
        codes[holds] = NOTHING
        scores = xp.dot(nearest.reshape(-1, _CELLS), self._weights).reshape(len(first), len(second))
        return scores, codes

    def _prefer(self, separation: Array, nearest: Array) -> None:
        """Of two aspects that are equally near, the one that comes first in `PREFERRED`: rounding knows nothing of that."""
        xp = self._xp
        halves = separation / STEP_DEGREES
        for lower in xp.flatnonzero(halves - xp.floor(halves) == 0.5):
            number = int(halves[lower])
            names = [ASPECTS[number].name, ASPECTS[number + 1].name]
            nearest[lower] = number + (PREFERRED.index(names[0]) > PREFERRED.index(names[1]))


def _merged(xp: Any, found: list[Best], scores: Array, place: tuple[int, int, int], best: int) -> list[Best]:
    """The highest of those found before and of a piece; of equal ones the first."""
    if best <= 0:
        return []
    flat = scores.reshape(-1)
    take = min(best, flat.size)
    least = found[-1].score if len(found) == best else float("-inf")
    if float(flat.max()) <= least:
        return found
    row, column, _ = place
    chosen = xp.argpartition(-flat, take - 1)[:take]
    width = scores.shape[1]
    new = [Best(row + int(each) // width, column + int(each) % width, float(flat[each])) for each in chosen]
    return sorted((*found, *new), key=lambda each: (-each.score, each.first, each.second))[:best]

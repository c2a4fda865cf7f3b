"""The module of charts: counts, a summary of scores and the best pairs; of a single pair all its aspects."""

from __future__ import annotations

import importlib.util
import struct
from typing import TYPE_CHECKING, Any

from extractor_service.document import Field, ProblemKind, Struct
from extractor_service.modules.base import NUMBERS, CostClass, Lifetime, Module
from extractor_service.modules.charts.table import ASPECTS, BODIES

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.modules.base import ModuleContext
    from extractor_service.modules.charts.documents import ChartDocument
    from extractor_service.modules.charts.engine import Calculator
    from extractor_service.sources.base import ByteSource

SECTION = "charts"
_FORMATS = frozenset({"json", "npz"})
MAX_PART = 8192  # scores of a part: 64 KiB, as long as a value may be


class ChartsModule(Module):
    """Aspects between two sets of charts."""

    name = "charts"
    version = "1"
    description = (
        "Aspects and scores between two lists of charts (JSON or .npz): counts, summary and the best pairs."
    )
    writes = (SECTION,)
    cost_class = CostClass.WHOLE_FILE
    worker_kind = NUMBERS
    lifetime = Lifetime.MODULE
    needs_whole_file = True

    def applies(self, context: ModuleContext) -> bool:
        """To JSON and NumPy's archives."""
        return context.format is not None and context.format.name in _FORMATS

    def options(self, context: ModuleContext) -> str:
        """None: what is asked stands in the document."""
        del context
        return ""

    def unavailable(self) -> str:
        """Whether NumPy is missing."""
        return "" if importlib.util.find_spec("numpy") else "not installed: numpy (extra `modules`)"

    def preload(self) -> None:
        """Loads NumPy."""
        from extractor_service.modules.charts import documents, engine  # noqa: PLC0415 - in workers of this kind alone

        del documents, engine

    def run(self, source: ByteSource, document: Document, context: ModuleContext) -> None:
        """Adds the section "charts"."""
        from extractor_service.modules.charts import documents, engine  # noqa: PLC0415 - as above

        del context
        told = documents.read(source)
        if told is None:
            document.problem(SECTION, ProblemKind.UNSUPPORTED, "it has no lists of charts (charts1, charts2)")
            return
        for note in told.notes:
            document.problem(SECTION, ProblemKind.DAMAGED, note)
        arrays, name = _arrays(told.arrays)
        if name != told.arrays:
            document.problem(SECTION, ProblemKind.UNSUPPORTED, f"{told.arrays} isn't here; {name} calculates")
        calculator = engine.Calculator(arrays, told.orb)
        needs = engine.estimate(len(told.first), len(told.second))
        for key, value, unit in (
            ("FirstCount", len(told.first), ""), ("SecondCount", len(told.second), ""),
            ("Strategy", "one piece" if needs.pairs_a_piece == len(told.first) * len(told.second) else "pieces", ""),
            ("PairsAPiece", needs.pairs_a_piece, ""), ("EstimatedBytes", needs.total_bytes, "By"), ("Arrays", name, ""),
            ("Orb", "by the table" if told.orb is None else told.orb, "" if told.orb is None else "deg"),
            ("ContentHash", documents.content_hash(told), ""),
        ):  # fmt: skip
            document.add(SECTION, Field(key, value, unit=unit, group="Calculation"))
        if told.part is not None:
            _part(document, calculator, told)
            return
        summary = calculator.summary(told.first, told.second, told.best)
        document.add(SECTION, Field("PairCount", summary.pair_count, group="Scores"))
        for key, number in (("Sum", summary.score_sum), ("Mean", summary.mean), ("Deviation", summary.deviation), ("Least", summary.score_min), ("Highest", summary.score_max)):  # fmt: skip
            document.add(SECTION, Field(f"Score{key}", number, group="Scores"))
        for aspect, count in summary.aspect_counts.items():
            document.add(SECTION, Field(f"{aspect}_count", count, group="Aspects"))
        for place, best in enumerate(summary.best, 1):
            group = f"Best {place}"
            for key, value in (("First", best.first), ("Second", best.second), ("Score", best.score)):
                document.add(SECTION, Field(key, value, group=group))
        if summary.pair_count == 1:
            _aspects(document, calculator, told)


def _arrays(wanted: str) -> tuple[Any, str]:
    import numpy as np  # noqa: PLC0415 - as above

    if wanted == "cupy" and importlib.util.find_spec("cupy") is not None:
        import cupy  # noqa: PLC0415 - where a GPU is, and it was asked for

        return cupy, "cupy"
    return np, "numpy"


def _part(document: Document, calculator: Calculator, told: ChartDocument) -> None:
    """The scores of a part of the matrix, as little-endian numbers of 64 bits, row by row."""
    row, column, rows, columns = told.part or (0, 0, 0, 0)
    first, second = told.first[row : row + rows], told.second[column : column + columns]
    count = len(first) * len(second)
    if not 1 <= count <= MAX_PART:
        document.problem(
            SECTION, ProblemKind.LIMIT, f"a part of {count} scores; 1 to {MAX_PART} are told at once"
        )
        return
    scores = calculator.scores(first, second)
    data = struct.pack(f"<{count}d", *(float(each) for each in scores.reshape(-1)))
    document.add(
        SECTION,
        Field("Scores", data, group="Part", note=f"{len(first)} × {len(second)} from {row}, {column}"),
    )


def _aspects(document: Document, calculator: Calculator, told: ChartDocument) -> None:
    from extractor_service.modules.charts import engine  # noqa: PLC0415 - as above

    codes, orbs = calculator.aspects(told.first[0], told.second[0])
    for i, one in enumerate(BODIES):
        for j, other in enumerate(BODIES):
            code = int(codes[i, j])
            if code != engine.NOTHING:
                aspect = ASPECTS[code]
                told_of = Struct((("aspect", aspect.name), ("orb", float(orbs[i, j])), ("type", aspect.kind)))
                document.add(SECTION, Field(f"{one}-{other}", told_of, group="Pair"))

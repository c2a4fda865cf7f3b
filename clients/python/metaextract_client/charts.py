"""Aspects between charts, as functions: thin over the module "charts" of an extractor, with the result shapes that people had.

A chart is {"sun": longitude in degrees, …}; names in any case. Counts, summaries and best pairs come from the service, through its cache.
"""

from __future__ import annotations

import contextlib
import json
import logging
import statistics
import struct
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from metaextract.extractor.v1 import extractor_pb2
from metaextract_client.extractor import ExtractorClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from metaextract.document.v1 import document_pb2

    Chart = Mapping[str, float]

_log = logging.getLogger(__name__)
BODIES = ("sun", "moon", "mercury", "venus", "mars", "jupiter", "saturn", "uranus", "neptune", "pluto")
_SECTION = "charts"
_MAX_PART = 8192  # scores of one answer
_MIB = 1024 * 1024  # bytes
_KEPT = 1000  # records of operations
_RECENT, _LEAST, _SLOWER = 10, 3, 1.5  # the last ten, three at least, against the median before them
_BASELINE = 50  # operations before the recent ones
_NUMBER_BYTES = 8  # of a float


class ChartError(Exception):
    """The service can't make anything of the charts."""


class Calculator:
    """Asks an extractor; see `optimized_calculation_session`."""

    def __init__(self, client: ExtractorClient, chunk_size: int = 100, *, use_caching: bool = True) -> None:
        """`chunk_size`: charts on each side that one request has at most."""
        mode = extractor_pb2.CACHE_MODE_USE if use_caching else extractor_pb2.CACHE_MODE_BYPASS
        self._options = extractor_pb2.ExtractOptions(modules=[_SECTION], cache_mode=mode)
        self._client = client
        self._chunk_size = chunk_size
        self._records: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        self._hits = 0

    def calculate_synastry_aspects(
        self, chart1: Chart, chart2: Chart, orb: float | None = 8.0
    ) -> list[list[dict[str, Any] | None]]:
        """10 × 10, in the order of `BODIES`: None, or {"aspect", "orb", "type"}. `orb` None: each aspect's own."""
        fields = self._ask(
            "synastry", {"charts1": [dict(chart1)], "charts2": [dict(chart2)], "orb": orb, "best": 0}, 1
        )
        matrix: list[list[dict[str, Any] | None]] = [[None] * len(BODIES) for _ in BODIES]
        for field in fields:
            if field.group == "Pair":
                one, _, other = field.name.partition("-")
                told = {entry.name: entry.value for entry in field.value.map.entries}
                matrix[BODIES.index(one)][BODIES.index(other)] = {
                    "aspect": told["aspect"].text, "orb": told["orb"].real, "type": told["type"].text,
                }  # fmt: skip
        return matrix

    def calculate_large_batch_synastry(
        self,
        chart_pairs: Sequence[tuple[Chart, Chart]],
        orb: float | None = 8.0,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[list[list[dict[str, Any] | None]]]:
        """The aspects of each pair, in order; `progress` is told how many of how many are done."""
        results = []
        for number, (one, other) in enumerate(chart_pairs, 1):
            results.append(self.calculate_synastry_aspects(one, other, orb))
            if progress is not None:
                progress(number, len(chart_pairs))
        return results

    def score_matrix(
        self,
        charts1: Sequence[Chart],
        charts2: Sequence[Chart],
        orb: float | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[list[float]]:
        """The score of each pair, n₁ × n₂, fetched in parts."""
        size = min(self._chunk_size, int(_MAX_PART**0.5))
        matrix = [[0.0] * len(charts2) for _ in charts1]
        done, total = 0, len(charts1) * len(charts2)
        for row in range(0, len(charts1), size):
            for column in range(0, len(charts2), size):
                first, second = charts1[row : row + size], charts2[column : column + size]
                asked = {
                    "charts1": [dict(each) for each in first], "charts2": [dict(each) for each in second], "orb": orb,
                    "part": [0, 0, len(first), len(second)],
                }  # fmt: skip
                fields = self._ask("score_matrix", asked, len(first) * len(second))
                data = next(field.value.data for field in fields if field.name == "Scores")
                scores = struct.unpack(f"<{len(data) // _NUMBER_BYTES}d", data)
                for at in range(len(first)):
                    matrix[row + at][column : column + len(second)] = scores[
                        at * len(second) : (at + 1) * len(second)
                    ]
                done += len(scores)
                if progress is not None:
                    progress(done, total)
        return matrix

    def summary(
        self, charts1: Sequence[Chart], charts2: Sequence[Chart], orb: float | None = None, best: int = 10
    ) -> dict[str, Any]:
        """Counts of aspects, scores, and the best pairs, of all pairs at once."""
        asked = {
            "charts1": [dict(each) for each in charts1],
            "charts2": [dict(each) for each in charts2],
            "orb": orb,
            "best": best,
        }
        groups: dict[str, dict[str, Any]] = {}
        for field in self._ask("summary", asked, len(charts1) * len(charts2)):
            kind = field.value.WhichOneof("kind")
            groups.setdefault(field.group, {})[field.name] = getattr(field.value, kind) if kind else None
        return {
            "aspect_counts": {
                name.removesuffix("_count"): count for name, count in groups.get("Aspects", {}).items()
            },
            "scores": groups.get("Scores", {}),
            "best": [
                {"first": told["First"], "second": told["Second"], "score": told["Score"]}
                for name, told in groups.items()
                if name.startswith("Best ")
            ],
            "calculation": groups.get("Calculation", {}),
        }

    def estimate_memory_usage(self, n1: int, n2: int, planets: int = len(BODIES)) -> dict[str, float]:
        """What n₁ × n₂ charts take in one piece and in pieces of `chunk_size`, in MiB, by the formula that people had."""

        def needed(first: int, second: int, factor: int) -> float:
            return factor * ((first + second) * planets * 8 + first * second * planets**2 * 8) / _MIB

        chunk = self._chunk_size
        base, chunked = needed(n1, n2, 1), needed(min(n1, chunk), min(n2, chunk), 1)
        saved = max(0.0, base - chunked)
        return {
            "base_memory_mb": base, "chunked_memory_mb": chunked, "memory_savings_mb": saved,
            "memory_savings_percent": 100 * saved / base if base else 0.0,
        }  # fmt: skip

    def get_performance_metrics(self) -> dict[str, Any]:
        """Operations so far, with calculations a second, cache hits, and whether the last ones are slower than those before."""
        good = [each for each in self._records if each["success"]]
        pairs, seconds = (
            sum(each["num_calculations"] for each in good),
            sum(each["duration_ms"] for each in good) / 1000,
        )
        return {
            "operations": len(self._records),
            "calculations_per_second": pairs / seconds if seconds else 0.0,
            "cache": {
                "hits": self._hits,
                "hit_rate": self._hits / len(self._records) if self._records else 0.0,
            },
            "regression": self._regression(),
            "records": list(self._records)[-_RECENT:],
        }

    def _regression(self) -> dict[str, Any] | None:
        """The last operations' time a pair against the median of those before; None where they aren't slower, or too few."""
        times = [
            each["duration_ms"] / max(1, each["num_calculations"])
            for each in self._records
            if each["success"]
        ]
        recent, before = times[-_RECENT:], times[-_RECENT - _BASELINE : -_RECENT]
        if len(recent) < _LEAST or len(before) < _LEAST:
            return None
        now, then = statistics.median(recent), statistics.median(before)
        return (
            {"ratio": now / then, "baseline_ms": then, "recent_ms": now}
            if then and now > _SLOWER * then
            else None
        )

    def _ask(self, operation: str, asked: dict[str, Any], pairs: int) -> list[document_pb2.Field]:
        data = json.dumps(
            {key: value for key, value in asked.items() if value is not None}, sort_keys=True
        ).encode()
        record: dict[str, Any] = {
            "operation_name": operation,
            "start_time": time.time(),
            "num_calculations": pairs,
            "success": False,
        }
        began_at = time.perf_counter()
        try:
            document, info = self._client.extract_bytes(data, "charts.json", self._options)
            record["cached"] = info.cache_status == extractor_pb2.CACHE_STATUS_HIT
            fields = [
                field for section in document.sections if section.name == _SECTION for field in section.fields
            ]
            if not fields:
                raise ChartError("; ".join(problem.message for problem in document.problems) or "no charts")
            record["success"] = True
            self._hits += record["cached"]
        except Exception as error:
            record["error_message"] = str(error)
            raise
        else:
            return fields
        finally:
            record["duration_ms"] = (time.perf_counter() - began_at) * 1000
            self._records.append(record)
            slower = self._regression()
            if slower is not None:
                _log.warning("chart calculations have become slower", extra=slower)


@contextlib.contextmanager
def optimized_calculation_session(
    chunk_size: int = 100, address: str | None = None, *, use_caching: bool = True
) -> Iterator[Calculator]:
    """A calculator; its connection is closed on leaving."""
    with ExtractorClient(address) as client:
        yield Calculator(client, chunk_size, use_caching=use_caching)


@contextlib.contextmanager
def memory_optimized_processing(
    chunk_size: int = 50, address: str | None = None
) -> Iterator[tuple[Calculator, Calculator]]:
    """A calculator, and the same as what tells of its operations."""
    with optimized_calculation_session(chunk_size, address) as calculator:
        yield calculator, calculator


def optimized_synastry_calculation(
    chart1: Chart,
    chart2: Chart,
    orb: float = 8.0,
    use_caching: bool = True,  # noqa: FBT001, FBT002 - as people had it
    address: str | None = None,
) -> dict[str, Any]:
    """{"aspects": 10 × 10 matrix, "metadata": {"orb", "cached", "performance"}}."""
    with optimized_calculation_session(address=address, use_caching=use_caching) as calculator:
        aspects = calculator.calculate_synastry_aspects(chart1, chart2, orb)
        metrics = calculator.get_performance_metrics()
    cached = metrics["cache"]["hits"] > 0
    return {"aspects": aspects, "metadata": {"orb": orb, "cached": cached, "performance": metrics}}


def calculate_large_batch_synastry(
    chart_pairs: Sequence[tuple[Chart, Chart]], orb: float | None = 8.0, address: str | None = None
) -> list[list[list[dict[str, Any] | None]]]:
    """The aspects of each pair; see `Calculator`."""
    with optimized_calculation_session(address=address) as calculator:
        return calculator.calculate_large_batch_synastry(chart_pairs, orb)

"""Metrics in the words of Prometheus and OpenMetrics, by their own library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from service_runtime.histogram import Histogram

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from prometheus_client.metrics_core import Metric as Family

    from service_runtime.operations.metric import Metric, One

    Table = tuple[Iterable[Metric[Any]], object]
    """Metrics, and what they are read from."""


class Exposition:
    """All metrics of a process. `render` them."""

    def __init__(self, prefix: str, tables: Iterable[Table]) -> None:
        """`prefix`: of all names."""
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Tables(prefix, list(tables)))

    def render(self, accept: str) -> tuple[bytes, str]:
        """The text, and its content type, as the `Accept` header asks for it."""
        encode: Callable[[CollectorRegistry], bytes]
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


class _Tables(Collector):
    def __init__(self, prefix: str, tables: list[Table]) -> None:
        self._prefix = prefix
        self._tables = tables

    def collect(self) -> Iterator[Family]:
        for metrics, parts in self._tables:
            for metric in metrics:
                yield _family(self._prefix + metric.name, metric, metric.samples(parts))


def _family(name: str, metric: Metric[Any], samples: list[tuple[tuple[str, ...], One]]) -> Family:
    if metric.kind == "histogram":
        family = HistogramMetricFamily(name, metric.doc, labels=metric.labels)
        for labels, value in samples:
            if isinstance(value, Histogram):
                family.add_metric(labels, value.cumulative(), value.total)
        return family
    plain = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    found = plain(name, metric.doc, labels=metric.labels)
    for labels, value in samples:
        if not isinstance(value, Histogram):
            found.add_metric(labels, value)
    return found

"""What a metric is: a name, a meaning, and how it is read from a service's parts. A service's table has one line for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from service_runtime.histogram import Histogram

Parts = TypeVar("Parts")
One = float | Histogram
Value = One | Mapping[str, One] | Mapping[tuple[str, ...], One] | None
"""One value, or one for each value of the label, or of the labels; None: not known now."""


@dataclass(frozen=True)
class Metric(Generic[Parts]):
    """A line of a table. Reading it happens at each scrape, and costs nothing in between."""

    kind: str
    """counter, gauge or histogram."""
    name: str
    """As Prometheus names it: unit in the name, `_total` at the end of a counter's."""
    doc: str
    read: Callable[[Parts], Value]
    labels: tuple[str, ...] = ()

    def samples(self, parts: Parts) -> list[tuple[tuple[str, ...], One]]:
        """Values of the labels, and the value."""
        value = self.read(parts)
        if value is None:
            return []
        if isinstance(value, Mapping):
            return [((key,) if isinstance(key, str) else key, each) for key, each in value.items()]
        return [((), value)]


def counter(
    name: str, doc: str, read: Callable[[Parts], Value], labels: tuple[str, ...] = ()
) -> Metric[Parts]:
    """What only grows until the process ends."""
    return Metric("counter", name, doc, read, labels)


def gauge(name: str, doc: str, read: Callable[[Parts], Value], labels: tuple[str, ...] = ()) -> Metric[Parts]:
    """What goes up and down."""
    return Metric("gauge", name, doc, read, labels)


def histogram(
    name: str, doc: str, read: Callable[[Parts], Value], labels: tuple[str, ...] = ()
) -> Metric[Parts]:
    """How often what came to how much."""
    return Metric("histogram", name, doc, read, labels)

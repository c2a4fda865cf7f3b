"""What a service shows on its operations port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from service_runtime.operations.metric import Metric


class Action(NamedTuple):
    """Something that changes the service, by DELETE."""

    path: str
    method: str
    """The gRPC method whose role it needs."""
    act: Callable[[], Awaitable[dict[str, object]]]


class Operations(NamedTuple):
    """Metrics, pages and actions."""

    prefix: str
    """Of the metrics' names."""
    metrics: Sequence[Metric[Any]]
    parts: object
    """What they are read from."""
    pages: dict[str, Callable[[], dict[str, object]]]
    """JSON, by its path."""
    actions: Sequence[Action] = ()

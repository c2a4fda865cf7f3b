"""The live view of `metaextract pressure --watch`: a line with a sparkline for each signal."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from metaextract.cache.v1 import pressure_pb2
from metaextract_client.cli.human import size

if TYPE_CHECKING:
    from rich.console import RenderableType

_WIDTH = 40  # characters: the last 10 s at four a second, and the table fits a terminal
_BLOCKS = " ▁▂▃▄▅▆▇█"
_COLORS = {
    pressure_pb2.PRESSURE_LEVEL_NORMAL: "green",
    pressure_pb2.PRESSURE_LEVEL_ELEVATED: "yellow",
    pressure_pb2.PRESSURE_LEVEL_HIGH: "dark_orange",
    pressure_pb2.PRESSURE_LEVEL_CRITICAL: "red",
}
_CHANGES = 8  # of level, the latest, so that the view fits a small terminal


def level_name(level: pressure_pb2.PressureLevel.ValueType) -> str:
    """The level as people say it."""
    try:
        return pressure_pb2.PressureLevel.Name(level).removeprefix("PRESSURE_LEVEL_")
    except ValueError:
        return str(level)


def sparkline(ratios: deque[float]) -> str:
    """One character for each ratio from 0 to 1, the latest last."""
    steps = len(_BLOCKS) - 1
    return "".join(_BLOCKS[min(steps, max(0, round(ratio * steps)))] for ratio in ratios).rjust(_WIDTH)


class PressureView:
    """What is known so far; rich draws it."""

    def __init__(self) -> None:
        self.failure = ""
        self._state: pressure_pb2.PressureState | None = None
        self._ratios: dict[str, deque[float]] = {}
        self._changes: deque[str] = deque(maxlen=_CHANGES)
        self._level = pressure_pb2.PRESSURE_LEVEL_UNSPECIFIED

    def take_state(self, state: pressure_pb2.PressureState) -> None:
        """A sample of the state: one more character in each sparkline."""
        self.failure = ""
        self._state = state
        for signal in state.signals:
            self._ratios.setdefault(signal.name, deque(maxlen=_WIDTH)).append(signal.ratio)

    def take_event(self, event: pressure_pb2.WatchPressureResponse) -> None:
        """An event of the watch: changes of the level are listed."""
        state = event.state
        if state.level != self._level:
            when = time.strftime("%H:%M:%S", time.localtime(state.sampled_at))
            before = level_name(self._level) + " → " if self._level else ""
            self._changes.append(f"{when}  {before}{level_name(state.level)}  {state.cause}")
            self._level = state.level
        if event.draining:
            self._changes.append(f"draining; back in {event.reconnect_after_seconds:.1f} s")

    def __rich__(self) -> RenderableType:
        from rich.console import Group  # noqa: PLC0415 - only with a terminal
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        state = self._state
        if state is None:
            return Text(self.failure or "waiting for the cache")
        title = Text.assemble(
            (f" {level_name(state.level)} ", f"bold reverse {_COLORS.get(state.level, 'white')}"),
            f"  {state.score_ratio:.1%}  {state.slope_ratio_per_second * 100:+.2f} %/s",
            f"  {state.cause}" if state.cause else "",
            f"  next level in {state.seconds_to_next_level:.0f} s"
            if state.HasField("seconds_to_next_level")
            else "",
            f"  fleet: {level_name(state.fleet_level)} ({len(state.peers) + 1} replicas)"
            if state.peers
            else "",
            (f"  {self.failure}", "red") if self.failure else "",
        )
        table = Table(box=None, pad_edge=False)
        for heading in ("signal", "", "ratio", "used", "limit", "level"):
            table.add_column(heading, justify="right" if heading in {"ratio", "used", "limit"} else "left")
        for signal in state.signals:
            table.add_row(
                signal.name,
                Text(sparkline(self._ratios[signal.name]), style=_COLORS.get(signal.level, "white")),
                f"{signal.ratio:.1%}",
                size(signal.used_bytes) if signal.limit_bytes else "",
                size(signal.limit_bytes) if signal.limit_bytes else "",
                level_name(signal.level),
            )
        return Group(title, table, *(Text(change, style="dim") for change in self._changes))

"""`metaextract pressure`: the cache's memory pressure, once or followed; or a pretended one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from metaextract.cache.v1 import pressure_pb2
from metaextract_client.cache import CacheClient
from metaextract_client.cli import exit_codes
from metaextract_client.cli.human import size

if TYPE_CHECKING:
    import argparse

_LEVELS = {
    "normal": pressure_pb2.PRESSURE_LEVEL_NORMAL,
    "elevated": pressure_pb2.PRESSURE_LEVEL_ELEVATED,
    "high": pressure_pb2.PRESSURE_LEVEL_HIGH,
    "critical": pressure_pb2.PRESSURE_LEVEL_CRITICAL,
    "real": pressure_pb2.PRESSURE_LEVEL_UNSPECIFIED,
}
_BAR_CHARS = 20


def run(options: argparse.Namespace) -> int:
    """Prints the state, each event of the watch, or the state after pretending a level."""
    with CacheClient(options.cache) as client:
        if options.set:
            print(line(client.set_pressure_override(_LEVELS[options.set], options.seconds)))
        if options.watch:
            for number, event in enumerate(client.watch_pressure("metaextract pressure"), start=1):
                print(line(event.state) + ("  ·" if event.heartbeat else ""), flush=True)
                if number == options.events:
                    break
        elif not options.set:
            print(line(client.get_pressure()))
    return exit_codes.OK


def line(state: pressure_pb2.PressureState) -> str:
    """One state as one line: time, level, score as a bar, slope, signals."""
    level = pressure_pb2.PressureLevel.Name(state.level).removeprefix("PRESSURE_LEVEL_")
    filled = min(_BAR_CHARS, round(state.score_ratio * _BAR_CHARS))
    bar = "█" * filled + "░" * (_BAR_CHARS - filled)
    signals = ", ".join(
        f"{signal.name} {size(signal.used_bytes)} of {size(signal.limit_bytes)}"
        if signal.level != pressure_pb2.PRESSURE_LEVEL_UNKNOWN
        else f"{signal.name} UNKNOWN"
        for signal in state.signals
    )
    when = time.strftime("%H:%M:%S", time.localtime(state.sampled_at))
    pretended = " (override)" if state.overridden else ""
    return (
        f"{when}  {level:<8}{pretended} {bar} {state.score_ratio:6.1%}"
        f"  {state.slope_ratio_per_second * 100:+.2f} %/s  {signals}"
    )

"""`metaextract pressure` and `drill`: the cache's memory pressure, once, live, or rehearsed."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING

from metaextract.cache.v1 import pressure_pb2
from metaextract_client.cache import CacheClient
from metaextract_client.cli import exit_codes
from metaextract_client.cli.human import size
from metaextract_client.cli.pressure_view import PressureView, level_name
from metaextract_client.errors import MetaExtractError
from metaextract_client.extractor import ExtractorClient
from metaextract_client.retry import NEVER

if TYPE_CHECKING:
    import argparse

LEVELS = {
    "normal": pressure_pb2.PRESSURE_LEVEL_NORMAL,
    "elevated": pressure_pb2.PRESSURE_LEVEL_ELEVATED,
    "high": pressure_pb2.PRESSURE_LEVEL_HIGH,
    "critical": pressure_pb2.PRESSURE_LEVEL_CRITICAL,
    "real": pressure_pb2.PRESSURE_LEVEL_UNSPECIFIED,
}
_BAR_CHARS = 20  # 5 % each, in a line with level, slope and signals
_POLL_SECONDS = 0.25  # as often as the view is drawn; a column of the sparkline each
_REPORT_SECONDS = 1.0  # a line a second while the drill lasts
_BACK_SECONDS = 5.0  # of the slow way back are shown, not more than the drill itself took


def run(options: argparse.Namespace) -> int:
    """Prints the state, each event of the watch, or the state after pretending a level."""
    with CacheClient(options.cache) as client:
        if options.set:
            print(line(client.set_pressure_override(LEVELS[options.set], options.seconds)))
        if options.thresholds:
            print(line(client.set_pressure_thresholds(*options.thresholds)))
        if options.history:
            _print_history(client, options.history)
        elif options.watch and sys.stdout.isatty() and not options.events:
            _watch_live(client)
        elif options.watch:
            for number, event in enumerate(client.watch_pressure("metaextract pressure"), start=1):
                print(line(event.state) + ("  ·" if event.heartbeat else ""), flush=True)
                if number == options.events:
                    break
        elif not options.set and not options.thresholds:
            print(line(client.get_pressure()))
    return exit_codes.OK


def drill(options: argparse.Namespace) -> int:
    """Pretends a level for a while, shows what cache and extractor do, and that it ends."""
    started = time.monotonic()
    with CacheClient(options.cache) as cache, ExtractorClient(options.extractor, NEVER) as extractor:
        before = cache.get_stats()
        print(f"drill: {options.level.upper()} for {options.seconds:g} s; Ctrl-C ends it early")
        cache.set_pressure_override(LEVELS[options.level], options.seconds)
        print(f"{_since(started)}  cache obeys: {_tiers(cache)}")
        try:
            while cache.get_pressure().overridden:
                print(f"{_since(started)}  {_backoff(extractor)}", flush=True)
                time.sleep(_REPORT_SECONDS)
        except KeyboardInterrupt:
            print(f"{_since(started)}  ended early")
        finally:
            state = cache.set_pressure_override(pressure_pb2.PRESSURE_LEVEL_UNSPECIFIED, 1)
        print(f"{_since(started)}  over: {level_name(state.level)} again; {_backoff(extractor)}")
        time.sleep(min(_BACK_SECONDS, options.seconds))
        after = cache.get_stats()
        evicted = sum(tier.removals.pressure for tier in after.tiers) - sum(
            tier.removals.pressure for tier in before.tiers
        )
        print(f"{_since(started)}  on the way back: {_tiers(cache)}; {_backoff(extractor)}")
        print(f"drill: {evicted} entries were evicted from memory; they come back from the slower tiers")
    return exit_codes.OK


def line(state: pressure_pb2.PressureState) -> str:
    """One state as one line: time, level, score as a bar, slope, signals of memory."""
    filled = min(_BAR_CHARS, round(state.score_ratio * _BAR_CHARS))
    bar = "█" * filled + "░" * (_BAR_CHARS - filled)
    signals = ", ".join(
        f"{signal.name} UNKNOWN"
        if signal.level == pressure_pb2.PRESSURE_LEVEL_UNKNOWN
        else f"{signal.name} {size(signal.used_bytes)} of {size(signal.limit_bytes)}"
        for signal in state.signals
        if signal.limit_bytes or signal.level == pressure_pb2.PRESSURE_LEVEL_UNKNOWN
    )
    when = time.strftime("%H:%M:%S", time.localtime(state.sampled_at))
    pretended = " (override)" if state.overridden else ""
    return (
        f"{when}  {level_name(state.level):<8}{pretended} {bar} {state.score_ratio:6.1%}"
        f"  {state.slope_ratio_per_second * 100:+.2f} %/s  {signals}"
    )


def _print_history(client: CacheClient, points: int) -> None:
    history = client.get_pressure_history(max_points=points)
    for point in history.points:
        when = time.strftime("%H:%M:%S", time.localtime(point.at))
        filled = min(_BAR_CHARS, round(point.score_ratio * _BAR_CHARS))
        print(f"{when}  {level_name(point.level):<8} {'█' * filled:<{_BAR_CHARS}} {point.score_ratio:6.1%}")
    averages = history.averages
    print(
        f"averages of 1, 5, 15 minutes: {averages.one_minute:.1%}, {averages.five_minutes:.1%},"
        f" {averages.fifteen_minutes:.1%}; trend {history.trend_ratio_per_minute * 100:+.2f} % a minute"
    )
    for change in history.changes:
        when = time.strftime("%H:%M:%S", time.localtime(change.changed_at))
        print(
            f"{when}  {level_name(change.from_level)} → {level_name(change.to_level)}"
            f" at {change.score_ratio:.1%}: {change.cause or 'memory fell'}"
        )


def _watch_live(client: CacheClient) -> None:
    """A view that is drawn anew four times a second, with changes as they come, until interrupted."""
    from rich.live import Live  # noqa: PLC0415 - only with a terminal

    view = PressureView()

    def follow() -> None:
        try:
            for event in client.watch_pressure("metaextract pressure"):
                view.take_event(event)
        except MetaExtractError as error:
            view.failure = str(error)

    threading.Thread(target=follow, daemon=True).start()
    with Live(view, refresh_per_second=4):
        while True:
            try:
                view.take_state(client.get_pressure())
            except MetaExtractError as error:
                view.failure = str(error)
            time.sleep(_POLL_SECONDS)


def _since(started: float) -> str:
    return f"{time.monotonic() - started:5.1f} s"


def _tiers(cache: CacheClient) -> str:
    return ", ".join(
        f"{tier.name} {size(tier.used_bytes)} of {size(tier.budget_bytes)}"
        + (f" and {tier.budget_entries} entries" if tier.budget_entries else "")
        for tier in cache.get_stats().tiers
        if tier.name != "redis"
    )


def _backoff(extractor: ExtractorClient) -> str:
    try:
        state = extractor.get_backoff_state()
    except MetaExtractError as error:
        return f"no extractor: {error.code.name}"
    binding = next((term.name for term in state.terms if term.binding), "")
    return (
        f"extractor: {level_name(state.level)}, {state.concurrency_limit} parses ({binding} binds),"
        f" {state.uploads_limit} uploads, {size(state.reservable_bytes)} reservable, {state.queued} waiting"
    )

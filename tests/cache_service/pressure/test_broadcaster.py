from __future__ import annotations

from cache_service.pressure.broadcaster import PressureBroadcaster
from cache_service.pressure.history import PressureHistory
from cache_service.pressure.state import PressureChange, PressureState
from service_runtime.memory.levels import PressureLevel

NORMAL, ELEVATED, HIGH, CRITICAL = PressureLevel


def state(revision, level=NORMAL, epoch="e"):
    return PressureState(epoch, revision, level, 0.5, 0.0, None, (), 6.0, False, 0.0, "", 0, "r", level, ())


def make():
    history = PressureHistory()
    broadcaster = PressureBroadcaster(state(0), 0.05, history)

    def change(revision, before, after):
        history.changes.append(PressureChange(revision, 0.0, before, after, "x", 0.5))
        broadcaster.publish(state(revision, after))

    return broadcaster, change


async def test_a_resumed_watch_is_told_what_it_missed():
    broadcaster, change = make()
    change(1, NORMAL, CRITICAL)
    change(2, CRITICAL, HIGH)
    change(3, HIGH, ELEVATED)
    watch = broadcaster.watch("e", 1)
    first = await anext(watch)
    assert [missed.revision for missed in first.missed] == [2, 3] and not first.missed_has_gaps
    assert first.state.revision == 3
    await watch.aclose()


async def test_another_epoch_has_gaps():
    broadcaster, change = make()
    change(1, NORMAL, HIGH)
    for epoch, revision in (("other", 1), ("e", 99)):
        watch = broadcaster.watch(epoch, revision)
        first = await anext(watch)
        assert first.missed_has_gaps and [missed.revision for missed in first.missed] == [1]
        await watch.aclose()
    watch = broadcaster.watch()
    first = await anext(watch)
    assert not first.missed and not first.missed_has_gaps and first.is_first
    await watch.aclose()


async def test_a_drain_tells_everybody_when_to_come_back_each_another_time():
    broadcaster, _ = make()
    watches = [broadcaster.watch() for _ in range(400)]
    for watch in watches:
        assert (await anext(watch)).reconnect_after_seconds is None
    broadcaster.close()
    delays = [(await anext(watch)).reconnect_after_seconds for watch in watches]
    assert len(set(delays)) == 400 and min(delays) >= 0.5 and 2.5 < max(delays) <= 3.5
    late = broadcaster.watch()
    assert (await anext(late)).reconnect_after_seconds >= 0.5
    for watch in [*watches, late]:
        assert [event async for event in watch] == []
    assert broadcaster.watcher_count == 0

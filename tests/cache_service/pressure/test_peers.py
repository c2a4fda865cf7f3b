from __future__ import annotations

import json
import time
from types import SimpleNamespace

import pytest

from cache_service.fleet.redis_channel import _tell
from cache_service.pressure.peers import Peer, Peers
from cache_service.services.wire_pressure import state_to_wire
from service_runtime.memory.levels import PressureLevel

WORD = {"replica": "r", "epoch": "x", "level": 3, "score": 0.8, "valid_for": 6}


def test_the_worst_comes_first_and_the_silent_are_forgotten():
    peers = Peers()
    peers.hear(Peer("a", PressureLevel.NORMAL, 0.1, 0, 6))
    peers.hear(Peer("b", PressureLevel.HIGH, 0.8, 3, 6))
    assert [peer.replica for peer in peers.live(5)] == ["b", "a"]
    assert [peer.replica for peer in peers.live(8)] == ["b"] and peers.live(20) == ()


def test_too_many_are_too_many():
    peers = Peers()
    for number in range(1000):
        peers.hear(Peer(str(number), PressureLevel.NORMAL, 0.1, 0, 6))
    assert len(peers.live(0)) == 256


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        "[" * 4000,
        b"{}",
        None,
        5,
        json.dumps({**WORD, "level": 9}),
        '{"score": ' + "1" * 4090 + "}",
    ],
)
def test_what_strangers_say_ends_nothing(data):
    def hear(word):
        float(word["score"])
        PressureLevel(word["level"])

    _tell(data, hear)


async def test_a_name_that_can_t_be_sent_breaks_no_watch():
    from cache_service.fleet.pressure_exchange import exchange
    from tests.cache_service.pressure.test_monitor import make_monitor
    from tests.support.memory import FakeSignal

    monitor, _, _ = make_monitor(FakeSignal())
    heard = []

    async def listen(hear):
        for word in ({"replica": "\ud800"}, {"score": float("nan")}, {"valid_for": 1e9}):
            _tell(json.dumps({**WORD, **word}), hear)
            heard.append(word)

    async def publish(word):
        assert word()["replica"] == "r1"

    await exchange(monitor, SimpleNamespace(listen=listen, publish=publish))
    await monitor.step(time.monotonic())
    (peer,) = monitor.peers.live(time.monotonic())
    assert len(heard) == 3 and peer.replica == "?" and state_to_wire(monitor.broadcaster.state)

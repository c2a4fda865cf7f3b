import asyncio

import pytest

from service_runtime.errors import RequestStalledError
from service_runtime.lobby import Lobby


async def never():
    await asyncio.Event().wait()
    yield


async def one(value):
    yield value


async def nothing():
    return
    yield


def crowd(lobby, count, caller):
    return [asyncio.create_task(lobby.first(never(), caller, "offer")) for _ in range(count)]


async def outcome(tasks):
    return [type(each).__name__ for each in await asyncio.gather(*tasks, return_exceptions=True)]


async def test_who_says_what_it_wants_is_let_in():
    lobby = Lobby()
    assert await lobby.first(one(5), "a", "offer") == 5
    assert await lobby.first(nothing(), "a", "offer") is None
    assert lobby._waiting == {} and lobby._count == 0


async def test_silence_ends():
    with pytest.raises(RequestStalledError, match="no offer came in time"):
        await Lobby(seconds=0.02).first(never(), "a", "offer")


async def test_the_longest_silent_of_the_largest_crowd_goes(monkeypatch):
    # The least of what it may be given: else it may be as late as the honest ones' own end.
    monkeypatch.setattr("random.uniform", min)
    lobby = Lobby(seconds=4.0, most=6, most_per_caller=4)
    attackers = crowd(lobby, 4, "attacker")
    honest = crowd(lobby, 2, "honest")
    await asyncio.sleep(0.02)
    late = crowd(lobby, 1, "honest")
    await asyncio.sleep(0.05)
    assert not any(task.done() for task in attackers), "not before its time"
    while not any(task.done() for task in [*attackers, *honest, *late]):
        await asyncio.sleep(0.01)
    assert attackers[0].done() and not any(task.done() for task in [*honest, *late])
    assert await lobby.first(one("x"), "honest", "offer") == "x"
    for task in [*attackers, *honest, *late]:
        task.cancel()
    await outcome([*attackers, *honest, *late])
    assert lobby._waiting == {} and lobby._count == 0


async def test_one_caller_has_only_so_many(monkeypatch):
    monkeypatch.setattr("random.uniform", min)
    lobby = Lobby(seconds=4.0, most=100, most_per_caller=3)
    tasks = crowd(lobby, 5, "attacker")
    began_at = asyncio.get_running_loop().time()
    while sum(task.done() for task in tasks) < 2:
        await asyncio.sleep(0.01)
    assert asyncio.get_running_loop().time() - began_at < 3.5, "long before the longest silence"
    for task in tasks[2:]:
        assert not task.done()
        task.cancel()
    assert await outcome(tasks) == ["RequestStalledError"] * 2 + ["CancelledError"] * 3
    assert lobby._waiting == {} and lobby._count == 0


async def test_where_memory_is_short_newcomers_are_ended_at_once():
    is_pressed = False
    lobby = Lobby(seconds=5, most=100, most_per_caller=2, is_pressed=lambda: is_pressed)
    tasks = crowd(lobby, 4, "attacker")
    await asyncio.sleep(0.02)
    assert not any(task.done() for task in tasks), "else they would only come again"
    is_pressed = True
    with pytest.raises(RequestStalledError, match="too many"):
        await lobby.first(never(), "attacker", "offer")
    assert await lobby.first(one("x"), "honest", "offer") == "x"
    for task in tasks:
        task.cancel()
    await outcome(tasks)
    assert lobby._waiting == {} and lobby._count == 0

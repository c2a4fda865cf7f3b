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


async def test_the_longest_silent_of_the_largest_crowd_goes():
    lobby = Lobby(seconds=5, most=6, most_per_caller=4)
    attackers = crowd(lobby, 4, "attacker")
    honest = crowd(lobby, 2, "honest")
    await asyncio.sleep(0.02)
    late = crowd(lobby, 1, "honest")
    await asyncio.sleep(0.1)
    assert not any(task.done() for task in attackers), "not before its time"
    await asyncio.sleep(1.0)
    assert [task.done() for task in attackers] == [True, False, False, False]
    assert not any(task.done() for task in [*honest, *late])
    assert await lobby.first(one("x"), "honest", "offer") == "x"
    for task in [*attackers, *honest, *late]:
        task.cancel()
    await outcome([*attackers, *honest, *late])
    assert lobby._waiting == {} and lobby._count == 0


async def test_one_caller_has_only_so_many():
    lobby = Lobby(seconds=5, most=100, most_per_caller=3)
    tasks = crowd(lobby, 5, "attacker")
    await asyncio.sleep(1.1)
    assert [task.done() for task in tasks] == [True, True, False, False, False]
    for task in tasks:
        task.cancel()
    assert (await outcome(tasks))[:2] == ["RequestStalledError"] * 2

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


async def leave(lobby, tasks):
    for task in tasks:
        task.cancel()
    await outcome(tasks)
    assert not lobby._order and not lobby._crowds and lobby._timer is None


async def outcome(tasks):
    return [type(each).__name__ for each in await asyncio.gather(*tasks, return_exceptions=True)]


async def test_who_says_what_it_wants_is_let_in():
    lobby = Lobby()
    assert await lobby.first(one(5), "a", "offer") == 5
    assert await lobby.first(nothing(), "a", "offer") is None
    assert not lobby._order and not lobby._crowds and lobby._timer is None


async def test_silence_ends():
    with pytest.raises(RequestStalledError, match="no offer came in time"):
        await Lobby(seconds=0.02).first(never(), "a", "offer")


async def test_the_longest_silent_of_the_largest_crowd_makes_room():
    lobby = Lobby(seconds=4.0, most=6, most_per_caller=6, endings_per_second=None)
    attackers = crowd(lobby, 4, "attacker")
    honest = crowd(lobby, 2, "honest")
    await asyncio.sleep(0.02)
    assert not any(task.done() for task in [*attackers, *honest])
    late = crowd(lobby, 1, "honest")
    await asyncio.sleep(0.05)
    assert attackers[0].done() and not any(task.done() for task in [*attackers[1:], *honest, *late])
    assert await lobby.first(one("x"), "honest", "offer") == "x"
    await leave(lobby, [*attackers, *honest, *late])


async def test_a_crowd_is_ended_one_by_one():
    lobby = Lobby(seconds=0.05, endings_per_second=20.0)
    began_at = asyncio.get_running_loop().time()
    tasks = crowd(lobby, 8, "attacker")
    ended: dict[int, float] = {}
    while len(ended) < 4:
        await asyncio.sleep(0.005)
        now = asyncio.get_running_loop().time()
        ended |= {number: now for number, task in enumerate(tasks) if task.done() and number not in ended}
    count = len(ended)  # more than four where this process stood still for a moment
    assert sorted(ended) == list(range(count)), "the longest silent first"
    assert max(ended.values()) - began_at >= 0.05 + (count - 2) / 20, "two in a tenth of a second"
    assert await lobby.first(one("x"), "honest", "offer") == "x", "others are heard meanwhile"
    await leave(lobby, tasks)


async def test_turns_that_nobody_waits_for_are_forgotten():
    lobby = Lobby(seconds=0.02, endings_per_second=5.0)
    for _ in range(3):
        began_at = asyncio.get_running_loop().time()
        assert await outcome(crowd(lobby, 1, "slow")) == ["RequestStalledError"]
        assert asyncio.get_running_loop().time() - began_at < 0.15
        await asyncio.sleep(0.2)


async def test_turns_are_nobodys_who_left():
    lobby = Lobby(seconds=0.02, endings_per_second=5.0)
    for _ in range(3):
        tasks = crowd(lobby, 50, "attacker")
        await asyncio.sleep(0.05)
        await leave(lobby, tasks)
    began_at = asyncio.get_running_loop().time()
    assert await outcome(crowd(lobby, 1, "slow")) == ["RequestStalledError"]
    assert asyncio.get_running_loop().time() - began_at < 0.5


@pytest.mark.parametrize("seconds", [0.05, 20.0])
async def test_a_crowd_goes_where_memory_becomes_short(seconds):
    """At once, whether they have been silent for too long or not; and nobody beyond those who are too many."""
    is_pressed = False
    lobby = Lobby(
        seconds=seconds, most=100, most_per_caller=20, endings_per_second=2.0, is_pressed=lambda: is_pressed
    )
    tasks = crowd(lobby, 400, "attacker")
    await asyncio.sleep(0.1)
    others = [task for number in range(50) for task in crowd(lobby, 1, f"honest {number}")]
    await asyncio.sleep(0)
    assert sum(task.done() for task in tasks) <= 1
    is_pressed = True
    await asyncio.sleep(1.9)
    assert sum(not task.done() for task in tasks) == 20 or seconds < 1
    assert seconds < 1 or not any(task.done() for task in others), "the largest crowd goes"
    assert seconds > 1 or all(task.done() for task in [*tasks, *others]), "all are overdue"
    await leave(lobby, [*tasks, *others])


async def test_a_full_lobby_lets_in_whoever_has_less_than_its_share(monkeypatch):
    monkeypatch.setattr("service_runtime.lobby._MOST_AT_ALL", 10)
    lobby = Lobby()
    tasks = crowd(lobby, 9, "attacker") + crowd(lobby, 1, "another")
    await asyncio.sleep(0.01)
    with pytest.raises(RequestStalledError, match="too many"):
        await lobby.first(never(), "attacker", "offer")
    assert await lobby.first(one("x"), "honest", "offer") == "x"
    await asyncio.sleep(0.01)
    assert [task.done() for task in tasks] == [True] + [False] * 9
    await leave(lobby, tasks)


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
    assert not lobby._order and not lobby._crowds and lobby._timer is None

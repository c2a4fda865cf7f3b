"""Who gets a new worker, by the order of events."""

import asyncio

import pytest

from extractor_service.workers.births import Births
from extractor_service.workers.forks import WorkerStartError


class Ward:
    """Births that end when the test says so; workers are numbers."""

    def __init__(self):
        self.under_way = []
        self.kept = []
        self.births = Births(self._bear, self.kept.append)

    def _bear(self):
        future = asyncio.get_running_loop().create_future()
        self.under_way.append(future)
        return future

    async def callers(self, count):
        tasks = [asyncio.create_task(self.births.next()) for _ in range(count)]
        await turn()
        return tasks


async def turn():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_each_gets_one_in_the_order_of_asking():
    ward = Ward()
    tasks = await ward.callers(3)
    assert len(ward.under_way) == 3
    for number in (2, 0, 1):
        ward.under_way[number].set_result(number)
        await turn()
    assert [await each for each in tasks] == [2, 0, 1] and ward.kept == []


async def test_what_was_begun_for_one_who_left_is_the_next_ones():
    ward = Ward()
    for _ in range(50):
        (task,) = await ward.callers(1)
        task.cancel()
        await turn()
    (task,) = await ward.callers(1)
    assert len(ward.under_way) == 1
    ward.under_way[0].set_result("worker")
    assert await task == "worker" and ward.kept == []


@pytest.mark.parametrize("turns_first", [False, True])
async def test_what_nobody_wants_any_more_is_kept(turns_first):
    ward = Ward()
    (task,) = await ward.callers(1)
    if turns_first:
        task.cancel()
        await turn()
        ward.under_way[0].set_result("worker")
    else:  # it is handed over in the moment in which the caller leaves
        ward.under_way[0].set_result("worker")
        while ward.births._waiting:
            await asyncio.sleep(0)
        task.cancel()
    await turn()
    assert task.cancelled() and ward.kept == ["worker"]


async def test_a_failure_is_one_callers_and_none_where_others_come():
    ward = Ward()
    first, second = await ward.callers(2)
    ward.under_way[0].set_exception(WorkerStartError("no room"))
    with pytest.raises(WorkerStartError):
        await first
    second.cancel()
    (third,) = await ward.callers(1)
    (fourth,) = await ward.callers(1)
    assert len(ward.under_way) == 3
    fourth.cancel()
    await turn()
    ward.under_way[1].set_exception(WorkerStartError("no room"))
    await turn()
    assert not third.done()
    ward.under_way[2].set_result("worker")
    assert await third == "worker"


async def test_closing_ends_all_who_wait():
    ward = Ward()
    tasks = await ward.callers(2)
    ward.births.close()
    await turn()
    assert all(each.cancelled() for each in (*tasks, *ward.under_way))

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from extractor_service.backoff.queue import FairQueue, Ticket, Waiter
from service_runtime.backoff_table import WorkClass

INTERACTIVE, BATCH, BACKGROUND = WorkClass


def add(queue, work=INTERACTIVE, caller="t"):
    waiter = Waiter(Ticket(work, caller=caller), SimpleNamespace())
    queue.push(waiter)
    return waiter


def drain(queue, count=10**6, may_start=lambda ticket: True):
    taken = []
    while len(taken) < count and (waiter := queue.pop(may_start)) is not None:
        taken.append(waiter.ticket)
    return taken


def test_the_urgent_goes_first_and_nobody_starves():
    queue = FairQueue()
    for work in (BACKGROUND, BATCH, INTERACTIVE):
        for _ in range(100):
            add(queue, work)
    first = Counter(ticket.work for ticket in drain(queue, 84))
    assert first == {INTERACTIVE: 64, BATCH: 16, BACKGROUND: 4}
    assert len(drain(queue)) == 216


def test_time_spent_away_gives_no_claim():
    queue = FairQueue()
    for _ in range(100):
        add(queue)
    drain(queue, 90)
    for _ in range(20):
        add(queue, BATCH)
    assert Counter(ticket.work for ticket in drain(queue, 10))[BATCH] <= 3


def test_callers_take_turns():
    queue = FairQueue()
    for _ in range(100):
        add(queue, caller="greedy")
    for _ in range(3):
        add(queue, caller="modest")
    assert [ticket.caller for ticket in drain(queue, 6)].count("modest") == 3


def test_a_class_that_may_not_start_holds_up_no_other():
    queue = FairQueue()
    add(queue, INTERACTIVE)
    add(queue, BATCH)
    assert [ticket.work for ticket in drain(queue, may_start=lambda ticket: ticket.work is BATCH)] == [BATCH]
    assert len(queue) == 1


def test_who_is_shed_for_whom():
    queue = FairQueue()
    add(queue, INTERACTIVE, "greedy")
    newest = [add(queue, INTERACTIVE, "greedy") for _ in range(3)][-1]
    assert queue.shed_for(Ticket(BATCH, caller="other")) is None, "less urgent work displaces nobody"
    assert queue.shed_for(Ticket(INTERACTIVE, caller="greedy")) is None
    assert queue.shed_for(Ticket(INTERACTIVE, caller="modest")) is newest
    background = add(queue, BACKGROUND, "modest")
    assert queue.shed_for(Ticket(INTERACTIVE, caller="greedy")) is background


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["push", "pop", "remove", "shed"]),
            st.sampled_from(list(WorkClass)),
            st.sampled_from("abc"),
        ),
        max_size=200,
    )
)
def test_every_waiter_leaves_once(actions):
    queue, waiting = FairQueue(), []
    for action, work, caller in actions:
        if action == "push":
            waiting.append(add(queue, work, caller))
        elif action == "pop":
            taken = queue.pop(lambda ticket: True)
            assert (taken is None) == (not waiting)
            waiting = [each for each in waiting if each is not taken]
        elif action == "shed":
            taken = queue.shed_for(Ticket(work, caller=caller))
            assert taken is None or taken in waiting
            waiting = [each for each in waiting if each is not taken]
        elif waiting:
            assert queue.remove(waiting[0]) and not queue.remove(waiting[0])
            waiting.pop(0)
        assert len(queue) == len(waiting) == sum(queue.count(each) for each in WorkClass)


def test_a_class_that_was_away_while_the_queue_was_empty_has_no_claim_either():
    queue = FairQueue()
    for _ in range(1000):
        add(queue)
        drain(queue)
    for _ in range(60):
        add(queue, BATCH)
    add(queue)
    assert INTERACTIVE in [ticket.work for ticket in drain(queue, 3)]


def test_who_uses_least_goes_first_and_the_heaviest_is_shed():
    loads = {"heavy": 9.0, "middle": 1.0, "light": 0.1}
    queue = FairQueue(lambda caller: loads[caller])
    heavy = add(queue, caller="heavy")
    add(queue, caller="middle")
    light = add(queue, caller="light")
    assert queue.waiting_of("heavy") == 1 and queue.waiting_of("nobody") == 0
    assert queue.shed_for(Ticket(INTERACTIVE, caller="heavy")) is None
    assert queue.shed_for(Ticket(INTERACTIVE, caller="light")) is heavy
    assert queue.pop(lambda ticket: True) is light
    assert [ticket.caller for ticket in drain(queue)] == ["middle"]


def test_who_has_a_place_of_its_own_may_overtake():
    queue = FairQueue(lambda caller: {"least": 0.0, "light": 1.0, "heavy": 9.0}[caller])
    for caller in ("least", "light", "heavy"):
        add(queue, caller=caller)
    blocked = lambda ticket: ticket.caller != "least"
    assert queue.pop(blocked) is None
    assert queue.pop(blocked, lambda ticket: ticket.caller == "light").ticket.caller == "light"
    assert queue.pop(blocked, lambda ticket: ticket.caller == "light") is None

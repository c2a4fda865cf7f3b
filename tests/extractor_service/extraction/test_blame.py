import pytest

from extractor_service.document import Outcome
from extractor_service.extraction.blame import Witness, deserves_retry, is_guilty, was_starved
from extractor_service.workers.protocol import JobResult, Loss, ModuleResult


def lost(loss, **more):
    return JobResult(failure=Outcome.CRASHED.value, loss=loss, **more)


@pytest.mark.parametrize(
    ("result", "again"),
    [
        (lost(Loss.OUTSIDE), True),
        (lost(Loss.OUTSIDE, was_fresh=True), True),
        (lost(Loss.CRASH), True),
        (lost(Loss.CRASH, was_fresh=True), False),
        (lost(Loss.SPENT), False),
        (JobResult(), False),
    ],
)
def test_who_may_be_innocent_is_tried_again(result, again):
    assert deserves_retry(result) is again


def test_a_kill_proves_guilt_only_alone_on_a_quiet_machine():
    assert is_guilty(lost(Loss.OUTSIDE, was_alone=True), was_quiet=True)
    assert not is_guilty(lost(Loss.OUTSIDE, was_alone=True), was_quiet=False)
    assert not is_guilty(lost(Loss.OUTSIDE), was_quiet=True)
    assert is_guilty(lost(Loss.CRASH), was_quiet=False) and is_guilty(lost(Loss.SPENT), was_quiet=False)


class Machine:
    def __init__(self):
        self.kills, self.pressed = 0, False
        self.witness = Witness(lambda: self.kills, lambda: self.pressed)


def test_the_kernels_kills_excuse():
    machine = Machine()
    before = machine.witness.look()
    assert machine.witness.was_quiet(100, before, "a")
    machine.kills += 1
    assert not machine.witness.was_quiet(100, before, "a")


def test_pressure_excuses():
    machine = Machine()
    before = machine.witness.look()
    machine.pressed = True
    assert not machine.witness.was_quiet(100, before, "a")
    during = machine.witness.look()
    machine.pressed = False
    assert not machine.witness.was_quiet(100, during, "a")


def test_a_storm_excuses_and_ones_own_losses_dont():
    machine = Machine()
    before = machine.witness.look()
    machine.witness.record(95, lost(Loss.OUTSIDE), "a")
    assert machine.witness.was_quiet(100, before, "a")
    assert not machine.witness.was_quiet(100, before, "b")
    assert machine.witness.was_quiet(106, before, "b"), "it has passed"
    machine.witness.record(106, lost(Loss.CRASH), "c")
    assert machine.witness.was_quiet(107, before, "b"), "a crash is nobody else's doing"


def test_hardly_let_run_is_no_fault():
    def slow(cpu_seconds, **more):
        report = ModuleResult("metadata", Outcome.TIMEOUT.value, b"", is_complete=False)
        return JobResult(modules=[report], cpu_seconds=cpu_seconds, **more)

    assert was_starved(slow(0.1), 1.0) and not was_starved(slow(0.9), 1.0)
    assert not was_starved(slow(0.1, pulls=3), 1.0), "it waited for the client"
    assert not was_starved(JobResult(cpu_seconds=0.0), 1.0)
    assert not was_starved(slow(None), 1.0)


def test_who_is_always_there_is_suspicious():
    machine = Machine()
    for number in range(9):
        assert not machine.witness.is_suspicious("a")
        machine.witness.record(number, lost(Loss.OUTSIDE), "a")
        machine.witness.record(number, lost(Loss.OUTSIDE), f"other {number}")
    assert machine.witness.is_suspicious("a") and not machine.witness.is_suspicious("other 3")
    machine.witness.clear("a")
    assert not machine.witness.is_suspicious("a")

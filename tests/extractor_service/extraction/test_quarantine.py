import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor_service.document import Outcome
from extractor_service.extraction import quarantine
from extractor_service.extraction.quarantine import Strikes
from extractor_service.workers.protocol import JobResult, ModuleResult

NOW = 1_700_000_000.0


def record(count=1, outcome=Outcome.CRASHED, seconds=30.0):
    return Strikes(count, outcome.value, "the worker ended by signal 11", NOW, seconds)


def test_a_failure_is_not_tried_again_for_a_moment():
    assert record().forbids(NOW + 14, 30, is_refresh=False)
    assert not record().forbids(NOW + 16, 30, is_refresh=False)
    assert not record().forbids(NOW + 1, 30, is_refresh=True), "somebody insists"
    assert record(outcome=Outcome.OUT_OF_MEMORY).forbids(NOW + 59, 30, is_refresh=False)


def test_who_gives_much_more_time_may_try():
    timeout = record(outcome=Outcome.TIMEOUT, seconds=2)
    assert timeout.forbids(NOW + 1, 2, is_refresh=False)
    assert not timeout.forbids(NOW + 1, 30, is_refresh=False)
    assert record().forbids(NOW + 1, 300, is_refresh=False), "more time doesn't heal a crash"
    assert not record(3, Outcome.TIMEOUT, 0.1).forbids(NOW + 1, 30, is_refresh=False), (
        "nobody's haste quarantines a file"
    )


def test_the_third_time_is_quarantine():
    assert not record(2).is_quarantined
    third = record(3)
    assert third.forbids(NOW + 86_400, 30, is_refresh=False) and third.forbids(
        NOW + 86_400, 30, is_refresh=True
    )
    assert "quarantined after 3" in third.explanation() and "signal 11" in third.explanation()


def test_strikes_add_up_and_success_clears_them():
    lost = JobResult(failure=Outcome.CRASHED.value, failure_message="gone")
    first = quarantine.after(None, lost, NOW, 30)
    second = quarantine.after(first, lost, NOW + 60, 30)
    assert (first.strike_count, second.strike_count, second.struck_at) == (1, 2, NOW + 60)
    assert Strikes.decode(second.encode()) == second
    cleared = quarantine.after(second, JobResult(), NOW + 90, 30)
    assert cleared.strike_count == 0 and not cleared.forbids(NOW + 91, 30, is_refresh=False)
    assert (
        quarantine.after(None, JobResult(), NOW, 30) is None
        and quarantine.after(cleared, JobResult(), NOW, 30) is None
    )


def test_the_machine_is_no_fault_of_the_file():
    assert quarantine.after(None, JobResult(failure=Outcome.CRASHED.value, is_excused=True), NOW, 30) is None


def test_running_out_of_time_is_no_strike_but_not_repeated_at_once():
    slow = JobResult(modules=[ModuleResult("metadata", Outcome.TIMEOUT.value, b"", is_complete=False)])
    kept = quarantine.after(record(1), slow, NOW, 2)
    assert kept.strike_count == 1 and kept.outcome == Outcome.TIMEOUT.value
    assert kept.forbids(NOW + 30, 2, is_refresh=False) and not kept.forbids(NOW + 30, 10, is_refresh=False)
    assert "ran out of time" in kept.explanation()


@pytest.mark.parametrize(
    "text",
    [b"", b"{}", b"[]", b"[1,2]", b'[1,99,"m",0,0]', b'["x",7,"m",0,0]', b"\xff\xfe", b"[1,7,null,null,0]"],
)
def test_nonsense_is_no_record(text):
    assert Strikes.decode(text) is None


@given(st.binary(max_size=60))
def test_whatever_the_cache_says_is_survived(text):
    found = Strikes.decode(text)
    assert found is None or isinstance(found, Strikes)


def test_an_admins_refresh_lifts_it():
    third = record(3)
    assert not third.forbids(NOW + 1, 30, is_refresh=True, is_admin=True)
    assert third.forbids(NOW + 1, 30, is_refresh=False, is_admin=True)
    assert third.forbids(NOW + 1, 30, is_refresh=True, is_admin=False)


def test_a_starved_reader_leaves_no_record():
    slow = JobResult(modules=[ModuleResult("metadata", Outcome.TIMEOUT.value, b"")], is_excused=True)
    assert quarantine.after(None, slow, NOW, 2) is None
    assert quarantine.after(record(2), slow, NOW, 2) is None, "nor clears one"

from service_runtime.pace import Pace


def test_a_trickle_is_too_slow_after_the_grace():
    pace = Pace(256)
    for _ in range(5):
        pace.waited(2.0)
        pace.received(1)
    assert not pace.is_too_slow, "ten seconds are free"
    pace.waited(2.0)
    assert pace.is_too_slow


def test_a_slow_link_is_not():
    pace = Pace(256)
    for _ in range(600):
        pace.waited(1.0)
        pace.received(300)
    assert not pace.is_too_slow


def test_our_own_time_and_no_limit_harm_nobody():
    pace = Pace(256)
    pace.received(1)
    assert not pace.is_too_slow, "nothing was waited for"
    free = Pace(0)
    free.waited(1e6)
    assert not free.is_too_slow


def test_there_is_an_end_in_all():
    pace = Pace(1, 100.0)
    pace.received(10**9)
    pace.waited(99.0)
    assert not pace.is_too_slow
    pace.waited(2.0)
    assert pace.is_too_slow

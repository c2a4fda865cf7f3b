from hypothesis import given
from hypothesis import strategies as st

from extractor_service.backoff.shares import CpuShares, PlaceShares
from service_runtime.identity.caller import EXEMPT


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def test_who_uses_less_than_half_of_its_part_is_light():
    clock = Clock()
    shares = CpuShares(clock)
    for caller, seconds in {"a": 6.0, "b": 6.0, "c": 6.0, "honest": 0.3}.items():
        shares.charge(caller, seconds)
    assert shares.is_light("honest") and shares.is_light("newcomer") and shares.is_light(EXEMPT)
    assert not any(shares.is_light(caller) for caller in "abc")
    assert [use.caller for use in shares.heaviest(2)] == ["a", "b"]
    assert abs(shares.heaviest(4)[3].share_ratio - 0.3 / 18.3) < 1e-3


def test_what_runs_counts_before_it_is_done():
    clock = Clock()
    shares = CpuShares(clock)
    shares.see("honest")
    entered_at = shares.enter("attacker")
    assert not shares.is_light("attacker")
    clock.now += 5
    assert shares.load("attacker") == 5 and shares.is_light("honest")
    shares.leave("attacker", entered_at)
    shares.charge("attacker", 5.0)
    assert shares.load("attacker") == 5


def test_alone_nobody_is_light_for_nobody_is_kept_waiting():
    shares = CpuShares(Clock())
    shares.charge("a", 1.0)
    assert not shares.is_light("a") and not shares.is_contended
    shares.see("b")
    assert shares.is_contended


def test_the_past_fades():
    clock = Clock()
    shares = CpuShares(clock)
    shares.charge("a", 8.0)
    clock.now += 10
    assert shares.load("a") == 4
    clock.now += 31
    shares.charge("b", 1.0)
    assert [use.caller for use in shares.heaviest(9)] == ["b"], "and who is unseen for long is forgotten"


def test_callers_are_bounded():
    shares = CpuShares(Clock())
    for number in range(12_000):
        shares.charge(f"c{number}", 0.001)
    assert len(shares.heaviest(20_000)) <= 10_000


def test_the_exempt_use_nobodys_share():
    shares = CpuShares(Clock())
    entered_at = shares.enter(EXEMPT)
    shares.charge(EXEMPT, 100.0)
    shares.leave(EXEMPT, entered_at)
    assert shares.load(EXEMPT) == 0 and shares.heaviest(5) == []


def test_places_are_shared_by_number():
    places = PlaceShares()
    for _ in range(64):
        places.enter("trickler")
    assert places.is_light("honest") and not places.is_light("trickler")
    places.enter("honest")
    assert places.is_light("honest") and places.load("honest") == 1
    places.leave("honest")
    assert "honest" not in places.held


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["enter", "leave", "charge", "wait"])), max_size=80
    )
)
def test_loads_are_never_negative(steps):
    clock = Clock()
    shares, places = CpuShares(clock), PlaceShares()
    running: dict[str, list[float]] = {each: [] for each in "abc"}
    for caller, step in steps:
        if step == "enter":
            running[caller].append(shares.enter(caller))
            places.enter(caller)
        elif step == "leave" and running[caller]:
            shares.leave(caller, running[caller].pop())
            places.leave(caller)
        elif step == "charge":
            shares.charge(caller, 0.5)
        else:
            clock.now += 1.5
        assert shares.load(caller) >= 0
        assert {use.caller: use.in_flight for use in shares.heaviest(9)}.get(caller, 0) == len(
            running[caller]
        )
        assert places.held.get(caller, 0) == len(running[caller])


def test_short_files_of_others_don_t_hide_a_long_one():
    clock = Clock()
    shares = CpuShares(clock)
    for _ in range(4):
        shares.enter("heavy")
    for _ in range(20):
        clock.now += 0.5
        entered_at = shares.enter("light")
        clock.now += 0.01
        shares.leave("light", entered_at)
        shares.charge("light", 0.01)
    assert shares.load("heavy") > 40 and shares.is_light("light") and not shares.is_light("heavy")


def test_long_jobs_don_t_keep_the_long_gone():
    clock = Clock()
    shares = CpuShares(clock)
    shares.enter("busy")
    for number in range(50):
        shares.charge(f"c{number}", 0.01)
    clock.now += 31
    assert [use.caller for use in shares.heaviest(99)] == ["busy"]

from __future__ import annotations

from extractor_service.backoff.policies.registry import POLICIES
from extractor_service.backoff.state import BackoffState, Limits
from extractor_service.serving.wire_backoff import backoff_to_wire
from metaextract.cache.v1 import pressure_pb2
from service_runtime.backoff_table import BackoffTable, WorkClass, default_table
from service_runtime.memory.levels import PressureLevel

NORMAL, ELEVATED, HIGH, CRITICAL = PressureLevel


def make_state(policy="proportional", **options):
    return BackoffState(
        POLICIES[policy](),
        Limits(8, 4, 1.0, 16, 1000),
        default_table(),
        clock=lambda: state_now[0],
        **options,
    )


state_now = [0.0]


def terms(state):
    return {term.name: (term.limit, term.binding) for term in backoff_to_wire(state, state_now[0]).terms}


def test_the_terms_name_what_binds():
    state_now[0] = 0.0
    state = make_state()
    assert terms(state) == {"configured": (8, True), "cache_pressure": (8, False), "local_memory": (8, False)}
    state.view.hear(0, ELEVATED, 6)
    assert terms(state)["cache_pressure"] == (6, True)
    state.view.local_level = CRITICAL
    assert terms(state)["local_memory"] == (1, True)
    state.view.local_level = NORMAL
    assert terms(state)["ramp"] == (1, True), "the way back is slow"
    state.view.hear(30, NORMAL, 6)
    state_now[0] = 30.0
    terms(state)
    state_now[0] = 36.0
    assert "ramp" not in terms(state) and terms(state)["configured"] == (8, True)


def test_classes_uploads_and_bytes_shrink_with_the_level():
    state_now[0] = 0.0
    state = make_state()
    state.view.hear(0, HIGH, 6)
    wire = backoff_to_wire(state, 0.0)
    limits = {row.work_class: row.limit for row in wire.classes}
    assert limits == {WorkClass.INTERACTIVE: 4, WorkClass.BATCH: 2, WorkClass.BACKGROUND: 0}
    assert wire.uploads_limit == 8 and wire.reservable_bytes == 500 and wire.chunk_bytes == 256 * 1024
    state.view.hear(0, CRITICAL, 6)
    wire = backoff_to_wire(state, 0.0)
    assert wire.uploads_limit == 1 and wire.concurrency_limit == 1 and wire.refuse_above_bytes == 2**20
    assert wire.level == pressure_pb2.PRESSURE_LEVEL_CRITICAL


def test_the_cache_s_table_counts_unless_there_is_an_own_one():
    rows = dict(default_table().rows)
    key = (WorkClass.INTERACTIVE, ELEVATED)
    rows[key] = rows[key].__class__(0.6, 2**20, None, 1.0)
    for follows, expected in ((True, 4), (False, 6)):
        state_now[0] = 0.0
        state = make_state(follows_cache_table=follows)
        state.view.hear(0, ELEVATED, 6)
        state.hear_table(BackoffTable(rows))
        assert state.decide().concurrency == expected


def test_none_ignores_everything():
    state_now[0] = 0.0
    state = make_state("none")
    state.view.hear(0, CRITICAL, 6)
    assert state.decide().concurrency == 8 and not state.decide().sheds
    assert state.decide_uploads().concurrency > 1000
    assert not backoff_to_wire(state, 0.0).HasField("refuse_above_bytes")

"""Span sets against a set of bytes, and what a distant source asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor_service.document import Document
from extractor_service.formats.containers.fits import file as fits
from extractor_service.formats.reading.strides import Stride
from extractor_service.sources.base import PullLimitError, SourceError
from extractor_service.sources.blocks import BLOCK_BYTES, BlockCachedSource
from extractor_service.sources.descriptor import BytesSource
from extractor_service.sources.pulled import ParkedError, PulledSource, ReadAhead
from extractor_service.sources.spans import Span, SpanSet, aligned
from tests.golden import science

spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=20)


@given(spans, st.integers(0, 80), st.integers(0, 30))
def test_a_span_set_is_the_set_of_its_bytes(added, offset, length):
    model, ours = set(), SpanSet()
    for start, count in added:
        model.update(range(start, start + count))
        ours.add(start, count)
    listed = list(ours)
    assert {byte for span in listed for byte in range(span.offset, span.end)} == model
    assert all(a.end < b.offset for a, b in zip(listed, listed[1:])), "joined, and in order"
    assert ours.total_bytes == len(model)
    missing = ours.missing(offset, length)
    assert {byte for span in missing for byte in range(span.offset, span.end)} == set(
        range(offset, offset + length)
    ) - model


@given(spans)
def test_aligned_spans_cover(added):
    found = aligned([Span(*each) for each in added if each[1]], 16, 70)
    covered = {byte for span in found for byte in range(span.offset, span.end)}
    assert covered >= {byte for start, count in added for byte in range(start, min(70, start + count))}
    assert all(span.offset % 16 == 0 and (span.end % 16 == 0 or span.end == 70) for span in found)


class Far:
    """A file whose ranges come, or don't."""

    def __init__(self, data, present=(), answers=lambda _: True, **limits):
        self.asked = []
        self.answers = answers
        self.source = PulledSource(
            BytesSource(data), SpanSet(present), self.ask, **{"max_pulls": 10, **limits}
        )

    def ask(self, wanted):
        self.asked.append(list(wanted))
        return self.answers(len(self.asked))


DATA = bytes(range(256)) * 4096  # 1 MiB


def test_a_miss_asks_for_whole_blocks_and_for_what_was_announced():
    far = Far(DATA)
    far.source.prefetch([(500_000, 10), (900_000, 10), (-1, 5), (10**9, 5)])
    assert far.source.read_range(100, 10) == DATA[100:110]
    assert far.asked == [[(0, BLOCK_BYTES), (491_520, BLOCK_BYTES), (884_736, BLOCK_BYTES)]]
    assert far.source.read_range(500_000, 10) == DATA[500_000:500_010] and far.source.pulls == 1


def test_what_is_at_hand_isn_t_asked_for():
    far = Far(DATA, [(0, 20_000)])
    far.source.read_range(0, 20_000)
    assert far.asked == []
    far.source.read_range(19_990, 20)
    assert far.asked == [[(20_000, 32_768 - 20_000)]]


def test_no_answer_parks_and_stays_parked():
    far = Far(DATA, answers=lambda _: False)
    for _ in range(3):
        with pytest.raises(ParkedError):
            far.source.read_range(0, 1)
    assert len(far.asked) == 1 and far.source.is_parked


def test_there_is_a_limit_and_a_failure_is_told():
    far = Far(DATA, max_pulls=2)
    far.source.read_range(0, 1)
    far.source.read_range(500_000, 1)
    with pytest.raises(PullLimitError):
        far.source.read_range(900_000, 1)

    def fail(_):
        raise SourceError("gone")

    with pytest.raises(SourceError, match="gone"):
        Far(DATA, answers=fail).source.read_range(0, 1)


def test_read_ahead_grows_while_reads_go_on_and_stops_when_they_jump():
    ahead = ReadAhead(4 * BLOCK_BYTES)
    lengths = [ahead.extend(Span(0, BLOCK_BYTES)).length]
    position = BLOCK_BYTES
    for _ in range(4):
        span = ahead.extend(Span(position, BLOCK_BYTES))
        lengths.append(span.length)
        position = span.end
    assert [length // BLOCK_BYTES for length in lengths] == [1, 2, 3, 5, 5]
    assert ahead.extend(Span(10**7, BLOCK_BYTES)).length == BLOCK_BYTES
    assert ReadAhead(0).extend(Span(0, 5)).length == 5


def test_strides_are_foretold():
    stride = Stride()
    assert stride.following(100) == []
    assert stride.following(300) == [500]
    assert stride.following(500) == [700, 900, 1100, 1300]
    assert len(stride.following(700)) == 8
    assert stride.following(1000) == [1300] and stride.following(10) == []


def test_a_parse_that_is_run_again_finds_the_same():
    data = science.fits()
    whole = Document()
    fits.parse(BytesSource(data), whole)
    present, runs = SpanSet(), 0
    while True:  # as the front does: nothing is answered in time, the blocks come later
        runs += 1
        far = Far(data, list(present), answers=lambda _: False)
        document = Document()
        try:
            fits.parse(BlockCachedSource(far.source), document)
            break
        except ParkedError:
            for span in far.asked[-1]:
                present.add(*span)
    assert runs > 1 and document.sections == whole.sections

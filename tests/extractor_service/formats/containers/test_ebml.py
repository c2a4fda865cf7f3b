"""Elements of small parents are read at once, and are the same as those that are read one by one."""

from hypothesis import given
from hypothesis import strategies as st

from extractor_service.formats.containers.film import ebml
from extractor_service.formats.reading.reader import Reader, TruncatedError
from extractor_service.sources.descriptor import BytesSource

_HEADS = st.one_of(
    st.binary(max_size=14),
    st.builds(
        lambda name, size: bytes((name, size)) + bytes(size & 31),
        st.integers(0x80, 0xFE),
        st.integers(0x80, 0x9F),
    ),
    st.builds(
        lambda name, size: name.to_bytes(2) + bytes((size,)) + bytes(size & 31),
        st.integers(0x4000, 0x7FFF),
        st.integers(0x80, 0x9F),
    ),
)


def one_by_one(reader, start, end):
    at = start
    while at + 2 <= end:
        found = ebml.element(reader, at, end)
        if found.offset + found.length > end:
            yield found._replace(length=max(0, end - found.offset))
            raise TruncatedError(at, found.length, end)
        yield found
        at = found.offset + found.length


def told(elements):
    """The elements, and whether the last one was cut."""
    found = []
    try:
        for each in elements:
            found.append(each)  # noqa: PERF402 - what came before the end counts
    except TruncatedError:
        return found, True
    return found, False


@given(st.lists(_HEADS, max_size=12).map(b"".join), st.integers(0, 3), st.integers(0, 20))
def test_a_small_parent_has_the_elements_that_it_has_one_by_one(data, start, missing):
    reader = Reader(BytesSource(data))
    end = len(data) + missing
    assert told(ebml.walk(reader, start, end)) == told(one_by_one(reader, start, end))

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor_service.formats.embedded import jumbf
from extractor_service.formats.embedded.jumbf import JumbfError
from extractor_service.formats.reading import cbor
from extractor_service.formats.reading.cbor import CborError, Tagged
from tests.golden import jumbf as golden_jumbf
from tests.tools import credentials

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**32), 2**32 - 1) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(0, 9), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_is_read(value):
    assert cbor.decode(golden_jumbf.cbor(value)) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_an_error(data):
    for read, error in ((cbor.decode, CborError), (jumbf.parse, JumbfError)):
        try:
            read(data)
        except error:
            continue


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("fb3ff199999999999a", 1.1), ("f93c00", 1.0), ("fa47c35000", 100000.0), ("3903e7", -1000), ("c074323031332d30332d32315432303a30343a30305a", "2013-03-21T20:04:00Z"),
        ("5f42010243030405ff", b"\x01\x02\x03\x04\x05"), ("7f657374726561646d696e67ff", "streaming"), ("9f018202039f0405ffff", [1, [2, 3], [4, 5]]), ("bf61610161629f0203ffff", {"a": 1, "b": [2, 3]}),
    ],
)  # fmt: skip
def test_examples_of_the_standard(data, value):  # RFC 8949, appendix A
    assert cbor.decode(bytes.fromhex(data)) == value


def test_tags_are_kept_but_for_texts():
    assert cbor.decode(bytes.fromhex("c11a514b67b0")) == Tagged(1, 1363896240)


@pytest.mark.parametrize(
    "data",
    [
        b"\x81" * 40 + b"\x00",
        b"\x9a\xff\xff\xff\xff",
        b"\x5b" + b"\xff" * 8,
        b"\xff",
        b"\x1c",
        b"",
        b"\xa1\xf5\x00",
    ],
)
def test_too_deep_too_many_and_nonsense_are_errors(data):
    with pytest.raises(CborError):
        cbor.decode(data)


def test_boxes_in_boxes_are_bounded():
    data = credentials.superbox("c2pa", "x")
    for _ in range(20):
        data = credentials.superbox("c2pa", "x", data)
    with pytest.raises(JumbfError, match="deeper"):
        jumbf.parse(data)
    many = credentials.superbox("c2pa", "x", golden_jumbf.box(b"free", b"") * (jumbf.MAX_BOXES + 1))
    with pytest.raises(JumbfError, match="more than"):
        jumbf.parse(many)

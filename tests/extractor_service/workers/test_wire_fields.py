"""Bytes written directly are those that protobuf's own encoder writes, whatever a reader came up with."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from extractor_service.document import ByteRange, Document, Field, Problem, ProblemKind, Rational, Struct
from extractor_service.formats.reading.charsets import LegacyText
from extractor_service.modules.base import Part
from extractor_service.workers.encode import encode_part
from extractor_service.workers.wire_fields import clean, encode_sections, unsigned
from metaextract.document.v1 import document_pb2 as pb

_INT64_MAX, _INT64_MIN, _UINT64_MAX = 2**63 - 1, -(2**63), 2**64 - 1
texts = st.text(max_size=40) | st.text(alphabet=st.characters(categories=["Cs", "Ll"]), max_size=4)
integers = st.integers(-(2**70), 2**70) | st.integers(-300, 300) | st.sampled_from([0, 127, 128, 2**14 - 1, 2**14, 2**63 - 1, 2**63, 2**64 - 1])  # fmt: skip
fractions = st.builds(Rational, st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1) | st.just(0))  # fmt: skip


class Derived(int):
    """A library's own kind of number."""


class DerivedReal(float):
    """As above."""


plain = st.one_of(
    st.none(), texts, integers, st.floats(), st.booleans(), st.binary(max_size=200), fractions,
    integers.map(Derived), st.floats().map(DerivedReal), st.just(LegacyText(b"\xe9", "latin-1")),
)  # fmt: skip
values = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(st.tuples(texts, inner), max_size=4).map(lambda entries: Struct(tuple(entries)))
    ),
    max_leaves=12,
)
origins = st.none() | st.builds(
    ByteRange, st.integers(-5, 2**70), st.integers(-5, 300) | st.integers(0, 2**66)
)
fields = st.builds(Field, texts, values, texts, texts.map(clean), values, texts, texts, origins)
sections = st.dictionaries(texts.map(clean), st.lists(fields, max_size=6), max_size=3)


@given(sections)
@example(
    {
        "exif": [
            Field("Orientation", 1, "1", origin=ByteRange(0, 0)),
            Field("", "", "x"),
            Field("A", "same", "same"),
        ]
    }
)
@example(
    {
        "exif": [
            Field("ISO", 100, "100"),
            Field("Real", 0.5, "0.5"),
            Field("List", []),
            Field("Map", Struct(())),
        ]
    }
)
@example({"": [], "empty": []})
def test_sections_are_written_as_protobuf_writes_them(made):
    assert encode_sections(made) == reference(made).SerializeToString(deterministic=True)


def test_long_texts_and_many_words():
    made = {"a": [Field(f"N{number}", "x" * number, group=f"g{number}") for number in range(5000)]}
    assert encode_sections(made) == reference(made).SerializeToString()
    assert encode_sections(made) == reference(made).SerializeToString(), "and once more, as remembered"


@pytest.mark.parametrize("value", [Rational(2**63, 1), Rational(1, -(2**63) - 1)])
def test_a_fraction_beyond_64_bits_cant_be_written(value):
    with pytest.raises(ValueError, match="fraction"):
        encode_sections({"exif": [Field("A", [value])]})
    with pytest.raises(ValueError):
        reference({"exif": [Field("A", [value])]})


def test_problems_follow_what_was_found():
    document = Document()
    document.add("exif", Field("Make", "Canon", group="IFD0"))
    document.add("composite", Field("Megapixels", 12.5))
    problem = Problem("exif", ProblemKind.DAMAGED, "cut", 12)
    whole = pb.Document.FromString(encode_part(Part.SECTIONS, document, [problem]))
    assert whole.SerializeToString() == encode_part(Part.SECTIONS, document, [problem])
    assert [section.name for section in whole.sections] == ["exif", "composite"] and whole.problems[
        0
    ].offset_bytes == 12
    own = pb.Document.FromString(encode_part(("composite", "none"), document, []))
    assert [section.name for section in own.sections] == ["composite"] and not own.problems
    assert encode_part(("none",), document, []) == b""


def reference(made):
    """The same by protobuf's own classes."""
    message = pb.Document()
    for name, some in made.items():
        add = message.sections.add(name=name).fields.add
        for field in some:
            _put_field(add, field)
    return message


def _put_field(add, field):
    text, unit, note = field.text, field.unit, field.note
    value = field.value
    if text and (
        text != value if isinstance(value, str) else not isinstance(value, (int, float)) or text != str(value)
    ):
        message = add(name=clean(field.name), text=clean(text), group=clean(field.group))
    else:
        message = add(name=clean(field.name), group=clean(field.group))
    if unit:
        message.unit = unit
    if note:
        message.note = clean(note)
    if value is not None:
        _put(message.value, value)
    if field.raw is not None:
        _put(message.raw, field.raw)
    origin = field.origin
    if origin is not None:
        offset, length = origin
        if 0 <= offset <= _INT64_MAX and 0 <= length <= _INT64_MAX:
            place = message.origin
            place.offset_bytes = offset
            place.length_bytes = length
        else:
            message.origin.offset_bytes = unsigned(offset)
            message.origin.length_bytes = unsigned(length)


def _put(message, value):
    kind = type(value)
    if kind is str:
        message.text = clean(value)
    elif kind is int:
        _put_integer(message, value)
    elif kind is float:
        message.real = value
    elif isinstance(value, Rational):
        fraction = message.rational
        fraction.numerator, fraction.denominator = value
    elif kind is bool:
        message.boolean = value
    elif kind is bytes:
        message.data = value
    elif kind is Struct:
        message.map.SetInParent()
        for name, inner in value.entries:
            entry = message.map.entries.add(name=clean(name))
            if inner is not None:
                _put(entry.value, inner)
    elif kind is list:
        message.list.SetInParent()
        add = message.list.values.add
        for inner in value:
            item = add()
            if inner is not None:
                _put(item, inner)
    else:
        _put_derived(message, value)


def _put_derived(message, value):
    """Values of a library's own classes, which derive from plain ones."""
    if isinstance(value, int):
        _put_integer(message, int(value))
    elif isinstance(value, float):
        message.real = float(value)
    elif isinstance(value, str):
        message.text = clean(str(value))
    elif isinstance(value, bytes):
        message.data = bytes(value)
    elif isinstance(value, list):
        _put(message, list(value))


def _put_integer(message, value):
    if _INT64_MIN <= value <= _INT64_MAX:
        message.integer = value
    elif 0 <= value <= _UINT64_MAX:
        message.unsigned = value
    else:
        message.text = hex(value)  # decimal digits of huge numbers are refused by Python, for their cost

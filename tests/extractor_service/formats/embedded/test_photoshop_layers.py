"""Photoshop's layers in TIFF files and deep pictures, made by Adobe's specification."""

import struct

import pytest

from extractor_service.document import Document, ProblemKind
from extractor_service.formats.embedded import photoshop_layers
from extractor_service.formats.reading.reader import Reader
from extractor_service.sources.descriptor import BytesSource
from tests.support.fields import values

_TIFF = b"Adobe Photoshop Document Data Block\0"


def word(text, order):
    """Four letters as a byte order has them."""
    return text if order == ">" else text[::-1]


def layer(name, order=">", opacity=255, extra=None, blocks=b"", channels=1):
    """One record."""
    text = bytes((len(name),)) + name
    text += bytes(-len(text) % 4)
    inner = struct.pack(order + "II", 0, 0) + text + blocks
    return (
        struct.pack(order + "4iH", 0, 0, 10, 20, channels)
        + bytes(6 * channels)
        + word(b"8BIM", order)
        + word(b"norm", order)
        + bytes((opacity, 0, 0, 0))
        + struct.pack(order + "I", len(inner) if extra is None else extra)
        + inner
    )


def block(key, data, order=">"):
    """One block of additional information."""
    return (
        word(b"8BIM", order)
        + word(key, order)
        + struct.pack(order + "I", len(data))
        + data
        + bytes(-len(data) % 4)
    )


def in_tiff(records, order=">", count=None):
    """The document of the data of a TIFF tag."""
    content = struct.pack(order + "h", len(records) if count is None else count) + b"".join(records)
    data = _TIFF + block(b"Layr", content, order)
    document = Document()
    photoshop_layers.in_tiff(Reader(BytesSource(data)), document)
    return document


@pytest.mark.parametrize("order", "<>")
def test_layers_in_tiff_of_either_byte_order(order):
    found = values(in_tiff([layer(b"one", order), layer(b"two", order, 51)], order), "photoshop")
    assert found["LayerCount"] == 2
    assert found["LayerNames"] == ["one", "two"]
    assert found["LayerOpacities"] == [100.0, 20.0]
    assert found["LayerBlendModes"] == ["norm", "norm"]


def test_a_layer_s_time_and_long_name_go_before_its_short_one():
    when = block(b"shmd", b"\0" * 8 + b"layerTimedoub" + struct.pack(">d", 1700000000.5))
    named = block(b"luni", struct.pack(">I", 2) + "Ωx".encode("utf-16-be"))
    found = values(in_tiff([layer(b"?x", blocks=named + when), layer(b"two")]), "photoshop")
    assert found["LayerUnicodeNames"] == ["Ωx", ""]
    assert found["LayerModifyDates"] == ["2023:11:14 22:13:20+00:00", ""]


@pytest.mark.parametrize("seconds", [0.0, -5.0, 1e300, float("nan"), float("inf")])
def test_a_time_that_is_none_is_left_out(seconds):
    when = block(b"shmd", b"\0" * 8 + b"layerTimedoub" + struct.pack(">d", seconds))
    assert values(in_tiff([layer(b"one", blocks=when)]), "photoshop").get("LayerModifyDates", [""]) == [""]


def test_a_record_that_can_t_be_a_layer_ends_the_list():
    document = in_tiff([layer(b"one"), layer(b"two", extra=4), layer(b"three")])
    assert [each.kind for each in document.problems] == [ProblemKind.DAMAGED]
    assert values(document, "photoshop")["LayerNames"] == ["one", ""], (
        "the second's own part is whole, its name isn't"
    )


def test_more_layers_than_there_are_say_so():
    document = in_tiff([layer(b"one")], count=500)
    assert [each.kind for each in document.problems] == [ProblemKind.TRUNCATED]
    assert values(document, "photoshop")["LayerNames"] == ["one"]


def test_data_that_is_none_of_photoshop_s_is_passed_over():
    document = Document()
    data = b"Adobe Something Else" + bytes(100)
    photoshop_layers.in_tiff(Reader(BytesSource(data)), document)
    assert not document.sections
    assert not document.problems

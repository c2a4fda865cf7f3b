"""JPEG 2000 and JPEG XL in boxes: types by brand, packed boxes, labels, metadata of early plug-ins."""

import struct

import brotli
import pytest

from extractor_service.document import ProblemKind
from extractor_service.formats.identification.identify import identify_source
from extractor_service.sources.descriptor import BytesSource
from tests.extractor_service.formats.test_made_files import read
from tests.golden import jumbf
from tests.golden.jumbf import box

_XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="3"/></rdf:RDF></x:xmpmeta>'
)
_IPTC = b"\x1c\x02\x05\0\4Name"


def jp2(*boxes, brand=b"jp2 "):
    """A file of these boxes behind its signature and type."""
    head = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", brand + bytes(4) + brand)
    header = box(b"ihdr", struct.pack(">IIHBBBB", 480, 640, 3, 7, 7, 0, 0))
    return head + box(b"jp2h", header) + b"".join(boxes)


def jxl(*boxes):
    """A JPEG XL file of these boxes, without a picture."""
    return box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl \0\0\0\0jxl ") + b"".join(boxes)


def value(document, section, name):
    """Of one field; None without it."""
    field = document.find(section, name)
    return None if field is None else field.value


@pytest.mark.parametrize(
    ("brand", "mime"),
    [(b"jp2 ", "image/jp2"), (b"jpx ", "image/jpx"), (b"jpm ", "image/jpm"), (b"jph ", "image/jph"), (b"mjp2", "video/mj2")],
)  # fmt: skip
def test_the_brand_tells_the_type(brand, mime):
    assert identify_source(BytesSource(jp2(brand=brand))).type.mime_type == mime


def test_a_packed_packet_says_what_it_would_unpacked():
    packed = box(b"brob", b"xml " + brotli.compress(_XMP))
    document = read(jxl(packed))
    assert value(document, "xmp", "Rating") == 3
    assert not document.problems
    assert value(read(jxl(box(b"xml ", _XMP))), "xmp", "Rating") == 3


def test_packed_credentials_are_read_and_have_no_place():
    document = read(jxl(box(b"brob", b"jumb" + brotli.compress(jumbf.store()[8:]))))
    assert value(document, "jumbf", "Title") == "A picture"
    assert {field.origin for field in document.sections["jumbf"]} == {None}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"xml \xff\xff\xff\xff\xff", ProblemKind.DAMAGED),
        (b"xml " + brotli.compress(bytes(40_000_000)), ProblemKind.LIMIT),
    ],
)
def test_a_packed_box_that_is_none_or_a_bomb_is_a_problem(content, kind):
    assert [each.kind for each in read(jxl(box(b"brob", content))).problems] == [kind]


@pytest.mark.parametrize(
    "identifier", ["33c7a4d2b81d4723a0baf1a3e097ad38", "09a14e97c0b442e0bebf36df6f0ce36f"]
)
def test_iptc_of_plug_ins_is_read(identifier):
    data = box(b"uuid", bytes.fromhex(identifier) + _IPTC)
    assert value(read(jp2(data)), "iptc", "ObjectName") == "Name"


def test_photoshop_s_resources_are_read():
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(_IPTC)) + _IPTC + bytes(len(_IPTC) % 2)
    data = box(b"uuid", bytes.fromhex("2c4c01008504 40b9a03e562148d6dfeb".replace(" ", "")) + resource)
    assert value(read(jp2(data)), "iptc", "ObjectName") == "Name"


def test_labels_and_fractions_are_kept():
    capture = box(b"res ", box(b"resc", struct.pack(">HHHHbb", 3, 7, 5, 9, 1, 2)))
    document = read(jp2(box(b"lbl ", "Größe\0".encode()), box(b"jp2h", capture)))
    assert value(document, "jpeg2000", "Label") == "Größe"
    assert value(document, "jpeg2000", "CaptureYResolution") is not None


def test_zeros_fill_a_list_of_brands_up():
    data = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 \0\0\0\0")
    header = box(b"jp2h", box(b"ihdr", struct.pack(">IIHBBBB", 4, 4, 1, 7, 7, 0, 0)))
    assert value(read(data + header), "jpeg2000", "CompatibleBrands") == ["jp2 "]

"""DICOM's own reader: encodings, characters, private elements, bounds, and what identifies a patient."""

import struct

import pytest

from extractor_service.depth import Depth
from extractor_service.document import Document, ProblemKind
from extractor_service.formats.containers.dicom import characters, names
from extractor_service.formats.containers.dicom import file as dicom
from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.descriptor import BytesSource
from tests.golden import science
from tests.golden.foreign import SCIENCE


def read(data: bytes, depth: Depth = Depth.STANDARD) -> Document:
    document = Document(limits=depth.limits)
    dicom.parse(BlockCachedSource(BytesSource(data)), document)
    return document


def element(tag: int, value: bytes, kind: bytes = b"") -> bytes:
    group, number = tag >> 16, tag & 0xFFFF
    if not kind:
        return struct.pack("<HHI", group, number, len(value)) + value
    return struct.pack("<HH2sH", group, number, kind, len(value)) + value


@pytest.mark.parametrize(
    "name",
    [
        "dcmtk-undefined.dcm",
        "dcmtk-deflated.dcm",
        "dcmtk-big.dcm",
        "gdcm-implicit.dcm",
        "pydicom-nopreamble.dcm",
        "dcmtk-rle.dcm",
    ],
)
def test_every_encoding_says_the_same(name):
    document = read((SCIENCE / name).read_bytes())
    assert document.find("dicom", "PatientName").value == "Doe^Jane^^Dr^PhD"
    assert document.find("dicom", "ImagePositionPatient").value == [-100.5, 20.0, -3.25]
    assert document.find("dicom", "FrameIncrementPointer").value == ["(0018,1063)", "(0018,1065)"]
    assert document.find("dicom", "Private_0009_1002").value == [1.5, 2.5] or name == "gdcm-implicit.dcm"
    (first, second) = document.find("dicom", "ProcedureCodeSequence").value
    assert dict(first.entries)["ModifierCodeSequence"][0].entries == (
        ("CodeValue", "T-2"),
        ("CodeMeaning", "inner"),
    )
    assert second.entries == () and not document.problems


@pytest.mark.parametrize(
    ("charset", "data", "text"),
    [
        ("ISO_IR 100", b"M\xfcller", "Müller"),
        ("ISO_IR 192", "王^小东".encode(), "王^小东"),
        ("GB18030", "王^小东".encode("gb18030"), "王^小东"),
        ("\\ISO 2022 IR 87", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", "Yamada^Tarou=山田^太郎"),
        (
            "\\ISO 2022 IR 149",
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7",
            "Hong^Gildong=洪^吉洞",
        ),
        ("ISO_IR 13", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3", "ﾔﾏﾀﾞ^ﾀﾛｳ"),
        ("ISO_IR 999", b"M\xfcller", "Müller"),
        ("", b"Doe", "Doe"),
    ],
)
def test_characters(charset, data, text):
    assert characters.decoders(charset)(data) == text


def test_a_private_element_without_a_representation_is_known_by_its_creator():
    data = (
        element(0x00080060, b"MR")
        + element(0x00290010, b"SIEMENS CSA HEADER")
        + element(0x00291008, b"IMAGE NUM 4 ")
    )
    document = read(data)
    field = document.find("dicom", "Private_0029_1008")
    assert field.value == "IMAGE NUM 4" and field.note.startswith("(0029,1008) CS")
    assert (
        names.of(0x60003000, "") == "OverlayData"
        and names.representation(0x00280106, "", is_signed=True) == "SS"
    )


def test_sequences_are_listed_by_their_beginning_or_in_full():
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 12) + element(0x00080100, b"T-1 ", b"SH")
    data = (
        science.dicom()[:-524]
        + struct.pack("<HH2sHI", 0x5200, 0x9230, b"SQ", 0, len(item) * 1000)
        + item * 1000
    )
    document = read(data)
    assert len(document.find("dicom", "PerFrameFunctionalGroupsSequence").value) == 256
    assert [problem.kind for problem in document.problems] == [ProblemKind.LIMIT]
    full = read(data, Depth.FULL)
    assert len(full.find("dicom", "PerFrameFunctionalGroupsSequence").value) == 1000 and not full.problems


def test_items_within_items_end():
    inner = b""
    for _ in range(40):
        inner = (
            struct.pack("<HH2sHI", 0x0008, 0x1111, b"SQ", 0, len(inner) + 8)
            + struct.pack("<HHI", 0xFFFE, 0xE000, len(inner))
            + inner
        )
    document = read(science.dicom()[:-524] + inner)
    assert document.find("dicom", "PatientID") is not None


def test_what_identifies_a_patient_is_reported_without_its_values():
    document = read(science.dicom())
    told = dict(document.find("deidentification", "IdentifyingElements").value.entries)
    assert told["PatientName"] == "Z" and told["StudyDate"] == "Z" and "Rows" not in told
    assert document.find("deidentification", "PrivateElementCount").value == 2
    assert "Golden^Ada" not in str(document.sections["deidentification"])

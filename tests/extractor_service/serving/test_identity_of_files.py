"""What a document says of the file itself: its type, the evidence for it, and where its name says otherwise."""

from __future__ import annotations

from metaextract.document.v1 import document_pb2
from tests.extractor_service.formats.identification.test_identify import tiff


def test_every_file_has_a_name_and_the_evidence_for_it(extractor, tmp_path):
    file = extractor.extract_bytes(b"\x89PNG\r\n\x1a\n", "x.jpg").document.file
    assert (file.format, file.evidence) == ("png", document_pb2.EVIDENCE_MAGIC)
    assert file.name_suggests == "image/jpeg"
    file = extractor.extract_bytes("größer,kleiner\n1,2\n".encode(), "x.csv").document.file
    assert (file.format, file.evidence, file.charset) == ("csv", document_pb2.EVIDENCE_EXTENSION, "utf-8")
    assert not file.name_suggests


def test_a_directory_far_behind_the_head_is_looked_at_wherever_the_file_is(extractor, samples):
    data = tiff(b"SONY\0", {0x14A: 0}, 2_000_000)
    path = samples["hdus.fits"].parent / "far.tif"
    path.write_bytes(data)
    kinds = {
        extractor.extract_bytes(data, "far.tif").document.file.format,
        extractor.extract_uri(path.as_uri()).document.file.format,
        extractor.extract_session(path).document.file.format,
    }
    assert kinds == {"arw"}
    again = extractor.extract_session(path).document.file
    assert (again.format, again.evidence) == ("arw", document_pb2.EVIDENCE_CONTAINER)

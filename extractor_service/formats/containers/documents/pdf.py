"""PDF: version, pages, document information, encryption and XMP, through pikepdf (qpdf).

PDF 1.7 (ISO 32000-1): 7.5 (structure), 7.6 (encryption), 14.3 (metadata). qpdf repairs damaged cross-reference
tables; that is reported as a Problem.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from extractor_service.document import Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.embedded import xmp
from extractor_service.sources.fileobj import SourceFile

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

SECTION = "pdf"
_STREAM_NAME = re.compile(r"(stream )?<extractor_service[^>]*>")


def parse(source: ByteSource, document: Document) -> None:
    """Facts of the file, then the information dictionary, then the XMP packet."""
    import pikepdf  # noqa: PLC0415 - in workers only

    try:
        pdf = pikepdf.open(cast("BinaryIO", SourceFile(source)), access_mode=pikepdf.AccessMode.stream)
    except pikepdf.PasswordError:
        document.add(SECTION, Field("PDFVersion", _version(source)))
        document.add(SECTION, Field("Encryption", "needs a password"))
        document.problem(SECTION, ProblemKind.UNSUPPORTED, "the document needs a password")
        return
    except (pikepdf.PdfError, ValueError, OSError, RuntimeError) as error:
        raise CorruptFileError(f"PDF: {_short(error)}") from error
    with pdf:
        _facts(pdf, document)
        _information(pdf, document)
        _metadata(pdf, document)
        for warning in pdf.get_warnings()[:10]:
            document.problem(SECTION, ProblemKind.DAMAGED, _short(warning))


def _version(source: ByteSource) -> str:
    head = source.read_range(0, 1032)
    start = head.find(b"%PDF-") + 5
    return head[start : start + 3].decode("ascii", "replace")


def _facts(pdf: Any, document: Document) -> None:
    document.add(SECTION, Field("PDFVersion", str(pdf.pdf_version)))
    _guard(document, "PageCount", lambda: document.add(SECTION, Field("PageCount", len(pdf.pages))))
    document.add(SECTION, Field("Linearized", bool(pdf.is_linearized)))
    if pdf.is_encrypted:
        _guard(
            document,
            "Encryption",
            lambda: document.add(
                SECTION,
                Field("Encryption", f"V{pdf.encryption.V} R{pdf.encryption.R} {pdf.encryption.bits} bit"),
            ),
        )
    language = _guard(document, "Language", lambda: pdf.Root.get("/Lang"))
    if language is not None:
        document.add(SECTION, Field("Language", str(language)))


def _information(pdf: Any, document: Document) -> None:
    entries = _guard(document, "Info", lambda: list(pdf.docinfo.items())) or []
    for key, value in entries:
        name = str(key).lstrip("/")
        _guard(
            document,
            name,
            lambda name=name, value=value: document.add(SECTION, Field(name, str(value), group="Info")),
        )


def _metadata(pdf: Any, document: Document) -> None:
    stream = _guard(document, "Metadata", lambda: pdf.Root.get("/Metadata"))
    if stream is None:
        return
    packet = _guard(document, "Metadata", stream.read_bytes)
    if packet:
        xmp.parse(packet, document)


def _guard(document: Document, what: str, action: Any) -> Any:
    """The action's result; a damaged object concerns `what` alone."""
    import pikepdf  # noqa: PLC0415 - in workers only

    try:
        return action()
    except (pikepdf.PdfError, ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
        document.problem(SECTION, ProblemKind.DAMAGED, f"{what}: {_short(error)}")
        return None


def _short(error: object) -> str:
    """The first line of an error, without qpdf's name for our file object."""
    line = (str(error).splitlines() or [""])[0]
    return _STREAM_NAME.sub("", line).strip(" :,")[:200] or type(error).__name__

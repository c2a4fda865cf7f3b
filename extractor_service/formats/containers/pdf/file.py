"""PDF: version, encryption, document information, XMP, pages, and what else is in the file.

ISO 32000-2: 7.5 (structure), 7.6 (encryption), 14.3 (metadata); names as ExifTool has them. Objects are read by ranges, each when
it is asked for; encrypted documents, and those whose cross-references are damaged, by pikepdf (qpdf), whose repairs are Problems.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from extractor_service.document import Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.pdf import pages, parts, revisions
from extractor_service.formats.containers.pdf.objects import (
    SECTION,
    date,
    get,
    guard,
    inflated,
    name,
    plain,
    short,
    text,
)
from extractor_service.formats.containers.pdf.own import NeedsRepairError, Pdf
from extractor_service.formats.embedded import xmp
from extractor_service.formats.reading import names
from extractor_service.formats.reading.reader import Reader
from extractor_service.sources.fileobj import SourceFile

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

_WHOLE_BYTES = 256 * 1024  # read at once: qpdf asks for a thousand places, and a head and a tail are as long
_MOST_SEARCHED_BYTES = 64 * 1024 * 1024  # two seconds
_HEAD_BYTES = 1032  # the header may stand anywhere in the first 1,024 (Annex H.3, note 13)
_NAMES = {"CreationDate": "CreateDate", "ModDate": "ModifyDate", "AAPL:Keywords": "AppleKeywords"}
_DATES = frozenset({"CreationDate", "ModDate", "SourceModified"})
_PERMISSIONS = ((2, "Print"), (3, "Modify"), (4, "Copy"), (5, "Annotate"), (8, "Fill forms"), (9, "Extract"), (10, "Assemble"), (11, "Print high-res"))  # fmt: skip
_RESERVED_MASK = 0x0F3C  # bits of /P that mean something (table 22)
_REPAIRED = re.compile(r"Resources is missing or invalid|dictionary ended prematurely")
_LINEARIZED = re.compile(rb"\d+ \d+ obj\s*<<[^>]*/Linearized[^>]*>>")
_LENGTH = re.compile(rb"/L\s+(\d+)")
_WORD = re.compile(r"(^|[^A-Za-z])([a-z])")
_MOST_XMP_BYTES = 8 * 1024 * 1024  # as of any packet


def parse(source: ByteSource, document: Document) -> None:
    """Facts of the file, then the information dictionary, the XMP packet, the pages and the rest."""
    reader = Reader(source)
    base, version = _header(reader)
    try:
        _describe(
            Pdf(reader, base), reader, base, version, document, is_linearized=_is_linearized(reader, base)
        )
    except NeedsRepairError:
        document.forget()
        _repaired(reader, base, version, document)


def _repaired(reader: Reader, base: int, version: str, document: Document) -> None:
    """The same through qpdf, which mends what is damaged, and decrypts what has no password."""
    import pikepdf  # noqa: PLC0415 - in workers only

    source = reader.source
    file = (
        SourceFile(source)
        if source.size_bytes > _WHOLE_BYTES
        else io.BytesIO(source.read_range(0, _WHOLE_BYTES))
    )
    try:
        # qpdf searches a whole file whose table it can't find.
        may_search = source.size_bytes <= _MOST_SEARCHED_BYTES or revisions.count(reader, base) is not None
        pdf = pikepdf.open(
            cast("BinaryIO", file), access_mode=pikepdf.AccessMode.stream, attempt_recovery=may_search
        )
    except pikepdf.PasswordError:
        document.add(SECTION, Field("PDFVersion", version))
        document.add(SECTION, Field("Encryption", "needs a password"))
        document.problem(SECTION, ProblemKind.UNSUPPORTED, "the document needs a password")
        return
    except (pikepdf.PdfError, ValueError, OSError, RuntimeError, OverflowError) as error:
        raise CorruptFileError(f"PDF: {short(error)}") from error
    with pdf:
        is_linearized = bool(guard(document, "linearization", lambda: pdf.is_linearized))
        _describe(pdf, reader, base, version, document, is_linearized=is_linearized)
        # qpdf also warns of what nobody wrote wrong, such as a page without resources.
        for warning in [each for each in pdf.get_warnings() if not _REPAIRED.search(str(each))][:10]:
            document.problem(SECTION, ProblemKind.DAMAGED, short(warning))


def _describe(
    pdf: Any, reader: Reader, base: int, version: str, document: Document, *, is_linearized: bool
) -> None:
    root = guard(document, "the catalog", lambda: pdf.Root)
    _facts(pdf, root, version, document, is_linearized=is_linearized)
    _information(pdf, document)
    _metadata(root, document)
    actions = pages.Actions()
    pages.add(root, document, actions)
    has_scripts = bool(guard(document, "the catalog", lambda: parts.add(root, document, actions)))
    pages.flags(document, actions, has_scripts)
    _claims(document)
    sections = revisions.count(reader, base)
    if sections is not None:
        # A linearized file has two from the beginning (Annex F).
        updates = max(0, sections - (2 if is_linearized else 1))
        document.add(SECTION, Field("IncrementalUpdates", updates))


def _is_linearized(reader: Reader, base: int) -> bool:
    """Whether the first object says so, and of a file of this length (Annex F.2.2)."""
    found = _LINEARIZED.search(reader.some(base, 1024))
    length = _LENGTH.search(found[0]) if found is not None else None
    return length is not None and int(length[1]) == reader.length


def _header(reader: Reader) -> tuple[int, str]:
    """Where the header stands, and the version there."""
    head = reader.some(0, _HEAD_BYTES)
    start = max(0, head.find(b"%PDF-"))
    found = re.match(rb"\d\.\d", head[start + 5 : start + 8])
    return start, found[0].decode("ascii") if found else ""


def _facts(pdf: Any, root: Any, version: str, document: Document, *, is_linearized: bool) -> None:
    if version:
        document.add(SECTION, Field("PDFVersion", version))
    own = name(get(root, "/Version"))
    if own:
        document.add(SECTION, Field("PDFVersion", own, group="Catalog"))
    document.add(SECTION, Field("Linearized", is_linearized, "Yes" if is_linearized else "No"))
    guard(document, "encryption", lambda: _encryption(pdf, document))
    for key in ("PageLayout", "PageMode"):
        value = name(get(root, f"/{key}"))
        if value:
            document.add(SECTION, Field(key, value))
    language = text(get(root, "/Lang"))
    if language:
        document.add(SECTION, Field("Language", language))
    marked = get(get(root, "/MarkInfo"), "/Marked")
    if isinstance(marked, bool):
        document.add(SECTION, Field("TaggedPDF", marked, "Yes" if marked else "No"))


def _encryption(pdf: Any, document: Document) -> None:
    """What the encryption dictionary says, in ExifTool's words, and what readers may do (7.6.4.2)."""
    if isinstance(pdf, Pdf) or not pdf.is_encrypted:
        return
    dictionary = pdf.trailer.get("/Encrypt")
    told = name(get(dictionary, "/Filter")) or "Standard"
    sub = name(get(dictionary, "/SubFilter"))
    bits = plain(get(dictionary, "/Length")) or pdf.encryption.bits
    version, revision = pdf.encryption.V, pdf.encryption.R
    kind = f"{told}{f', {sub}' if sub else ''} V{version}.{revision} ({bits}-bit)"
    document.add(SECTION, Field("Encryption", kind, group="Encrypt"))
    method = str(pdf.encryption.stream_method).rpartition(".")[2]
    document.add(SECTION, Field("EncryptionMethod", method, group="Encrypt"))
    allowed = int(pdf.encryption.P) & _RESERVED_MASK
    labels = [label for bit, label in _PERMISSIONS if allowed >> bit & 1]
    document.add(SECTION, Field("UserAccess", allowed, ", ".join(labels) or "(none)", group="Encrypt"))


def _information(pdf: Any, document: Document) -> None:
    information = guard(document, "Info", lambda: pdf.trailer.get("/Info"))
    entries = guard(document, "Info", lambda: list(information.items())) if information is not None else []
    for key, value in entries or []:
        guard(document, str(key), _entry, str(key).lstrip("/"), value, document)


def _entry(key: str, value: Any, document: Document) -> None:
    shown = _NAMES.get(key) or names.kept(_WORD.sub(lambda found: found[1] + found[2].upper(), key))
    if key in _DATES or text(value).startswith("D:"):
        written = text(value)
        meant = date(value)
        document.add(SECTION, Field(shown, meant, raw=written if written != meant else None, group="Info"))
        return
    told = plain(value)
    if key == "Keywords" and isinstance(told, str):
        told = _keywords(told)
    if told not in (None, []):
        document.add(SECTION, Field(shown, told, group="Info"))


def _keywords(written: str) -> Value:
    """A list as people write it: by commas or semicolons, whichever are more, else by blanks."""
    commas, semicolons = written.count(","), written.count(";")
    if commas or semicolons:
        parts_ = re.split(r",\s*" if commas >= semicolons else r";\s*", written)
    else:
        parts_ = written.split()
    found: list[Value] = [each.strip() for each in parts_]
    return found if len(found) > 1 else written


def _metadata(root: Any, document: Document) -> None:
    stream = get(root, "/Metadata")
    if stream is None:
        return
    packet = guard(document, "Metadata", inflated, stream, _MOST_XMP_BYTES)
    if packet:
        xmp.parse(packet, document)


def _claims(document: Document) -> None:
    """Which standards the document claims to follow; nobody has checked it (ISO 19005-4, 6.7.3; ISO 14289-1; ISO 15930-7)."""

    def of(name_: str, group: str) -> str:
        found = document.find("xmp", name_, group)
        return str(found.value) if found is not None and found.value is not None else ""

    part = of("Part", "XMP-pdfaid")
    if part:
        claim = f"PDF/A-{part}{of('Conformance', 'XMP-pdfaid').lower()}"
        document.add(SECTION, Field("PDFAClaim", claim, group="Claims", note="claimed, not checked"))
    accessible = of("Part", "XMP-pdfuaid")
    if accessible:
        document.add(SECTION, Field("PDFUAClaim", f"PDF/UA-{accessible}", group="Claims", note="claimed, not checked"))  # fmt: skip
    exchange = of("GTS_PDFXVersion", "XMP-pdfxid") or next(
        (str(each.value) for each in document.sections.get(SECTION, []) if each.name == "GTS_PDFXVersion"), ""
    )
    if exchange:
        document.add(SECTION, Field("PDFXClaim", exchange, group="Claims", note="claimed, not checked"))

"""Documents in compound files: their property sets, then what Word, Excel or PowerPoint say, macros and encryption.

Microsoft, MS-OSHARED (properties), MS-OVBA 2.2.1 (where macros are), MS-OFFCRYPTO 2.3 (encryption of newer files).
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.containers.ole import excel, outlook, powerpoint, property_set, word
from extractor_service.formats.containers.ole.compound import STORAGE, STREAM, CompoundFile, Stream
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.formats.containers.ole.compound import Entry
    from extractor_service.sources.base import ByteSource

SECTION = "ole"
_MOST_SET_BYTES = 2 * 1024 * 1024  # of a property set: thumbnails stand in it
_MOST_SETS = 100  # of documents in documents
_WORKBOOKS = ("Workbook", "Book", "WORKBOOK")
_ENCRYPTED = ("EncryptionInfo", "EncryptedPackage", "EncryptedSummary")
_KEY_DATA = re.compile(rb"<keyData\b[^>]{0,1000}>")
_ATTRIBUTE = re.compile(rb'(\w+)="([^"]{0,100})"')
_CIPHERS = {
    0x660E: "AES",
    0x660F: "AES",
    0x6610: "AES",
    0x6801: "RC4",
}  # CALG ids (MS-OFFCRYPTO specification, 2.3.2)


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """Properties, then facts of the program's own streams, then what else is inside."""
    file = CompoundFile(Reader(source, big_endian=False), document, SECTION)
    entries = file.entries
    _properties(file, entries, document)
    for name, read in (("WordDocument", word.read), ("PowerPoint Document", powerpoint.read)):
        stream = file.stream(name)
        if stream is not None:
            with Surviving(document, SECTION, name, stream.origin()):
                read(file, stream, document)
    book = next((stream for name in _WORKBOOKS if (stream := file.stream(name)) is not None), None)
    if book is not None:
        with Surviving(document, SECTION, "Workbook", book.origin()):
            excel.read(book, document)
    if "__properties_version1.0" in file.by_path:
        outlook.read(file, document)
    else:
        _facts(file, entries, document)


def _properties(file: CompoundFile, entries: list[Entry], document: Document) -> None:
    """The sets of the document, and of those inside it, whose group is their storage."""
    sets = [each for each in entries if each.kind == STREAM and (each.name in property_set.SETS or each.name == "\1CompObj")]  # fmt: skip
    sets.sort(key=lambda each: "/" in each.path)
    for each in sets[:_MOST_SETS]:
        folder = each.path.rpartition("/")[0]
        group = property_set.GROUP if not folder else f"{property_set.GROUP}-{folder.rpartition('/')[2][:40]}"
        with Surviving(document, SECTION, repr(each.path[:80])):
            data = file.content(each, _MOST_SET_BYTES)
            if not data:
                continue
            at = Stream(file, each).origin()
            if each.name == "\1CompObj":
                _comp_obj(data, at, group, document)
            else:
                property_set.read(data, document, property_set.SETS[each.name], group, at)


def _comp_obj(data: bytes, at: int | None, group: str, document: Document) -> None:
    """What the program calls itself (MS-OLEDS 2.3.7)."""
    length = int.from_bytes(data[28:32], "little")
    if not 0 < length <= len(data) - 32:
        return
    text = data[32 : 32 + length].partition(b"\0")[0].decode("cp1252", "replace")
    origin = ByteRange(at, len(data)) if at is not None else None
    for name, value in (("CompObjUserTypeLen", length), ("CompObjUserType", text)):
        document.add(property_set.SECTION, Field(name, value, group=group, origin=origin))


def _facts(file: CompoundFile, entries: list[Entry], document: Document) -> None:
    def add(name: str, value: Value) -> None:
        document.add(SECTION, Field(name, value, group="OLE"))

    if any(file.class_id):
        add("ClassID", str(uuid.UUID(bytes_le=file.class_id)).upper())
    add("StreamCount", sum(each.kind == STREAM for each in entries))
    vba = [each for each in entries if each.kind == STORAGE and each.name in {"VBA", "_VBA_PROJECT_CUR"}]
    if not file.stream("PowerPoint Document"):  # which packs them into its own stream
        # Publisher always has an empty storage (MS-OVBA 2.2.1: a project has this stream).
        paths = {each.path.lower() for each in entries}
        add(
            "HasMacros",
            value=any(
                f"{each.path}/dir".lower() in paths or f"{each.path}/VBA/dir".lower() in paths for each in vba
            ),
        )
    folder = next((each.path + "/" for each in vba if each.name == "VBA"), "")
    modules: list[Value] = [
        each.name for each in entries
        if folder and each.path.startswith(folder) and each.kind == STREAM and not each.name.startswith(("__SRP_", "_VBA_PROJECT", "dir"))
    ]  # fmt: skip
    if modules:
        add("MacroModules", modules[:200])
    objects = sum(each.kind == STORAGE and bool(re.match(r"(_\d{9,}|MBD[0-9A-F]{8})$", each.name)) for each in entries)  # fmt: skip
    if objects:
        add("EmbeddedObjects", objects)
    if any(each.name in {"_signatures", "_xmlsignatures", "\5DigitalSignature"} for each in entries):
        add("DigitallySigned", value=True)
    if any(name in file.by_path for name in _ENCRYPTED):
        _encryption(file, document)


def _encryption(file: CompoundFile, document: Document) -> None:
    """How a newer document is encrypted, as a whole (MS-OFFCRYPTO 2.3.4)."""
    entry = file.by_path.get("EncryptionInfo")
    data = file.content(entry, 64 * 1024) if entry is not None else b""
    text = "yes"
    key = _KEY_DATA.search(data)
    if key is not None:  # agile: as XML (2.3.4.10)
        told = {name: value.decode("latin-1") for name, value in _ATTRIBUTE.findall(key[0])}
        text = f"{told.get(b'cipherAlgorithm', '?')} {told.get(b'keyBits', '?')} bit, {told.get(b'hashAlgorithm', '?')}"
    elif (
        data[2:4] == b"\2\0" and len(data) >= 32
    ):  # standard: a header behind version, flags and its length (2.3.2)
        cipher, bits = int.from_bytes(data[20:24], "little"), int.from_bytes(data[28:32], "little")
        text = f"{_CIPHERS.get(cipher, f'algorithm {cipher:#x}')} {bits} bit"
    document.add(SECTION, Field("Encryption", text, group="OLE"))
    document.problem(SECTION, ProblemKind.UNSUPPORTED, "the document needs a password")

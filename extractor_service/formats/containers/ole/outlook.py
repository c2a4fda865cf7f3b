"""Mails, contacts and appointments of Outlook (.msg): headers, recipients, attachments. Microsoft, MS-OXMSG 2, MS-OXPROPS.

Names are those of mail headers where there is one ("Subject", "From", "MessageID"), as of `mail.eml`.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from extractor_service.document import Field, ProblemKind, Struct
from extractor_service.formats.containers.ole.compound import STORAGE, STREAM
from extractor_service.formats.reading.damage import Surviving

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.formats.containers.ole.compound import CompoundFile

SECTION = "mail"
_GROUP = "Message"
_MOST_PARTS = 500  # recipients, and attachments
# Of a signed mail: longer ones are listed as the one attachment that they are kept as.
_MOST_SIGNED_BYTES = 1024 * 1024
_MOST_TEXT_BYTES = 64 * 1024  # of a property: headers of a long route
_TEXT_8, _TEXT_16, _TIME, _LONG, _BOOL, _SHORT = 0x1E, 0x1F, 0x40, 0x03, 0x0B, 0x02
_FROM_1601_SECONDS = 11_644_473_600  # to 1970
# Property ids of MS-OXPROPS.
_TEXTS = (
    (0x001A, "MessageClass"), (0x0037, "Subject"), (0x0070, "ConversationTopic"), (0x0E04, "DisplayTo"), (0x0E03, "DisplayCc"), (0x0E02, "DisplayBcc"),
    (0x1035, "MessageID"), (0x1042, "InReplyTo"), (0x1039, "References"), (0x3001, "DisplayName"), (0x3A16, "Company"), (0x3A17, "JobTitle"),
    (0x3A08, "BusinessPhone"), (0x3A1C, "MobilePhone"), (0x0E1D, "NormalizedSubject"),
)  # fmt: skip
_TIMES = ((0x0039, "Date"), (0x0E06, "DeliveryTime"), (0x3007, "CreateDate"), (0x3008, "ModifyDate"))
_LABELS = {
    (0x0017, "Importance"): {0: "Low", 1: "Normal", 2: "High"},
    (0x0036, "Sensitivity"): {0: "None", 1: "Personal", 2: "Private", 3: "Confidential"},
    (0x0026, "Priority"): {-1: "Non-urgent", 0: "Normal", 1: "Urgent"},
}
_BODIES = ((0x1000, "PlainTextSize"), (0x1013, "HTMLSize"), (0x1009, "RTFSize"))
_KINDS = {1: "To", 2: "Cc", 3: "Bcc"}
_METHODS = {0: "None", 1: "ByValue", 2: "ByReference", 5: "EmbeddedMessage", 6: "OLE"}


def read(file: CompoundFile, document: Document) -> None:
    """Adds what the message says, its recipients and its attachments."""
    top = _Properties(file, "", 1252)
    page = top.number(0x3FFD) or top.number(0x3FDE) or 1252
    top.code_page = page if isinstance(page, int) else 1252

    def add(name: str, value: Value, text: str = "") -> None:
        if value not in (None, ""):
            document.add(SECTION, Field(name, value, text, group=_GROUP))

    for key, name in _TEXTS:
        if name != "NormalizedSubject":
            add(name, top.text(key))
    sender, address = top.text(0x0C1A) or top.text(0x0042), top.text(0x5D01) or top.text(0x0C1F) or top.text(0x0065)  # fmt: skip
    if sender or address:
        add("From", f"{sender} <{address}>" if sender and address and sender != address else sender or address)  # fmt: skip
    for key, name in _TIMES:
        add(name, top.time(key))
    for (key, name), labels in _LABELS.items():
        value = top.number(key)
        if value is not None:
            add(name, value, labels.get(value, f"Unknown ({value})"))
    flags = top.number(0x0E07)
    if flags is not None:
        add("IsRead", bool(flags & 1))
        add("IsUnsent", bool(flags & 8))
    for key, name in _BODIES:
        size = top.size(key)
        if size:
            add(name, size)
    _route(top.text(0x007D), document)
    _parts(file, document, top.code_page)


def _route(headers: str, document: Document) -> None:
    """What the headers say that came with it over the network, those above left aside."""
    if not headers:
        return
    from extractor_service.formats.containers.text import headers as mail_headers  # noqa: PLC0415 - rare

    with Surviving(document, SECTION, "transport headers"):
        mail_headers.add_route(headers, document)


def _parts(file: CompoundFile, document: Document, page: int) -> None:
    storages = [each.path for each in file.entries if each.kind == STORAGE and "/" not in each.path]
    people = [each for each in storages if each.startswith("__recip_version1.0_")]
    files = [each for each in storages if each.startswith("__attach_version1.0_")]
    for each in people[:_MOST_PARTS]:
        with Surviving(document, SECTION, each[:40]):
            inner = _Properties(file, each + "/", page)
            kind = inner.number(0x0C15)
            document.add(
                SECTION, Field("Recipient", _struct(
                    Name=inner.text(0x3001), Address=inner.text(0x39FE) or inner.text(0x3003), Kind=_KINDS.get((kind or 0) & 0xF, ""),
                ), group="Recipients"),
            )  # fmt: skip
    count = len(files)
    for each in files[:_MOST_PARTS]:
        with Surviving(document, SECTION, each[:40]):
            inner = _Properties(file, each + "/", page)
            method = inner.number(0x3705)
            name = inner.text(0x3707) or inner.text(0x3704) or inner.text(0x3001)
            media_type = inner.text(0x370E)
            if media_type == "multipart/signed" and len(files) == 1:
                signed = _signed(file, document, each)
                if signed is not None:
                    count = signed
                    break
            document.add(
                SECTION, Field("Attachment", _struct(
                    Name=name, Type=media_type, Size=inner.size(0x3701),
                    ContentID=inner.text(0x3712), Method=_METHODS.get(method if method is not None else -1, ""),
                ), group="Attachments"),
            )  # fmt: skip
    document.add(SECTION, Field("AttachmentCount", count, group=_GROUP))
    for name, found in (("recipients", people), ("attachments", files)):
        if len(found) > _MOST_PARTS:
            document.problem(SECTION, ProblemKind.LIMIT, f"{_MOST_PARTS} of {len(found)} {name} are listed")


def _signed(file: CompoundFile, document: Document, folder: str) -> int | None:
    """How many files a signed mail has: all of it is kept as one attachment (MS-OXOSMIME 2.1.3.1). None for one that is too long."""
    entry = file.by_path.get(f"{folder}/__substg1.0_37010102")
    if entry is None or entry.kind != STREAM or entry.size_bytes > _MOST_SIGNED_BYTES:
        return None
    from extractor_service.formats.containers.text import mail  # noqa: PLC0415 - rare

    document.spend(entry.size_bytes)
    document.add(SECTION, Field("Signed", value=True, group=_GROUP))
    return mail.add_parts(file.content(entry, _MOST_SIGNED_BYTES), document)


def _struct(**values: Value) -> Struct:
    return Struct(tuple((key, value) for key, value in values.items() if value not in (None, "")))


class _Properties:
    """The properties of one storage: fixed ones in one stream, others in a stream each."""

    def __init__(self, file: CompoundFile, folder: str, code_page: int) -> None:
        self._file, self._folder, self.code_page = file, folder, code_page
        entry = file.by_path.get(folder + "__properties_version1.0")
        data = file.content(entry, 64 * 1024) if entry is not None else b""
        begin = 8 if folder else 32  # before the fixed properties (MS-OXMSG 2.4.1)
        self._fixed = {
            struct.unpack_from("<I", data, at)[0]: data[at + 8 : at + 16] for at in range(begin, len(data) - 15, 16)
        }  # fmt: skip

    def text(self, key: int) -> str:
        """The text; "" without one."""
        entry = self._file.by_path.get(f"{self._folder}__substg1.0_{key:04X}001F")
        if entry is not None and entry.kind == STREAM:
            return self._file.content(entry, _MOST_TEXT_BYTES).decode("utf-16-le", "replace").rstrip("\0")
        entry = self._file.by_path.get(f"{self._folder}__substg1.0_{key:04X}001E")
        if entry is None or entry.kind != STREAM:
            return ""
        data = self._file.content(entry, _MOST_TEXT_BYTES).rstrip(b"\0")
        codec = {65001: "utf-8", 20127: "ascii", 50220: "iso2022_jp", 28591: "latin-1", 20866: "koi8-r", 936: "gbk"}.get(self.code_page, f"cp{self.code_page}")  # fmt: skip
        try:
            return data.decode(codec)
        except (UnicodeDecodeError, LookupError):
            return data.decode("cp1252", "replace")

    def number(self, key: int) -> int | None:
        """A number or a truth value."""
        for kind, form in ((_LONG, "<i"), (_BOOL, "<H"), (_SHORT, "<h")):
            data = self._fixed.get(key << 16 | kind)
            if data is not None:
                return int(struct.unpack_from(form, data)[0])
        return None

    def time(self, key: int) -> str:
        """A time in UTC."""
        from datetime import UTC, datetime, timedelta  # noqa: PLC0415 - in workers only

        data = self._fixed.get(key << 16 | _TIME)
        ticks = int.from_bytes(data, "little") if data is not None else 0
        seconds = ticks // 10_000_000 - _FROM_1601_SECONDS
        if not ticks or not 0 <= seconds < 1 << 33:
            return ""
        return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds):%Y:%m:%d %H:%M:%SZ}"

    def size(self, key: int) -> int | None:
        """How many bytes a stream of any type has."""
        for kind in ("0102", "001F", "001E", "000D"):
            entry = self._file.by_path.get(f"{self._folder}__substg1.0_{key:04X}{kind}")
            if entry is not None and entry.kind == STREAM:
                return entry.size_bytes
        return None
